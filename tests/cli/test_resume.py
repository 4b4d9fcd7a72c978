"""Answers over connections that drop at any point: resumed, so that a reader sees one unbroken answer."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from bridge_cli.errors import RequestFailed
from tests.cli.conversing import QUICK, asked, client, run, scripted, whole
from tests.cli.fake_bridge import FakeBridge, Frame, abort, accepted, delta, failure, post
from tests.cli.fake_turns import FakeTurn, Fate

NOT_SOON = replace(QUICK, backoff=30)
"""Whoever waits before a second try with this one does not end in time."""


def test_after_a_drop_in_the_answer_the_rest_of_it_streams_on(bridge: FakeBridge) -> None:
    notices: list[str] = []
    bridge.fates = [Fate(posts=2)]
    answer = whole(run(asked(client(bridge, NOT_SOON, notices))))
    assert (answer.turn, answer.deltas, answer.usage["output_tokens"]) == (1, 3, 7)
    (resumed,) = bridge.sent("resume")
    assert resumed["last_seq"] == 1
    assert resumed["request_id"] == bridge.sent("query")[0]["request_id"]
    assert bridge.sent("history") == []
    assert notices == []  # it was back at once


@pytest.mark.parametrize("posts", range(6))
@pytest.mark.parametrize("code", [None, 1001, 1012])
def test_wherever_it_drops(bridge: FakeBridge, posts: int, code: int | None) -> None:
    bridge.fates = [Fate(posts=posts, code=code)]
    whole(run(asked(client(bridge))))
    assert bridge.sent("history") == []


def test_drops_while_it_is_taken_up_again(bridge: FakeBridge) -> None:
    bridge.fates = [Fate(posts=2), Fate(receives=1), Fate(posts=0), Fate(posts=1), Fate(posts=2)]
    whole(run(asked(client(bridge))))
    assert [frame["last_seq"] for frame in bridge.sent("resume")] == [1, 1, 1, 1, 2]


def test_where_nobody_saw_the_question_accepted_its_answer_is_asked_for_once_it_is(
    bridge: FakeBridge,
) -> None:
    bridge.fates = [Fate(posts=0)]  # the bridge has it, and answers to a connection that is gone
    whole(run(asked(client(bridge))))
    assert len(bridge.sent("query")) == 2
    assert [frame["last_seq"] for frame in bridge.sent("resume")] == [0]


def test_two_questions_on_a_connection_both_go_on(bridge: FakeBridge) -> None:
    both = asyncio.Event()

    async def halves(fake: FakeBridge, connection: ServerConnection, frame: Frame) -> None:
        turn = fake.begin(connection, frame)
        await turn.accept()
        await turn.say("Half of ")
        if len(fake.turns) == 2:
            abort(connection)
            both.set()
        await both.wait()
        await turn.say(frame["message"])
        await turn.finish()

    async def ask() -> list[str]:
        async with client(bridge) as connected:

            async def one(message: str) -> str:
                return whole(
                    [event async for event in connected.ask(message, message)], f"Half of {message}"
                ).text

            return list(await asyncio.gather(one("one"), one("other")))

    bridge.behaviours = [halves] * 2
    assert run(ask()) == ["Half of one", "Half of other"]
    assert bridge.connected == 2
    assert len(bridge.sent("query")) == 2
    assert {frame["request_id"] for frame in bridge.sent("resume")} == set(bridge.turns)


def test_it_goes_on_while_claude_still_speaks(bridge: FakeBridge) -> None:
    async def dropped_in_the_middle(fake: FakeBridge, connection: ServerConnection, frame: Frame) -> None:
        turn = fake.begin(connection, frame)
        await turn.accept()
        await turn.say("One, ")
        abort(connection)
        await turn.say("two, ")
        while turn.connection is connection:  # until it is resumed
            await asyncio.sleep(0)
        await turn.say("three")
        await turn.finish()

    bridge.behaviours = [dropped_in_the_middle]
    whole(run(asked(client(bridge))), "One, two, three")


async def lose_one(turn: FakeTurn) -> None:
    turn.said = list(turn.bridge.reply)
    for seq in (1, 3):
        await post(turn.connection, delta(turn.frame, seq, turn.said[seq - 1]))
    await turn.finish()


async def lose_the_last(turn: FakeTurn) -> None:
    turn.said = list(turn.bridge.reply)
    await post(turn.connection, delta(turn.frame, 1, "Hello"))
    await turn.finish()


@pytest.mark.parametrize("loses", [lose_one, lose_the_last])
def test_deltas_that_are_missing_at_the_end_come_again(bridge: FakeBridge, loses: Any) -> None:
    bridge.behaviours = [scripted(loses)]
    bridge.keep({"session_id": "other", "message": "Hi", "request_id": "r"})
    answer = whole(run(asked(client(bridge))))
    assert [frame["last_seq"] for frame in bridge.sent("resume")] == [1]
    assert bridge.sent("history") == []
    assert answer.memory is not None
    assert answer.memory.recalled  # told with the first answer only


def test_an_answer_that_overtakes_its_deltas_waits_for_them(bridge: FakeBridge) -> None:
    bridge.behaviours = [scripted(lose_one)]
    bridge.mixed = lambda frames: frames[::-1]
    whole(run(asked(client(bridge))))
    assert len(bridge.sent("resume")) == 1


def test_where_they_never_come_the_history_has_the_text(bridge: FakeBridge) -> None:
    bridge.behaviours = [scripted(lose_one)]
    bridge.mixed = lambda frames: [frame for frame in frames if frame["type"] != "delta"]
    whole(run(asked(client(bridge, replace(QUICK, gap=0.01)))))


def test_silence_makes_it_resume(bridge: FakeBridge) -> None:
    async def end_without_a_word(turn: FakeTurn) -> None:
        turn.said = ["Hello, ", "world"]
        turn.end = bridge.answer_of(turn, "end_turn")

    bridge.behaviours = [scripted(end_without_a_word)]
    whole(run(asked(client(bridge, replace(QUICK, silence=0.05)))))
    assert bridge.connected == 1


# What the bridge says to a resume


def answering_resumes(bridge: FakeBridge, *replies: Frame | None) -> None:
    """Have these be the replies to the first resumes; None stands for the bridge's own."""
    left = list(replies)
    go_on = bridge._continue

    async def reply(connection: ServerConnection, frame: Frame) -> None:
        told = left.pop(0) if left else None
        if told is None:
            await go_on(connection, frame)
        else:
            await post(connection, told if "type" not in told else told | {"request_id": frame["request_id"]})

    bridge._continue = reply  # type: ignore[method-assign]


