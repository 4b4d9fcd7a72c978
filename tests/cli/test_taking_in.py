"""A bridge that is still taking a question in: it is asked again for as long as that may last."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from websockets.asyncio.server import ServerConnection

from bridge_cli.client import new_request_id
from bridge_cli.course import MOST_IN_VAIN, MOST_SENDS, Course
from bridge_cli.errors import Interrupted, RequestFailed
from bridge_cli.events import Answer, Delta
from bridge_cli.patience import Patience
from bridge_cli.protocol import Query
from tests.cli.conversing import QUICK, Events, asked, client, run, scripted, shown, whole
from tests.cli.fake_bridge import Behaviour, FakeBridge, Frame, abort, failure, post
from tests.cli.fake_turns import FakeTurn, half_an_answer

PATIENT = replace(QUICK, reply=100)
NOT_SOON = 90
"""Whoever lets so many seconds pass before anything else does not end in time."""


async def drop(_: FakeBridge, connection: ServerConnection, frame: Frame) -> None:
    abort(connection)


async def die(_: FakeBridge, connection: ServerConnection, frame: Frame) -> None:
    """Say what API Gateway does of a function that died."""
    await post(connection, {"message": "Internal server error", "connectionId": "c", "requestId": "a"})


def early(retry_after: float = 0.01) -> Behaviour:
    async def conflict(_: FakeBridge, connection: ServerConnection, frame: Frame) -> None:
        await post(connection, taking_in(frame, retry_after))

    return conflict


def taking_in(frame: Frame, retry_after: float = 0.01) -> Frame:
    told = "being taken in already"
    return failure("conflict", told, frame["request_id"], retryable=True, retry_after=retry_after)


@pytest.mark.parametrize("how", [drop, die])
def test_it_is_sent_again_until_a_dead_functions_time_is_over(bridge: FakeBridge, how: Behaviour) -> None:
    bridge.behaviours = [how, *[early()] * (MOST_SENDS + 5)]
    whole(run(asked(client(bridge))))
    assert len({frame["request_id"] for frame in bridge.sent("query")}) == 1


def test_it_makes_room_for_no_more_tries_than_else(bridge: FakeBridge) -> None:
    bridge.behaviours = [die, early(), early(), die, early(), die]
    with pytest.raises(RequestFailed, match="Internal server error"):
        run(asked(client(bridge)))
    assert len(bridge.sent("query")) == 6


def test_what_is_given_up_may_be_answered_all_the_same(bridge: FakeBridge) -> None:
    bridge.behaviours = [die, early(3600)]
    with pytest.raises(RequestFailed, match="being taken in") as caught:
        run(asked(client(bridge)))
    assert "`bridge history plans`" in caught.value.hint


def test_an_answer_is_heard_though_its_question_is_still_being_taken_in(bridge: FakeBridge) -> None:
    turns: list[FakeTurn] = []

    async def die_after_queueing(fake: FakeBridge, connection: ServerConnection, frame: Frame) -> None:
        turns.append(fake.begin(connection, frame))
        await die(fake, connection, frame)

    async def answer_meanwhile(fake: FakeBridge, connection: ServerConnection, frame: Frame) -> None:
        (turn,) = turns
        await turn.say("Hello")
        await early(NOT_SOON)(fake, connection, frame)
        await turn.say(", world")
        await turn.finish()

    bridge.behaviours = [die_after_queueing, answer_meanwhile]
    events = run(asked(client(bridge, PATIENT)))
    assert shown(events) == "Hello, world"
    assert isinstance(events[-1], Answer)
    assert (events[-1].text, len(bridge.sent("query"))) == ("Hello, world", 2)


def conflicting(bridge: FakeBridge, times: int, *actions: str) -> None:
    """Have so many of these come too early."""
    go_on: Callable[[ServerConnection, Frame], Awaitable[None]] = bridge._continue
    left = [None] * times

    async def refuse_first(connection: ServerConnection, frame: Frame) -> None:
        if left and frame["action"] in actions:
            left.pop()
            await post(connection, taking_in(frame))
        else:
            await go_on(connection, frame)

    bridge._continue = refuse_first  # type: ignore[method-assign]


def test_a_resume_that_comes_too_early_is_sent_again(bridge: FakeBridge) -> None:
    async def break_off(turn: FakeTurn) -> None:
        await turn.say("Hello")
        abort(turn.connection)
        await turn.say(", world")
        await turn.finish()

    bridge.behaviours = [scripted(break_off)]
    conflicting(bridge, MOST_IN_VAIN + 5, "resume")
    whole(run(asked(client(bridge))))
    assert len(bridge.sent("resume")) == MOST_IN_VAIN + 6
    assert bridge.sent("history") == []


@pytest.mark.parametrize("actions", [["cancel"], ["resume", "cancel"]])
def test_a_cancel_that_comes_too_early_is_sent_again(bridge: FakeBridge, actions: list[str]) -> None:
    async def ask() -> Answer:
        request_id = new_request_id()
        async with client(bridge) as connected:
            async for event in connected.ask("Hi", "plans", request_id=request_id):
                if isinstance(event, Delta):
                    connected.stop(request_id)
        assert isinstance(event, Answer)
        return event

    bridge.behaviours = [half_an_answer]
    refused = 2 * MOST_IN_VAIN + 1
    conflicting(bridge, refused, *actions)
    assert run(ask()).stop_reason == "cancelled"
    assert len(bridge.sent("cancel")) > refused / len(actions)
    assert bridge.sent("history") == []


@pytest.mark.parametrize("queued", [True, False])
def test_what_is_just_being_taken_in_is_cancelled_at_once(bridge: FakeBridge, queued: bool) -> None:
    async def taken_in_meanwhile(fake: FakeBridge, connection: ServerConnection, frame: Frame) -> None:
        await early(NOT_SOON)(fake, connection, frame)
        if queued:
            turn = fake.begin(connection, frame)
            await turn.cancelled.wait()
            await turn.finish("cancelled")

    async def ask() -> Events:
        request_id = new_request_id()
        async with client(bridge, PATIENT) as connected:
            events = connected.ask("Hi", "plans", request_id=request_id)
            first = asyncio.ensure_future(anext(events))
            while not bridge.sent("query") or connected._askings[request_id]._course.held_until is None:
                await asyncio.sleep(0)
            assert connected.stop(request_id)
            return [await first, *[event async for event in events]]

    bridge.behaviours = [taken_in_meanwhile]
    if queued:
        answer = run(ask())[-1]
        assert isinstance(answer, Answer)
        assert answer.stop_reason == "cancelled"
    else:
        with pytest.raises(Interrupted, match="before the bridge had the question"):
            run(ask())


@pytest.mark.parametrize("retry_after", [None, 1])
def test_how_long_it_goes_on(retry_after: float | None) -> None:
    """With the patience of everyday it is asked over the 20 s that the bridge needs, and until 35 s."""
    course = Course(Query(request_id=new_request_id(), message="Hi"), Patience())
    now = began = 100.0
    asked_at = []
    while course.hold(retry_after, now):
        assert course.held_until is not None
        assert course.held_until - now >= (retry_after or 0)
        now = course.held_until
        asked_at.append(now - began)
        course.again()
    assert len(asked_at) < 12
    assert 20 < asked_at[-1] <= Patience().reply
    assert any(20 < at <= 28 for at in asked_at)
