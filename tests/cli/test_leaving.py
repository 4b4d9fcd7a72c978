"""Who leaves an answer before its end has the bridge end it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from bridge_cli.errors import CannotConnect
from bridge_cli.events import Answer, Delta
from tests.cli.conversing import Events, asked, client, run, shown
from tests.cli.fake_bridge import FakeBridge
from tests.cli.fake_turns import half_an_answer


async def until_the_bridge_ended_it(bridge: FakeBridge) -> None:
    while not bridge.exchanges.get("plans"):
        await asyncio.sleep(0)


@pytest.mark.parametrize("way", ["task", "iterator"])
def test_who_leaves_an_answer_ends_it_and_the_others_go_on(bridge: FakeBridge, way: str) -> None:
    async def listen(asking: AsyncGenerator[Any], heard: asyncio.Event) -> None:
        async with contextlib.aclosing(asking) as events:
            async for event in events:
                if isinstance(event, Delta):
                    heard.set()

    async def leave() -> Events:
        async with client(bridge) as connected:
            asking, heard = connected.ask("Hi", "plans"), asyncio.Event()
            if way == "iterator":
                async for event in asking:
                    if isinstance(event, Delta):
                        break
                await asking.aclose()
            else:
                task = asyncio.ensure_future(listen(asking, heard))
                await heard.wait()
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
            await until_the_bridge_ended_it(bridge)
            return [event async for event in connected.ask("Hi again", "other")]

    bridge.behaviours = [half_an_answer]
    assert shown(run(leave())) == "Hello, world"
    assert bridge.exchanges["plans"][0]["stop_reason"] == "cancelled"
    assert bridge.connected == 1


def test_who_leaves_the_client_waits_until_it_is_cancelled(bridge: FakeBridge) -> None:
    async def leave() -> None:
        async with client(bridge) as connected, contextlib.aclosing(connected.ask("Hi", "plans")) as events:
            async for event in events:
                if isinstance(event, Delta):
                    return

    bridge.behaviours = [half_an_answer]
    run(leave())
    assert bridge.exchanges["plans"][0]["stop_reason"] == "cancelled"


def test_a_client_that_is_closed_is_not_opened_again_for_that(bridge: FakeBridge) -> None:
    async def leave() -> None:
        async with client(bridge) as connected:
            asking = connected.ask("Hi", "plans")
            async for event in asking:
                if isinstance(event, Delta):
                    break
        await asking.aclose()  # too late: what Claude still answers is kept
        assert connected._ending == set()

    bridge.behaviours = [half_an_answer]
    run(leave())
    assert (bridge.connected, bridge.sent("cancel")) == (1, [])


def test_who_leaves_after_the_answer_cancels_nothing(bridge: FakeBridge) -> None:
    async def leave() -> None:
        async with client(bridge) as connected, contextlib.aclosing(connected.ask("Hi", "plans")) as events:
            async for event in events:
                if isinstance(event, Answer):
                    return

    run(leave())
    assert bridge.sent("cancel") == []


def test_one_that_failed_is_not_cancelled_either(bridge: FakeBridge) -> None:
    bridge.behaviours = []
    bridge.refusals = [500]
    with pytest.raises(CannotConnect):
        run(asked(client(bridge)))
    assert bridge.received == []
