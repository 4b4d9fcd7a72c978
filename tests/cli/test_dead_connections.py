"""Connections that are dead, or cannot be made again: noticed, and the answer goes on over another."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from bridge_cli import link
from bridge_cli.client import BridgeClient, Endpoint, Patience
from bridge_cli.errors import ConnectionLost, ConnectionRefused
from bridge_cli.events import Accepted, Answer, Delta
from bridge_cli.pulse import Pulse
from tests.cli.conversing import QUICK, asked, client, run, scripted, whole
from tests.cli.fake_bridge import FakeBridge, abort
from tests.cli.fake_turns import FakeTurn, Fate


def test_a_token_that_ran_out_meanwhile_is_replaced(bridge: FakeBridge) -> None:
    tokens = iter(["first.of.two", "second.of.two"])

    async def ask() -> Any:
        return await asked(BridgeClient(Endpoint(bridge.url, lambda: next(tokens)), patience=QUICK))

    bridge.fates = [Fate(posts=2)]
    whole(run(ask()))
    assert [told["Authorization"] for told in bridge.handshakes] == [
        "Bearer first.of.two",
        "Bearer second.of.two",
    ]


def test_one_that_cannot_be_replaced_is_an_error_that_says_where_the_answer_is(bridge: FakeBridge) -> None:
    async def refuse(turn: FakeTurn) -> None:
        bridge.refusals = [401]
        abort(turn.connection)

    bridge.behaviours = [scripted(refuse)]
    with pytest.raises(ConnectionRefused) as caught:
        run(asked(client(bridge)))
    assert "bridge token create" in caught.value.hint
    assert "bridge history plans" in caught.value.hint


def test_a_bridge_that_restarts_is_waited_for(bridge: FakeBridge) -> None:
    async def restart(turn: FakeTurn) -> None:
        bridge.refusals = [503, 500, 404]
        await turn.connection.close(1012)
        await turn.say("Hello, world")
        await turn.finish()

    bridge.behaviours = [scripted(restart)]
    whole(run(asked(client(bridge))))


async def dies_without_a_word(turn: FakeTurn) -> None:
    connection = turn.connection
    turn.bridge.deaf.add(connection)
    while turn.connection is connection:
        await asyncio.sleep(0)
    await turn.say("Hello, world")
    await turn.finish()


def test_a_connection_that_is_dead_without_saying_so_is_noticed(bridge: FakeBridge) -> None:
    bridge.behaviours = [scripted(dies_without_a_word)]
    whole(run(asked(client(bridge, replace(QUICK, quiet=0.02, pong=0.02)))))
    assert bridge.connected == 2
    assert len(bridge.sent("ping")) == 1


def test_one_that_a_sleep_killed_is_noticed_without_waiting(
    bridge: FakeBridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    asleep = 0.0

    async def fall_asleep(turn: FakeTurn) -> None:
        nonlocal asleep
        asleep = 3600.0
        await dies_without_a_word(turn)

    monkeypatch.setattr(link, "Pulse", lambda: Pulse(wall=lambda: asleep, steady=lambda: 0.0))
    bridge.behaviours = [scripted(fall_asleep)]
    whole(run(asked(client(bridge, replace(QUICK, pulse=0.01, pong=0.02)))))
    assert bridge.connected == 2


def test_a_clock_that_is_set_costs_a_ping_and_no_more(
    bridge: FakeBridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    walls = iter([0.0, 0.0, 7200.0])
    last = 7200.0
    monkeypatch.setattr(link, "Pulse", lambda: Pulse(wall=lambda: next(walls, last), steady=lambda: 0.0))

    async def pinged(turn: FakeTurn) -> None:
        while not bridge.sent("ping"):
            await asyncio.sleep(0)
        await turn.say("Hello, world")
        await turn.finish()

    bridge.behaviours = [scripted(pinged)]
    whole(run(asked(client(bridge, replace(QUICK, pulse=0.01)))))
    assert (bridge.connected, len(bridge.sent("ping"))) == (1, 1)


def test_a_clock_that_stands_or_goes_back_is_no_sleep() -> None:
    walls = iter([100.0, 110.0, 50.0, 61.0, 4000.0, 4010.0])
    steady = iter([0.0, 10.0, 20.0, 30.0, 40.0, 50.0])
    pulse = Pulse(wall=lambda: next(walls), steady=lambda: next(steady))
    assert [pulse.slept() for _ in range(5)] == [False, False, False, True, False]


def test_an_idle_one_that_died_is_dropped_before_it_is_asked_over(bridge: FakeBridge) -> None:
    async def idle() -> list[Accepted | Delta | Answer]:
        async with client(bridge, replace(QUICK, keepalive=0.02, pong=0.02)) as connected:
            while not bridge.connections:
                await asyncio.sleep(0)
            bridge.deaf.update(bridge.connections)
            while connected._link._connection is not None:
                await asyncio.sleep(0.001)
            bridge.deaf.clear()
            return [event async for event in connected.ask("Hi", "plans")]

    whole(run(idle()))


def test_a_closed_client_leaves_nobody_waiting(bridge: FakeBridge) -> None:
    async def never(turn: FakeTurn) -> None:
        await turn.say("Hello")

    async def close_it() -> None:
        async with client(bridge) as connected:
            events = connected.ask("Hi", "plans")
            assert isinstance(await anext(events), Accepted)
            assert isinstance(await anext(events), Delta)
            await connected.close()
            await anext(events)

    bridge.behaviours = [scripted(never)]
    with pytest.raises(ConnectionLost, match="closed"):
        run(close_it())


def test_no_answer_in_time_is_an_error_though_the_bridge_says_it_is_at_it(bridge: FakeBridge) -> None:
    async def never(turn: FakeTurn) -> None:
        await turn.say("Hello")

    bridge.behaviours = [scripted(never)]
    with pytest.raises(ConnectionLost, match="no answer came") as caught:
        run(asked(client(bridge, Patience(silence=0.02, answer=0.2))))
    assert "bridge history plans" in caught.value.hint
    assert bridge.sent("resume")
