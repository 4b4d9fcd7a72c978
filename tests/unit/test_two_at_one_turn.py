"""What was once wrong where a turn is delivered again, each as it was found by `test_exactly_once`."""

from __future__ import annotations

import pytest

from bridge.conversation import SessionKey
from tests.simulated.claims import Claims
from tests.simulated.claude import Script
from tests.simulated.facts import DAY, SESSIONS
from tests.simulated.strands import Invocation
from tests.simulated.world import World

KEY = SessionKey("ada", "travel")
ANSWERED = Script(1, "completed")
ALL = 1000
BEGUN, KEPT = "SET #session = :session, #began", "put item ada/travel"
"""What a function's trace says when it has marked its turn as begun, and when it has kept it."""


def ask(world: World, script: Script = ANSWERED) -> None:
    world.ask("ada-1", KEY.name, script).go(ALL)


def deliver(world: World, until: str | None = None) -> Invocation:
    """Have the first message's turn answered, up to and with a call."""
    (message, *_) = world.line.ready()
    answering = world.deliver(message)
    assert answering is not None
    while not answering.over and (until is None or until not in world.trace[-1]):
        answering.go(1)
    return answering


def ends(world: World, connection: str = "ada-1", number: int = 1) -> list[str]:
    told = [frame for to, frame in world.asked[number - 1].ends if to == connection]
    return [str(frame.get("code", frame["type"])) for frame in told]


@pytest.mark.parametrize("ending", ["completed", "fails"])
def test_whoever_comes_second_tells_what_the_first_one_kept(world: World, ending: str) -> None:
    ask(world, Script(1, ending))
    first = deliver(world, BEGUN)
    world.wait(100, renewing=False)  # its hold is lost, and it goes on
    deliver(world)
    first.go(ALL)
    (kept,) = world.exchanges(KEY)
    assert kept.failure is not None
    assert kept.failure.code == "internal"
    assert ends(world) == ["internal", "internal"]
    assert world.wrongs == []


def test_a_turn_that_was_kept_is_recognised_also_after_its_session_expired(world: World) -> None:
    ask(world)
    deliver(world, KEPT).kill()
    world.wait(DAY + 60, renewing=False)
    world.connect("ada")
    deliver(world)
    (kept,) = world.exchanges(KEY)
    assert kept.answer is not None
    assert world.record(world.asked[0])["turn"] == kept.turn


def test_a_turn_that_ended_is_told_again_also_after_its_session_expired(world: World) -> None:
    ask(world)
    deliver(world)
    world.wait(DAY + 60, renewing=False)
    world.query(world.connect("ada"), world.asked[0]).go(ALL)
    deliver(world)
    assert world.line.messages == []
    assert len(world.exchanges(KEY)) == 1
    assert world.wrongs == []


def test_a_turn_that_is_put_back_behind_a_whole_window_is_recognised() -> None:
    with World(context_limit=40) as world:
        world.connect("ada")
        ask(world)
        for _ in range(3):
            answering = deliver(world, KEPT)
            answering.kill()
            world.wait(100, renewing=False)
        world.line.receive(world.line.messages[0])
        for _ in range(6):
            ask(world)
            deliver(world)
        world.redrive()
        deliver(world)
        Claims(world).always()
        assert len(world.exchanges(KEY)) == 7
        assert ends(world) == ["answer"]


@pytest.mark.parametrize("how", ["resume", "cancel"])
def test_whoever_waits_elsewhere_is_told_that_the_session_was_forgotten(world: World, how: str) -> None:
    ask(world)
    elsewhere = world.connect("ada")
    if how == "resume":
        world.resume(elsewhere, world.asked[0], 0).go(ALL)
    else:
        world.cancel(elsewhere, world.asked[0]).go(ALL)
    world.forget("ada-1", KEY.name).go(ALL)
    deliver(world)
    assert elsewhere in world.asked[0].dropped


def test_nobody_is_promised_the_end_of_a_turn_that_is_forgotten_just_then(world: World) -> None:
    ask(world)
    elsewhere = world.connect("ada")
    resuming = world.resume(elsewhere, world.asked[0], 0)
    resuming.go(3)  # it has found the request
    world.forget("ada-1", KEY.name).go(ALL)
    deliver(world)
    resuming.go(ALL)
    assert world.refusals[elsewhere] == "not_found"
    assert world.record(world.asked[0]) == {}


def test_a_turn_over_the_budget_is_recorded_once_however_often_it_is_queued() -> None:
    with World(daily_tokens=1) as world:
        world.connect("ada")
        ask(world)
        deliver(world)  # which uses the day's token up
        world.ask("ada-1", KEY.name, ANSWERED).go(3, fault="killed")  # queued, and not marked as taken in
        deliver(world)
        world.wait(DAY + 60, renewing=False)
        world.ask(world.connect("ada"), "cooking", ANSWERED).go(ALL)
        deliver(world)  # which uses up another day's
        world.query("ada-2", world.asked[1]).go(ALL)
        deliver(world)
        Claims(world).always()
        assert [each.failure and each.failure.code for each in world.exchanges(KEY)] == [
            None,
            "quota_exceeded",
        ]


def test_tokens_are_counted_once_also_where_the_record_is_forgotten_in_between() -> None:
    with World(daily_tokens=10**9) as world:
        world.connect("ada")
        ask(world)
        first = deliver(world, KEPT)
        world.wait(100, renewing=False)  # its hold is lost, and it goes on
        deliver(world)
        world.forget("ada-1", KEY.name).go(ALL)
        first.go(ALL)
        (day,) = (item for item in world.table.items(SESSIONS) if "used" in item)
        (call,) = world.claude.calls
        assert int(day["used"]["N"]) == call.usage.total
