"""A client under test, and what a person would have seen."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from bridge_cli.client import BridgeClient, Endpoint, Patience
from bridge_cli.events import Accepted, Answer, Delta
from tests.cli.fake_bridge import FakeBridge

QUICK = Patience(reply=5, silence=5, answer=20, backoff=0.01, longest_backoff=0.05, reconnect=5)


def client(bridge: FakeBridge, patience: Patience = QUICK, notices: list[str] | None = None) -> BridgeClient:
    said = [] if notices is None else notices
    return BridgeClient(Endpoint(bridge.url, lambda: "a.b.c"), notice=said.append, patience=patience)


async def asked(
    bridge_client: BridgeClient, message: str = "Hi", **more: Any
) -> list[Accepted | Delta | Answer]:
    async with bridge_client as connected:
        return [event async for event in connected.ask(message, "plans", **more)]


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(work, 30))


def shown(events: list[Accepted | Delta | Answer]) -> str:
    return "".join(event.text for event in events if isinstance(event, Delta))
