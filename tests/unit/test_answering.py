"""One turn, from the queue to the client, over the ports in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from bridge.conversation import Failure, Session, Turn, Usage
from bridge.errors import BridgeError, Internal, TurnTaken, UpstreamError, UpstreamOverloaded
from bridge.keeping import MAX_NUMBERINGS
from bridge.outcome import Outcome
from bridge.ports.claude import Completed
from tests import wired
from tests.fake_turns import MemoryTurns
from tests.fakes import (
    KEY,
    MODEL,
    START,
    Crash,
    FakeGateway,
    MemorySessions,
    ScriptedClaude,
    a_turn,
    an_exchange,
    completed,
    request_id,
)

Script = Sequence[str | Completed | Exception]


class Bridge:
    """Everything that answers a turn, and a Claude that says what it was told."""

    def __init__(self, *scripts: Script, context_limit: int = 8000) -> None:
        self.sessions = MemorySessions()
        self.claude = ScriptedClaude(*scripts)
        self.gateway = FakeGateway()
        self.turns = MemoryTurns()
        self.answering = wired.answering(
            self.sessions,
            self.claude,
            self.gateway,
            context_limit=context_limit,
            system_prompt="Be kind.",
            turns=self.turns,
        )

    def answer(self, turn: Turn) -> Outcome:
        return self.answering.answer(turn)

    def told(self, number: int = -1) -> list[str]:
        """Return the texts of a prompt's messages."""
        return [message["content"][0]["text"] for message in self.claude.prompts[number].messages]


def test_a_turn_is_answered_kept_and_told() -> None:
    bridge = Bridge(["Hel", "lo!", completed()])
    outcome = bridge.answer(a_turn(1, "Hi"))
    (kept,) = bridge.sessions.kept()
    assert (kept.question, kept.answer, kept.turn, kept.stop_reason) == ("Hi", "Hello!", 1, "end_turn")
    assert (kept.request_id, kept.at, kept.usage, kept.model) == (request_id(1), START, Usage(7, 3), MODEL)
    *deltas, closing = bridge.gateway.frames
    assert "".join(delta["text"] for delta in deltas) == "Hello!"
    assert (closing["type"], closing["turn"], closing["session_id"]) == ("answer", 1, "travel")
    assert closing["deltas"] == len(deltas)
    assert closing["memory"] == {
        "system": None,
        "window_messages": 0,
        "window_characters": 0,
        "summary": None,
        "recall": "owner",
        "recalled": [],
        "tokens": {"system": 2, "summary": 0, "window": 0, "recall": 0, "message": 1},
    }
    assert closing["cost"] == {"dollars": 0.000044, "uncached_dollars": 0.000044}
    assert outcome.exchange == kept
    assert (outcome.failure, outcome.repeated, outcome.client_gone) == (None, False, False)
    assert outcome.posts == len(bridge.gateway.posts)
    assert outcome.first_text is not None
    assert {connection for connection, _ in bridge.gateway.posts} == {"connection-1"}
    assert bridge.claude.models == [MODEL]
    assert bridge.claude.closed == 1


def test_the_next_turn_remembers() -> None:
    bridge = Bridge(["One", completed()], ["Two", completed()])
    bridge.answer(a_turn(1, "First"))
    bridge.answer(a_turn(2, "Second"))
    assert bridge.told() == ["First", "One", "Second"]
    assert bridge.claude.prompts[-1].system[0]["text"] == "Be kind."
    assert bridge.gateway.frames[-1]["memory"]["window_messages"] == 2
    assert bridge.gateway.frames[-1]["memory"]["window_characters"] == 8
    header = bridge.sessions.headers[KEY]
    assert (header.turns, header.title, header.usage) == (2, "First", Usage(14, 6))


@pytest.mark.parametrize(
    "error",
    [
        UpstreamOverloaded("Wait.", retry_after=3),
        UpstreamError("No key.", detail="for the log"),
        Internal("Oh."),
    ],
)
def test_a_failure_is_recorded_told_and_never_shown_to_claude(error: BridgeError) -> None:
    bridge = Bridge(["Hel", error], ["Two", completed()])
    outcome = bridge.answer(a_turn(1, "First"))
    (kept,) = bridge.sessions.kept()
    assert (kept.answer, kept.stop_reason, kept.failure) == (
        None,
        "error",
        Failure(error.code, error.message, error.retryable),
    )
    assert outcome.failure is error
    closing = bridge.gateway.frames[-1]
    assert (closing["type"], closing["code"], closing["retryable"]) == ("error", error.code, error.retryable)
    assert closing["request_id"] == request_id(1)
    assert closing.get("retry_after") == error.retry_after
    bridge.answer(a_turn(2, "Second"))
    assert bridge.told() == ["Second"]
    assert bridge.sessions.headers[KEY].turns == 2


