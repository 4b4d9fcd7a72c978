"""The client over connections that end: dropped, at their two hours, dead without a word; and cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from bench.standin import INSTANT
from bridge_cli.client import BridgeClient, Endpoint, Patience, new_request_id
from bridge_cli.events import Accepted, Answer, Delta
from tests.e2e.deployed import BRISK, Deployed
from tests.gateway.model import LIFETIME_SECONDS

Events = list[Accepted | Delta | Answer]
Ending = Callable[[Deployed], object]

PATIENCE = Patience(quiet=1, pong=1, pulse=0.2, backoff=0.05, cancel=20)


def newest(bridge: Deployed) -> str:
    return bridge.gateway.connections()[-1]


ENDINGS: dict[str, Ending] = {
    "dropped": lambda bridge: bridge.gateway.drop(newest(bridge)),
    "two hours old": lambda bridge: bridge.gateway.advance(LIFETIME_SECONDS + 1),
    "dead": lambda bridge: bridge.gateway.stall(newest(bridge)),
}


def client(bridge: Deployed) -> BridgeClient:
    return BridgeClient(Endpoint(bridge.url, lambda: bridge.token(bridge.owner)), patience=PATIENCE)


async def ask(connected: BridgeClient, session: str, act: Callable[[int], Any], **more: Any) -> Events:
    """Ask, and call `act` with how many events came, at each; return them all."""
    events: Events = []
    async for event in connected.ask("Count.", session, model=BRISK, **more):
        events.append(event)
        await asyncio.to_thread(act, len(events))
    return events


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_answer_is_one_whatever_becomes_of_its_connection(
    bridge: Deployed, session: str, ending: str
) -> None:
    def end(count: int) -> None:
        if count in {3, 9} or (count == 15 and ending == "dropped"):
            ENDINGS[ending](bridge)

    async def work() -> tuple[Events, str]:
        async with client(bridge) as connected:
            events = await ask(connected, session, end)
            (kept,), _ = await connected.history(session)
            return events, kept.answer

    events, kept = asyncio.run(asyncio.wait_for(work(), 120))
    told = "".join(event.text for event in events if isinstance(event, Delta))
    answer = events[-1]
    assert isinstance(answer, Answer)
    assert told == answer.text == kept != ""
    assert answer.stop_reason == "end_turn"


def test_two_answers_go_on_over_one_new_connection(bridge: Deployed, session: str) -> None:
    def end(count: int) -> None:
        if count == 5:
            bridge.gateway.drop(newest(bridge))

    async def work() -> list[Events]:
        async with client(bridge) as connected:
            one = ask(connected, f"{session}-1", end)
            other = ask(connected, f"{session}-2", lambda count: None)
            return list(await asyncio.gather(one, other))

    for events in asyncio.run(asyncio.wait_for(work(), 120)):
        answer = events[-1]
        assert isinstance(answer, Answer)
        assert "".join(event.text for event in events if isinstance(event, Delta)) == answer.text != ""


def test_a_cancelled_answer_is_kept_as_far_as_it_was_said(bridge: Deployed, session: str) -> None:
    async def work() -> tuple[Events, Any]:
        async with client(bridge) as connected:
            request_id = new_request_id()

            def cancel(count: int) -> None:
                if count == 4:
                    connected.stop(request_id)

            events: Events = []
            async for event in connected.ask("Count.", session, model=BRISK, request_id=request_id):
                events.append(event)
                cancel(len(events))
            (kept,), _ = await connected.history(session)
            return events, kept

    events, kept = asyncio.run(asyncio.wait_for(work(), 120))
    answer = events[-1]
    assert isinstance(answer, Answer)
    assert answer.stop_reason == kept.stop_reason == "cancelled"
    assert answer.text == kept.answer != ""


def test_everything_is_forgotten(bridge: Deployed, session: str) -> None:
    async def work() -> tuple[int | None, int | None, Any, Any]:
        async with client(bridge) as connected:
            for name in (session, f"{session}-2"):
                async for _ in connected.ask("The word is marmalade.", name, model=INSTANT):
                    pass
            first, second = await connected.forget_everything(), await connected.forget_everything()
            listed, _ = await connected.sessions()
            return first, second, listed, await connected.recall("marmalade")

    first, *others = asyncio.run(asyncio.wait_for(work(), 120))
    assert first in {2, None}  # None where it took more than one try
    assert others == [0, [], []]
