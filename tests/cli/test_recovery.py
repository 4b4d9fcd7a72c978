"""A link that drops, and a bridge that cannot resume: sent again, or completed from the history."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from bridge_cli.client import Patience
from bridge_cli.errors import (
    ConnectionLost,
    RequestFailed,
)
from bridge_cli.events import Answer, Delta
from bridge_cli.memory import PromptMemory
from tests.cli.conversing import QUICK, asked, client, run, shown
from tests.cli.fake_bridge import FakeBridge, Frame, abort, accepted, answer, answered, delta, failure, post


def test_after_a_drop_before_accepted_the_question_is_sent_again_under_its_id(bridge: FakeBridge) -> None:
    async def drop(_: FakeBridge, connection: ServerConnection, frame: Frame) -> None:
        abort(connection)

    bridge.behaviours = [drop]
    assert shown(run(asked(client(bridge)))) == "Hello, world"
    first, second = bridge.sent("query")
    assert first == second


def test_a_connection_that_comes_back_late_is_told_of(bridge: FakeBridge) -> None:
    async def drop(fake: FakeBridge, connection: ServerConnection, frame: Frame) -> None:
        fake.refusals = [503] * 2
        abort(connection)

    notices: list[str] = []
    bridge.behaviours = [drop]
    assert shown(run(asked(client(bridge, replace(QUICK, tell=0), notices)))) == "Hello, world"
    broke_off, still, again = notices
    assert "reconnecting" in broke_off
    assert "HTTP 503" in still
    assert again == "Connected again."


def test_after_a_drop_in_the_answer_only_the_rest_is_shown(bridge: FakeBridge) -> None:
    async def break_off(fake: FakeBridge, connection: ServerConnection, frame: Frame) -> None:
        await post(connection, accepted(frame))
        await post(connection, delta(frame, 1, "Hello"))
        fake.keep(frame)
        await connection.close()

    bridge.behaviours = [break_off]
    events = run(asked(client(bridge)))
    assert [event.text for event in events if isinstance(event, Delta)] == ["Hello", ", world"]
    assert isinstance(events[-1], Answer)
    assert (events[-1].text, events[-1].turn) == ("Hello, world", 1)
    assert len(bridge.sent("query")) == 1


def test_an_answer_that_is_not_there_yet_is_asked_for_until_it_is(bridge: FakeBridge) -> None:
    asked_for = 0
    look_up = bridge._history

    def late(frame: Frame) -> Frame:
        nonlocal asked_for
        asked_for += 1
        if asked_for == 3:
            bridge.keep(bridge.sent("query")[0])
        return look_up(frame)

    async def break_off(fake: FakeBridge, connection: ServerConnection, frame: Frame) -> None:
        fake.exchanges["plans"] = []
        await post(connection, accepted(frame))
        abort(connection)

    bridge._history = late  # type: ignore[method-assign]
    bridge.behaviours = [break_off]
    assert shown(run(asked(client(bridge)))) == "Hello, world"
    assert asked_for == 3


def test_a_new_session_that_has_no_history_yet_is_waited_for(bridge: FakeBridge) -> None:
    look_up = bridge._history

    def not_yet(frame: Frame) -> Frame:
        told = look_up(frame)
        if told["type"] == "error":
            bridge.keep(bridge.sent("query")[0])
        return told

    async def break_off(fake: FakeBridge, connection: ServerConnection, frame: Frame) -> None:
        await post(connection, accepted(frame))
        abort(connection)

    bridge._history = not_yet  # type: ignore[method-assign]
    bridge.behaviours = [break_off]
    assert shown(run(asked(client(bridge)))) == "Hello, world"


def test_a_turn_that_failed_meanwhile_is_told(bridge: FakeBridge) -> None:
    async def break_off(fake: FakeBridge, connection: ServerConnection, frame: Frame) -> None:
        await post(connection, accepted(frame))
        fake.keep(frame, stop_reason="error", error={"code": "upstream_error", "message": "Claude broke off"})
        abort(connection)

    bridge.behaviours = [break_off]
    with pytest.raises(RequestFailed, match="Claude broke off") as caught:
        run(asked(client(bridge)))
    assert caught.value.code == "upstream_error"


def test_a_gap_is_filled_from_the_history(bridge: FakeBridge) -> None:
    async def lose_one(fake: FakeBridge, connection: ServerConnection, frame: Frame) -> None:
        await post(connection, accepted(frame))
        await post(connection, delta(frame, 1, "Hello"))
        await post(connection, delta(frame, 3, "world"))
        await post(connection, answer(frame, fake.keep(frame), 3))

    bridge.behaviours = [lose_one]
    events = run(asked(client(bridge)))
    assert shown(events) == "Hello, world"
    assert isinstance(events[-1], Answer)
    assert events[-1].memory == PromptMemory(window_messages=2, window_characters=40)


@pytest.mark.parametrize("deltas", [3, None])
def test_a_lost_end_is_filled_from_the_history(bridge: FakeBridge, deltas: int | None) -> None:
    async def lose_the_last(fake: FakeBridge, connection: ServerConnection, frame: Frame) -> None:
        await post(connection, accepted(frame))
        await post(connection, delta(frame, 1, "Hello"))
        await post(connection, answer(frame, fake.keep(frame), deltas))

    bridge.behaviours = [lose_the_last]
    assert shown(run(asked(client(bridge)))) == "Hello, world"


def test_repeated_and_reordered_deltas_are_shown_once_and_in_order(bridge: FakeBridge) -> None:
    async def twice(fake: FakeBridge, connection: ServerConnection, frame: Frame) -> None:
        for seq, text in [(2, ", "), (1, "Hello"), (1, "Hello"), (3, "world"), (2, ", ")]:
            await post(connection, delta(frame, seq, text))
        await post(connection, accepted(frame))
        await post(connection, answer(frame, fake.keep(frame), 3))

    bridge.behaviours = [twice]
    assert shown(run(asked(client(bridge)))) == "Hello, world"


def test_silence_makes_the_client_look_into_the_history(bridge: FakeBridge) -> None:
    async def fall_silent(fake: FakeBridge, connection: ServerConnection, frame: Frame) -> None:
        fake.keep(frame)
        await post(connection, accepted(frame))

    bridge.behaviours = [fall_silent]
    assert shown(run(asked(client(bridge, Patience(silence=0.05))))) == "Hello, world"


def test_no_answer_in_time_is_an_error_that_says_where_it_will_be(bridge: FakeBridge) -> None:
    async def fall_silent(fake: FakeBridge, connection: ServerConnection, frame: Frame) -> None:
        fake.exchanges["plans"] = []
        await post(connection, accepted(frame))

    bridge.behaviours = [fall_silent]
    with pytest.raises(ConnectionLost) as caught:
        run(asked(client(bridge, Patience(silence=0.02, answer=0.1))))
    assert "bridge history plans" in caught.value.hint


def test_a_question_that_is_never_accepted_is_given_up(bridge: FakeBridge) -> None:
    async def too_big(_: FakeBridge, connection: ServerConnection, frame: Frame) -> None:
        await connection.close(1009, "too big")

    bridge.behaviours = [too_big] * 5
    with pytest.raises(ConnectionLost, match="1009 too big"):
        run(asked(client(bridge)))
    assert len(bridge.sent("query")) == 3


def test_a_connection_that_the_bridge_forgot_is_made_anew(bridge: FakeBridge) -> None:
    async def forgotten(_: FakeBridge, connection: ServerConnection, frame: Frame) -> None:
        await post(connection, failure("unauthorized", "no record", frame["request_id"]))

    bridge.behaviours = [forgotten]
    assert shown(run(asked(client(bridge)))) == "Hello, world"
    assert bridge.connected == 2
    bridge.behaviours = [forgotten] * 2
    with pytest.raises(RequestFailed, match="no record"):
        run(asked(client(bridge)))


def test_a_bridge_that_does_not_come_back_is_given_up(bridge: FakeBridge) -> None:
    async def gone(fake: FakeBridge, connection: ServerConnection, frame: Frame) -> None:
        fake.refusals = [500] * 500
        abort(connection)

    bridge.behaviours = [gone]
    patience = Patience(backoff=0.01, longest_backoff=0.01, reconnect=0.05)
    with pytest.raises(ConnectionLost, match="does not come back") as caught:
        run(asked(client(bridge, patience)))
    assert caught.value.exit_code == 3
    assert "bridge local up" in caught.value.hint
    assert "URL" not in caught.value.hint


def test_it_pings_when_idle(bridge: FakeBridge) -> None:
    async def idle() -> None:
        async with client(bridge, Patience(keepalive=0.01)):
            while len(bridge.sent("ping")) < 2:
                await asyncio.sleep(0)

    run(idle())


def test_an_idle_connection_that_dropped_is_taken_up_again(bridge: FakeBridge) -> None:
    async def close_after(fake: FakeBridge, connection: ServerConnection, frame: Frame) -> None:
        await answered(fake, connection, frame)
        await connection.close(1001, "Going away")

    async def twice() -> list[str]:
        async with client(bridge) as connected:
            return [shown([event async for event in connected.ask("Hi", "plans")]) for _ in range(2)]

    bridge.behaviours = [close_after]
    assert run(twice()) == ["Hello, world"] * 2


def test_requests_that_only_read_survive_a_drop(bridge: FakeBridge) -> None:
    bridge.sessions = [
        {"session_id": "plans", "title": "T", "turns": 1, "last_updated": "2026-11-22T19:37:40.123Z"}
    ]

    async def read() -> Any:
        async with client(bridge) as connected:
            first = await connected.ping()
            connection = connected._link._connection
            assert connection is not None
            connection.transport.abort()
            listed, _ = await connected.sessions()
            return first, listed

    seconds, listed = run(read())
    assert seconds > 0
    assert listed[0].session_id == "plans"


def test_a_bridge_on_this_machine_that_went_down_is_hinted_at(bridge: FakeBridge) -> None:
    async def go_on() -> None:
        async with client(bridge, replace(QUICK, tell=0, reconnect=0.1), notices) as connected:
            await connected.ping()
            bridge.stop()
            async for _ in connected.ask("Hi", "plans"):
                raise AssertionError("nobody is there")

    notices: list[str] = []
    with pytest.raises(ConnectionLost) as caught:
        run(go_on())
    assert "nothing listens at 127.0.0.1" in notices[1]
    assert "`bridge local up` starts it" in notices[1]
    assert "`bridge local up` starts it" in caught.value.hint