@pytest.mark.parametrize(
    ("script", "code", "retryable"),
    [
        ([completed("refusal")], "refused", False),
        (["I", completed("refusal")], "refused", False),
        ([completed()], "upstream_error", True),
        ([" \n", completed()], "upstream_error", True),
        ([completed("max_tokens")], "upstream_error", False),
        ([], "upstream_error", True),
        (["He"], "upstream_error", True),
    ],
)
def test_what_is_no_answer(script: Script, code: str, retryable: bool) -> None:
    bridge = Bridge(script)
    bridge.answer(a_turn())
    assert bridge.sessions.kept()[0].answer is None
    closing = bridge.gateway.frames[-1]
    assert (closing["code"], closing["retryable"]) == (code, retryable)


def test_an_answer_at_its_output_limit_is_an_answer() -> None:
    bridge = Bridge(["Half of", completed("max_tokens")])
    bridge.answer(a_turn())
    assert bridge.sessions.kept()[0].answer == "Half of"
    assert bridge.gateway.frames[-1]["stop_reason"] == "max_tokens"


def test_a_client_that_is_gone_loses_nothing() -> None:
    bridge = Bridge(["Hello!", completed()])
    bridge.gateway.closed.add("connection-1")
    outcome = bridge.answer(a_turn())
    assert bridge.sessions.kept()[0].answer == "Hello!"
    assert (outcome.client_gone, outcome.posts, outcome.post_failure) == (True, 0, None)


def test_a_gateway_that_fails_loses_nothing() -> None:
    bridge = Bridge(["Hello!", completed()])
    bridge.gateway.failure = OSError("no route")
    outcome = bridge.answer(a_turn())
    assert bridge.sessions.kept()[0].answer == "Hello!"
    assert outcome.post_failure is bridge.gateway.failure


def test_a_kept_turn_is_told_again_and_not_asked() -> None:
    bridge = Bridge(["One", completed()], ["Two", completed()])
    bridge.answer(a_turn(1))
    bridge.answer(a_turn(2))
    told = bridge.gateway.frames[-1]
    outcome = bridge.answer(a_turn(2))
    assert outcome.repeated
    assert bridge.gateway.frames[-1] == told | {
        "deltas": None,
        "memory": told["memory"] | {"recalled": None},
    }
    assert len(bridge.sessions.kept()) == len(bridge.claude.prompts) == 2


def test_a_failed_turn_is_told_again_and_not_asked() -> None:
    bridge = Bridge([UpstreamOverloaded("Wait.")])
    bridge.answer(a_turn())
    bridge.answer(a_turn())
    first, second = bridge.gateway.frames
    assert first == second
    assert len(bridge.claude.prompts) == 1


def test_a_broken_off_turn_is_recorded_as_failed_and_not_asked_again() -> None:
    bridge = Bridge()
    bridge.turns.begin(a_turn(1), 0, 1)
    outcome = bridge.answer(a_turn(1, "Hi"))
    (kept,) = bridge.sessions.kept()
    assert (kept.question, kept.answer, kept.failure and kept.failure.code) == ("Hi", None, "internal")
    assert isinstance(outcome.failure, Internal)
    assert bridge.gateway.frames[-1]["retryable"] is True
    assert bridge.claude.prompts == []


def test_a_turn_whose_number_was_taken_takes_the_next() -> None:
    bridge = Bridge(["Mine", completed()])
    other = an_exchange(1, request_id=request_id(99))
    bridge.sessions.before_keep = lambda: bridge.sessions.keep(other, Session.begin(KEY, 1).after(other))
    outcome = bridge.answer(a_turn(5))
    assert [exchange.request_id for exchange in bridge.sessions.kept()] == [request_id(99), request_id(5)]
    assert outcome.exchange is not None
    assert outcome.exchange.turn == bridge.gateway.frames[-1]["turn"] == 2
    assert bridge.sessions.headers[KEY].turns == 2


def test_a_twin_that_was_faster_is_the_one_that_counts() -> None:
    bridge = Bridge(["Mine", completed()])
    twin = an_exchange(2, "Hi", "Theirs", request_id=request_id(5))

    def meddle() -> None:
        session = Session.begin(KEY, 1)
        for exchange in (an_exchange(1, request_id=request_id(99)), twin):
            bridge.sessions.keep(exchange, session := session.after(exchange))

    bridge.sessions.before_keep = meddle
    assert bridge.answer(a_turn(5)).exchange == twin
    assert bridge.gateway.frames[-1]["deltas"] is None
    assert len(bridge.sessions.kept()) == 2


