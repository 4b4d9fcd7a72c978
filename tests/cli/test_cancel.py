"""Answers that are cancelled: by name, by whoever waits for them, and by leaving them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from bridge_cli.client import BridgeClient, Endpoint, Patience, new_request_id
from bridge_cli.errors import ConnectionLost, Interrupted, RequestFailed
from bridge_cli.events import Accepted, Answer, Delta
from tests.cli.conversing import QUICK, Events, client, run, shown
from tests.cli.fake_bridge import FakeBridge, Frame, abort, accepted, failure, post
from tests.cli.fake_turns import Fate, half_an_answer


async def cancelled_after(connected: BridgeClient, kind: type) -> Events:
    """Ask, cancel once an event of this kind came, and return all that came."""
    request_id = new_request_id()
    events = []
    async for event in connected.ask("Hi", "plans", request_id=request_id):
        events.append(event)
        if isinstance(event, kind):
            await connected.cancel(request_id)
    return events


def cancelled(bridge: FakeBridge, kind: type, patience: Patience = QUICK) -> Events:
    async def ask() -> Events:
        async with client(bridge, patience) as connected:
            return await cancelled_after(connected, kind)

    events: Events = run(ask())
    return events


def end_of(events: Events) -> tuple[str, str]:
    answer = events[-1]
    assert isinstance(answer, Answer)
    assert shown(events) == answer.text
    return answer.stop_reason, answer.text


@pytest.mark.parametrize("kind", [Accepted, Delta])
def test_what_was_said_until_then_is_the_answer(bridge: FakeBridge, kind: type) -> None:
    bridge.behaviours = [half_an_answer]
    events = cancelled(bridge, kind)
    assert end_of(events) == ("cancelled", "Half an")
    assert len(bridge.sent("cancel")) == 1


def test_an_answer_that_was_faster_is_the_answer(bridge: FakeBridge) -> None:
    async def finish(fake: FakeBridge, connection: ServerConnection, frame: Frame) -> None:
        turn = fake.begin(connection, frame)
        await turn.accept()
        await turn.cancelled.wait()
        await turn.say("All of it")
        await turn.finish()

    bridge.behaviours = [finish]
    assert end_of(cancelled(bridge, Accepted)) == ("end_turn", "All of it")


@pytest.mark.parametrize(
    "ends", [[Fate(receives=2)], [Fate(posts=2)], [Fate(posts=2), Fate(receives=1), Fate(posts=1)]]
)
def test_drops_meanwhile_change_nothing(bridge: FakeBridge, ends: list[Fate | None]) -> None:
    bridge.behaviours = [half_an_answer]
    bridge.fates = ends
    events = cancelled(bridge, Accepted)
    assert end_of(events) == ("cancelled", "Half an")
    assert bridge.exchanges["plans"][0]["stop_reason"] == "cancelled"


def test_a_cancel_that_fails_is_sent_again(bridge: FakeBridge) -> None:
    go_on = bridge._continue
    refused: list[Frame] = []

    async def refuse_first(connection: ServerConnection, frame: Frame) -> None:
        if frame["action"] == "cancel" and not refused:
            refused.append(frame)
            await post(connection, failure("internal", "it broke", frame["request_id"], retryable=True))
        else:
            await go_on(connection, frame)

    bridge._continue = refuse_first  # type: ignore[method-assign]
    bridge.behaviours = [half_an_answer]
    assert end_of(cancelled(bridge, Delta)) == ("cancelled", "Half an")
    assert len(bridge.sent("cancel")) == 2


def test_a_turn_that_failed_meanwhile_is_told(bridge: FakeBridge) -> None:
    async def fail(fake: FakeBridge, connection: ServerConnection, frame: Frame) -> None:
        turn = fake.begin(connection, frame)
        await turn.accept()
        await turn.cancelled.wait()
        await turn.fail("upstream_error", "Claude broke off", retryable=True)

    bridge.behaviours = [fail]
    with pytest.raises(RequestFailed, match="Claude broke off"):
        cancelled(bridge, Accepted)


def test_a_bridge_that_does_not_say_that_it_ended_is_not_waited_for(bridge: FakeBridge) -> None:
    async def never(fake: FakeBridge, connection: ServerConnection, frame: Frame) -> None:
        await fake.begin(connection, frame).accept()

    bridge.behaviours = [never]
    with pytest.raises(Interrupted, match="did not say in time") as caught:
        cancelled(bridge, Accepted, replace(QUICK, cancel=0.05))
    assert "bridge history plans" in caught.value.hint
    assert bridge.sent("cancel")


async def waits(events: AsyncGenerator[Any]) -> asyncio.Task[Any]:
    """Return a task that waits for the first event."""
    return asyncio.ensure_future(anext(events))


def test_one_that_is_not_accepted_yet_is_cancelled_once_it_is(bridge: FakeBridge) -> None:
    accept = asyncio.Event()

    async def late(fake: FakeBridge, connection: ServerConnection, frame: Frame) -> None:
        await accept.wait()
        await half_an_answer(fake, connection, frame)

    async def ask() -> Events:
        async with client(bridge) as connected:
            request_id = new_request_id()
            asking = connected.ask("Hi", "plans", request_id=request_id)
            first = await waits(asking)
            while not bridge.sent("query"):
                await asyncio.sleep(0)
            assert connected.stop(request_id)
            bridge.do(accept.set)
            return [await first, *[event async for event in asking]]

    bridge.behaviours = [late]
    assert end_of(run(ask())) == ("cancelled", "Half an")


def test_one_that_was_never_sent_is_given_up(bridge: FakeBridge) -> None:
    asked_for = asyncio.Event()

    async def ask() -> None:
        loop = asyncio.get_running_loop()
        let_go = asyncio.Event()

        def token() -> str:
            loop.call_soon_threadsafe(asked_for.set)
            asyncio.run_coroutine_threadsafe(let_go.wait(), loop).result(20)
            return "a.b.c"

        connected = BridgeClient(Endpoint(bridge.url, token), patience=QUICK)
        request_id = new_request_id()
        first = await waits(connected.ask("Hi", request_id=request_id))
        await asked_for.wait()  # it is connecting
        await connected.cancel(request_id)
        with contextlib.suppress(asyncio.CancelledError):
            try:
                await first
            finally:
                let_go.set()
                await connected.close()

    with pytest.raises(Interrupted, match="before the question was sent"):
        run(ask())
    assert bridge.received == []


@pytest.mark.parametrize("reached", [True, False])
def test_one_whose_connection_dropped_before_it_was_accepted(bridge: FakeBridge, reached: bool) -> None:
    """It is not sent again: whether the bridge has it is what it says to the cancel."""
    loop = asyncio.new_event_loop()

    async def drop(fake: FakeBridge, connection: ServerConnection, frame: Frame) -> None:
        if reached:
            fake.begin(connection, frame)
        loop.call_soon_threadsafe(cancel_and_drop, connection)

    def cancel_and_drop(connection: ServerConnection) -> None:
        assert connected.stop(request_id)
        bridge.do(lambda: abort(connection))

    async def ask() -> Events:
        async with connected:
            return [event async for event in connected.ask("Hi", "plans", request_id=request_id)]

    async def end_the_turn(connection: ServerConnection, frame: Frame) -> None:
        await go_on(connection, frame)
        if turn := bridge.turns.get(frame["request_id"]):
            turn.connection = connection
            await turn.finish("cancelled")

    go_on, bridge._continue = bridge._continue, end_the_turn  # type: ignore[method-assign]
    bridge.behaviours = [drop]
    connected, request_id = client(bridge), new_request_id()
    with contextlib.closing(loop):
        if reached:
            assert end_of(loop.run_until_complete(ask())) == ("cancelled", "")
        else:
            with pytest.raises(Interrupted, match="before the bridge had the question"):
                loop.run_until_complete(ask())
    assert (len(bridge.sent("query")), len(bridge.sent("cancel"))) == (1, 1)


def test_another_client_s_answer_can_be_cancelled(bridge: FakeBridge) -> None:
    async def both() -> tuple[Events, str]:
        async with client(bridge) as one, client(bridge) as other:
            request_id = new_request_id()
            events = []
            async for event in one.ask("Hi", "plans", request_id=request_id):
                events.append(event)
                if isinstance(event, Delta):
                    await other.cancel(request_id)
            await other.cancel(request_id)  # it had ended
            return events, request_id

    bridge.behaviours = [half_an_answer]
    events, request_id = run(both())
    assert end_of(events) == ("cancelled", "Half an")
    assert [frame["request_id"] for frame in bridge.sent("cancel")] == [request_id] * 2


@pytest.mark.parametrize(("older", "code"), [(False, "not_found"), (True, "unknown_action")])
def test_what_cannot_be_cancelled_is_told(bridge: FakeBridge, older: bool, code: str) -> None:
    async def cancel() -> None:
        async with client(bridge) as connected:
            await connected.cancel(new_request_id())

    bridge.older = older
    with pytest.raises(RequestFailed) as caught:
        run(cancel())
    assert caught.value.code == code


def test_an_older_bridge_cannot_cancel_and_says_where_the_answer_will_be(bridge: FakeBridge) -> None:
    bridge.older = True
    bridge.behaviours = [half_an_answer]
    with pytest.raises(Interrupted, match="too old") as caught:
        cancelled(bridge, Delta)
    assert "bridge history plans" in caught.value.hint


def test_one_that_was_accepted_and_is_not_known_any_more_is_an_error(bridge: FakeBridge) -> None:
    async def unknown(fake: FakeBridge, connection: ServerConnection, frame: Frame) -> None:
        await post(connection, accepted(frame))

    bridge.behaviours = [unknown]
    with pytest.raises(RequestFailed, match="no longer knows"):
        cancelled(bridge, Accepted)
    with pytest.raises(ConnectionLost):
        run(lost(bridge))


async def lost(bridge: FakeBridge) -> None:
    """Cancel over a connection that cannot be made again: within its patience."""
    async with client(bridge, replace(QUICK, reconnect=0.01)) as connected:
        request_id = new_request_id()
        async for _ in connected.ask("Hi", "plans", request_id=request_id):
            bridge.refusals = [500] * 50
            bridge.do(lambda: abort(bridge.connections[-1]))
            await connected.cancel(request_id)
