"""A session's instructions where a turn that names some comes twice, or dies: the newest turn's hold."""

from __future__ import annotations

import pytest

from bridge.conversation import SessionKey
from tests.simulated.claude import Script
from tests.simulated.strands import Invocation
from tests.simulated.world import World

KEY = SessionKey("ada", "travel")
ALL = 1000
ASKED, KEPT = "Claude is asked", "transact write items ada/travel"
"""What a function's trace says when it has asked Claude, and when it has kept its turn."""


def name(world: World, system: str | None) -> None:
    world.ask("ada-1", KEY.name, Script(1, "completed"), system).go(ALL)


def deliver(world: World, until: str | None = None) -> Invocation:
    """Have the first message's turn answered, up to and with a call."""
    answering = world.deliver(world.line.ready()[0])
    assert answering is not None
    while not answering.over and (until is None or until not in world.trace[-1]):
        answering.go(1)
    return answering


def in_force(world: World) -> str | None:
    return world.instructions(world.load(KEY).session)


@pytest.mark.parametrize("newest", ["i2", ""])
def test_whoever_comes_last_does_not_bring_the_old_ones_back(world: World, newest: str) -> None:
    name(world, "i1")
    first = deliver(world, ASKED)
    world.wait(100, renewing=False)  # its hold is lost, and another function takes the turn up
    deliver(world)
    name(world, newest)
    deliver(world)
    first.go(ALL)
    assert in_force(world) == (newest or None)
    assert [exchange.instructed for exchange in world.exchanges(KEY)] == [True, bool(newest)]
    assert world.wrongs == []


@pytest.mark.parametrize("until", [ASKED, KEPT])
def test_a_turn_whose_function_died_names_its_own(world: World, until: str) -> None:
    """Before it was kept, and between that and its header: the next turn has them whichever way."""
    name(world, "i1")
    name(world, None)
    deliver(world, until).kill()
    if until == KEPT:
        assert in_force(world) == "i1"
    world.wait(100, renewing=False)
    deliver(world)
    deliver(world)
    assert in_force(world) == "i1"
    assert [told for _, told in world.claude.systems] == [["i1"], ["i1"]]


def test_dead_letters_name_theirs_when_they_are_put_back(world: World) -> None:
    """They lost their place in line: what they name holds from the place that they get."""
    name(world, "i1")
    name(world, "i2")
    for _ in range(3):
        deliver(world, "hold: change message visibility").kill()
        world.wait(1000, renewing=False)
    assert world.deliver(world.line.ready()[0]) is None
    world.connect("ada")
    deliver(world)
    assert in_force(world) == "i2"
    world.redrive()
    deliver(world)
    assert in_force(world) == "i1"
