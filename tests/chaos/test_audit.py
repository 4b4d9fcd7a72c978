"""The audit itself: one that finds nothing wrong with what is wrong would prove nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from bridge.adapters.items import to_item
from tests.chaos.audit import Audit, Report
from tests.chaos.plan import FULL_SIZE, MODEL, TURN_FAULTS, WANTED, Turn, plan
from tests.e2e.switchboard import Asked
from tests.recorder.calls import Call

OWNER = "ann"


class World:
    """Two turns of a session that went well, and what is left of them everywhere."""

    def __init__(self) -> None:
        self.turns = plan(1, 2, 1)[0]
        self.items: list[dict[str, Any]] = []
        self.calls: list[Call] = []
        self.asked: list[Asked] = []
        self.left = 0
        for number, turn in enumerate(self.turns, 1):
            turn.sends, turn.accepted, turn.number = 1, True, number
            turn.ended, turn.text = "answered", f"Answer {number}"
            said = [{"role": "user", "content": turn.message}, {"role": "assistant", "content": turn.text}]
            self.items.append(
                {"seq": number, "request_id": turn.request_id, "stop_reason": "end_turn", "context": said}
            )
            body = {"MessageBody": json.dumps({"request_id": turn.request_id})}
            self.calls.append(Call("f", "sqs", "SendMessage", body, 0, 200, {"SequenceNumber": str(number)}))
            self.asked.append(answered(turn))

    def audited(self) -> Report:
        items = {"Items": [to_item(item) for item in self.items]}
        pages = SimpleNamespace(paginate=lambda **_: [items])
        attributes = {"Attributes": {"ApproximateNumberOfMessages": str(self.left)}}
        client = SimpleNamespace(get_paginator=lambda _: pages, get_queue_attributes=lambda **_: attributes)
        outputs = {"SessionsTable": "t", "QueueUrl": "q", "DeadLetterQueueUrl": "d"}
        bridge: Any = SimpleNamespace(
            aws=lambda _: client,
            status=SimpleNamespace(outputs=outputs),
            recorder=SimpleNamespace(calls=self.calls),
            switchboard=SimpleNamespace(asked=self.asked),
        )
        return Audit(bridge, OWNER, self.turns, (0, 0)).report(1, {})


def answered(turn: Turn, *, complete: bool = True) -> Asked:
    request = {"model": MODEL, "messages": [{"content": [{"text": turn.message}]}]}
    events = [{"delta": {"text": turn.text}}] + [{"type": "message_stop"}] * complete
    answer = "".join(f"data: {json.dumps(event)}\n\n" for event in events)
    return Asked(request, "key", bytearray(f"HTTP/1.1 200 OK\r\n\r\n{answer}".encode()))


def forget_one(world: World) -> None:
    del world.items[1]


def tell_nothing(world: World) -> None:
    world.turns[0].ended = None


def keep_twice(world: World) -> None:
    world.items.append(world.items[0] | {"seq": 3})


def ask_twice(world: World) -> None:
    world.asked.insert(0, answered(world.turns[0], complete=False))


def swap(world: World) -> None:
    for item, turn, number in zip(world.items, world.turns, (2, 1), strict=True):
        item["seq"] = turn.number = number


def put_words_into_claudes_mouth(world: World) -> None:
    world.items[0]["context"][1]["content"] = world.turns[0].text = "Sorry, something went wrong."


def tell_something_else(world: World) -> None:
    world.turns[0].text = "Something else"


def keep_what_failed(world: World) -> None:
    world.items[0]["stop_reason"] = "error"
    world.turns[0].ended = "failed"


def leave_in_the_queue(world: World) -> None:
    world.left = 1


def complain(world: World) -> None:
    world.turns[0].trouble.append("a delta came with two texts")


def test_a_storm_that_did_no_harm_passes() -> None:
    report = World().audited()
    assert report.violations == []
    assert report.counts["answered once"] == report.counts["accepted"] == 2


@pytest.mark.parametrize(
    ("harm", "counted"),
    [
        (forget_one, "lost"),
        (tell_nothing, "lost"),
        (keep_twice, "doubled"),
        (ask_twice, "doubled"),
        (swap, "out of order"),
        (put_words_into_claudes_mouth, None),
        (tell_something_else, None),
        (keep_what_failed, None),
        (leave_in_the_queue, None),
        (complain, None),
    ],
)
def test_harm_is_found(harm: Callable[[World], None], counted: str | None) -> None:
    world = World()
    harm(world)
    report = world.audited()
    assert report.violations
    found = {kind for kind in ("lost", "doubled", "out of order") if report.counts[kind]}
    assert counted in found if counted else not found


def test_a_seed_plans_the_same_storm_again() -> None:
    assert str(plan(5, 50, 10)) == str(plan(5, 50, 10))
    assert str(plan(5, 50, 10)) != str(plan(6, 50, 10))


def test_every_fault_is_planned_more_often_than_it_has_to_happen() -> None:
    turns = [turn for session in plan(1, FULL_SIZE, 10) for turn in session]
    assert len({turn.request_id for turn in turns}) == len({turn.message for turn in turns}) == FULL_SIZE
    for kind in TURN_FAULTS:
        assert sum(kind in turn.faults for turn in turns) > WANTED