@pytest.mark.parametrize(
    "told",
    [
        failure("internal", "it broke", retryable=True),
        failure("quota_exceeded", "too many", retryable=True, retry_after=0.01),
        failure("unauthorized", "no record"),
        {"message": "Internal server error", "connectionId": "c", "requestId": "a"},
    ],
)
def test_a_resume_that_fails_is_tried_again(bridge: FakeBridge, told: Frame) -> None:
    async def break_off(turn: FakeTurn) -> None:
        await turn.say("Hello")
        abort(turn.connection)
        turn.said += [", world"]
        await asyncio.sleep(0)
        while len(bridge.sent("resume")) < 2:
            await asyncio.sleep(0)
        turn.end = bridge.answer_of(turn, "end_turn")

    bridge.behaviours = [scripted(break_off)]
    answering_resumes(bridge, told)
    whole(run(asked(client(bridge, replace(QUICK, silence=0.05)))))
    assert len(bridge.sent("resume")) >= 2


def test_a_resume_that_fails_forever_is_given_up(bridge: FakeBridge) -> None:
    async def break_off(turn: FakeTurn) -> None:
        abort(turn.connection)

    bridge.behaviours = [scripted(break_off)]
    answering_resumes(bridge, *[failure("internal", "it broke", retryable=True)] * 20)
    with pytest.raises(RequestFailed, match="it broke"):
        run(asked(client(bridge)))
    assert len(bridge.sent("resume")) == 5


@pytest.mark.parametrize("retryable", [True, False])
def test_a_turn_that_failed_meanwhile_is_told(bridge: FakeBridge, retryable: bool) -> None:
    async def fail(turn: FakeTurn) -> None:
        await turn.say("Hello")
        abort(turn.connection)
        await turn.fail("internal", "The bridge was interrupted", retryable=retryable)

    bridge.behaviours = [scripted(fail)]
    with pytest.raises(RequestFailed, match="interrupted") as caught:
        run(asked(client(bridge)))
    assert caught.value.retryable is retryable
    assert len(bridge.sent("resume")) == 1


USED_UP = "Today's tokens are used up."


def test_a_turn_that_failed_once_resumed_tells_when_it_is_worth_trying_again(bridge: FakeBridge) -> None:
    async def fail(turn: FakeTurn) -> None:
        dropped = turn.connection
        abort(dropped)
        while turn.connection is dropped:  # until it is resumed
            await asyncio.sleep(0)
        await turn.fail("quota_exceeded", USED_UP, retryable=True, retry_after=4000)

    bridge.behaviours = [scripted(fail)]
    with pytest.raises(RequestFailed, match=USED_UP) as caught:
        run(asked(client(bridge)))
    assert (caught.value.retryable, caught.value.retry_after) == (True, 4000)
    assert "1 h 7 min" in caught.value.hint


def test_what_refuses_a_resume_does_not_say_when_the_turn_is_worth_trying_again(bridge: FakeBridge) -> None:
    async def fail(turn: FakeTurn) -> None:
        abort(turn.connection)
        await turn.fail("quota_exceeded", USED_UP)

    bridge.behaviours = [scripted(fail)]
    answering_resumes(bridge, failure("quota_exceeded", "Too many frames.", retryable=True, retry_after=53))
    with pytest.raises(RequestFailed, match=USED_UP) as caught:
        run(asked(client(bridge)))
    assert (caught.value.retry_after, caught.value.hint) == (None, "")


def test_a_question_that_the_bridge_no_longer_knows_is_an_error(bridge: FakeBridge) -> None:
    async def forgotten(fake: FakeBridge, connection: ServerConnection, frame: Frame) -> None:
        await post(connection, accepted(frame))
        abort(connection)

    bridge.behaviours = [forgotten]
    with pytest.raises(RequestFailed, match="no longer knows") as caught:
        run(asked(client(bridge)))
    assert caught.value.code == "not_found"


def test_an_older_bridge_has_the_rest_in_its_history(bridge: FakeBridge) -> None:
    bridge.older = True
    bridge.fates = [Fate(posts=2)]
    answer = whole(run(asked(client(bridge))))
    assert (len(bridge.sent("resume")), len(bridge.sent("history")), answer.memory) == (1, 1, None)


def test_what_the_gateway_says_of_another_request_ends_no_answer(bridge: FakeBridge) -> None:
    async def with_a_stranger(turn: FakeTurn) -> None:
        await turn.say("Hello")
        await post(turn.connection, {"message": "Internal server error", "connectionId": "c"})
        await turn.say(", world")
        await turn.finish()

    bridge.behaviours = [scripted(with_a_stranger)]
    whole(run(asked(client(bridge))))