def test_a_turn_that_never_gets_a_number_goes_back_to_the_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    bridge = Bridge(["Mine", completed()])
    tries: list[int] = []

    def keep(*_: object) -> None:
        tries.append(1)
        raise TurnTaken("ada/travel")

    monkeypatch.setattr(bridge.sessions, "keep", keep)
    with pytest.raises(TurnTaken):
        bridge.answer(a_turn())
    assert len(tries) == MAX_NUMBERINGS
    assert all(frame["type"] == "delta" for frame in bridge.gateway.frames)


def test_a_header_that_is_behind_catches_up() -> None:
    bridge = Bridge(["One", completed()], ["Two", completed()], ["Three", completed()])
    bridge.answer(a_turn(1, "First"))
    bridge.sessions.crash_before_header = True
    with pytest.raises(Crash):
        bridge.answer(a_turn(2, "Second"))
    assert bridge.sessions.headers[KEY].turns == 1
    bridge.answer(a_turn(3, "Third"))
    assert bridge.told() == ["First", "One", "Second", "Two", "Third"]
    header = bridge.sessions.headers[KEY]
    assert (header.turns, header.usage) == (3, Usage(21, 9))


def test_the_window_is_cut_in_one_step_and_the_header_knows_where_it_begins() -> None:
    answer: Script = ["a" * 10, completed()]
    bridge = Bridge(*[answer] * 12, context_limit=100)
    starts = []
    for number in range(1, 13):
        bridge.answer(a_turn(number, "q" * 10))
        starts.append(bridge.sessions.headers[KEY].window_start)
    assert starts == [1] * 5 + [5] * 4 + [9] * 3
    assert len(bridge.told()) == 2 * 3 + 1


def test_an_exchange_over_the_mark_leaves_the_window_empty_and_is_still_known() -> None:
    bridge = Bridge(["a" * 200, completed()], ["Two", completed()], context_limit=100)
    bridge.answer(a_turn(1))
    assert bridge.sessions.headers[KEY].window_start == 2
    assert bridge.answer(a_turn(1)).repeated
    bridge.answer(a_turn(2, "Second"))
    assert bridge.told() == ["Second"]


def test_the_original_gets_one_frame() -> None:
    bridge = Bridge(["Hel", "lo!", completed()], ["Again", completed()])
    bridge.answer(a_turn(1, wire="original"))
    assert bridge.gateway.frames == [
        {"statusCode": 200, "body": '{"response": "Hello!", "session_id": "travel", "context_length": 2}'}
    ]
    bridge.answer(a_turn(2, wire="original"))
    assert '"context_length": 4' in bridge.gateway.frames[-1]["body"]
    bridge.answer(a_turn(2, wire="original"))
    assert bridge.gateway.frames[-1] == bridge.gateway.frames[-2]


def test_the_original_gets_one_frame_for_an_error_too() -> None:
    bridge = Bridge(["He", UpstreamOverloaded("Wait.")])
    bridge.answer(a_turn(1, wire="original"))
    assert bridge.gateway.frames == [
        {"statusCode": 503, "body": '{"error": "Wait.", "code": "upstream_overloaded"}'}
    ]


def test_an_answer_too_long_for_the_originals_frame_is_kept_and_told_of() -> None:
    bridge = Bridge(["é" * 70_000, completed()])
    bridge.answer(a_turn(1, wire="original"))
    (frame,) = bridge.gateway.frames
    assert frame["statusCode"] == 413
    assert bridge.sessions.kept()[0].answer == "é" * 70_000


def test_where_not_even_loading_works_the_queue_delivers_again(monkeypatch: pytest.MonkeyPatch) -> None:
    bridge = Bridge()

    def load(_: object) -> None:
        raise OSError("no table")

    monkeypatch.setattr(bridge.sessions, "load", load)
    with pytest.raises(OSError, match="no table"):
        bridge.answer(a_turn())
    assert bridge.gateway.posts == []


def test_sessions_are_apart() -> None:
    bridge = Bridge(["One", completed()], ["Two", completed()])
    bridge.answer(a_turn(1))
    bridge.answer(a_turn(2, "Second", key=replace(KEY, owner="eve")))
    assert bridge.told() == ["Second"]
