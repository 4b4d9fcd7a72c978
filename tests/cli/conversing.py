"""A client under test, and what a person would have seen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from websockets.asyncio.server import ServerConnection

from bridge_cli.client import BridgeClient, Endpoint, Patience
from bridge_cli.events import Accepted, Answer, Delta
from tests.cli.fake_bridge import FakeBridge, Frame
from tests.cli.fake_turns import FakeTurn

Events = list[Accepted | Delta | Answer]

QUICK = Patience(reply=5, silence=5, answer=20, backoff=0.01, longest_backoff=0.05, reconnect=5)


def client(bridge: FakeBridge, patience: Patience = QUICK, notices: list[str] | None = None) -> BridgeClient:
    said = [] if notices is None else notices
    return BridgeClient(Endpoint(bridge.url, lambda: "a.b.c"), notice=said.append, patience=patience)


async def asked(bridge_client: BridgeClient, message: str = "Hi", **more: Any) -> Events:
    async with bridge_client as connected:
        return [event async for event in connected.ask(message, "plans", **more)]


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(work, 30))


def shown(events: Events) -> str:
    return "".join(event.text for event in events if isinstance(event, Delta))


def whole(events: Events, text: str = "Hello, world") -> Answer:
    """Check that an answer came as if nothing had happened, and return its end."""
    assert isinstance(events[0], Accepted)
    assert all(isinstance(event, Delta) for event in events[1:-1])
    assert shown(events) == text
    answer = events[-1]
    assert isinstance(answer, Answer)
    assert answer.text == text
    return answer


def scripted(work: Callable[[FakeTurn], Any]) -> Any:
    """Return a behaviour: accepted, and then as `work` has the turn go on."""

    async def behaviour(fake: FakeBridge, connection: ServerConnection, frame: Frame) -> None:
        turn = fake.begin(connection, frame)
        await turn.accept()
        await work(turn)

    return behaviour
