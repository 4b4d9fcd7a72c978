"""A turn that goes on elsewhere, or ends before its time: under way, waiting, and over."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge import outbox, resuming, watching
from bridge.conversation import Usage
from bridge.errors import Internal, NotFound, UpstreamError
from bridge.memory.head import Head, Tombstone, mark_of
from bridge.outcome import Outcome
from bridge.ports.claude import Started
from bridge.ports.speaking import Connection
from bridge.protocol.requests import Cancel, Resume
from bridge.resuming import Resuming
from tests import wired
from tests.fake_turns import MemoryRequests, MemoryTurns
from tests.fakes import (
    KEY,
    MODEL,
    FakeGateway,
    Line,
    MemoryIntake,
    MemorySessions,
    ScriptedClaude,
    a_turn,
    completed,
    request_id,
)

ID = request_id(1)
NEW = Connection("new", KEY.owner, None)
ELSEWHERE = Connection("elsewhere", KEY.owner, None)
QUICK = 0.002


class Bridge:
    """What answers turns, and what their owners ask of them meanwhile."""

    def __init__(self, *script: Line, tokens: int | None = None) -> None:
        self.sessions = MemorySessions()
        self.claude = ScriptedClaude(script)
        self.gateway = FakeGateway()
        self.turns = MemoryTurns(tokens)
        self.requests = MemoryRequests()
        self.answering = wired.answering(
            self.sessions, self.claude, self.gateway, turns=self.turns, requests=self.requests
        )
        intake = MemoryIntake()
        intake(a_turn())
        self.resuming = Resuming(self.turns, self.sessions, intake, lambda: self.gateway)

    @contextmanager
    def under_way(self) -> Iterator[list[Outcome]]:
        """Answer a turn beside what is done inside, which begins when the first delta is there."""
        outcomes: list[Outcome] = []
        work = threading.Thread(target=lambda: outcomes.append(self.answering.answer(a_turn())))
        work.start()
        try:
            self.gateway.wait_for(1)
            yield outcomes
        finally:
            work.join(10)
            assert not work.is_alive()

    def resume(self, last_seq: int = 0, speaker: Connection = NEW) -> dict[str, Any]:
        return self.resuming.resume(Resume(ID, last_seq), speaker)

    def cancel(self, speaker: Connection = NEW) -> dict[str, Any]:
        return self.resuming.cancel(Cancel(ID), speaker)

    def told(self, connection: str) -> list[dict[str, Any]]:
        posts = zip(self.gateway.posts, self.gateway.frames, strict=True)
        return [frame for (target, _), frame in posts if target == connection]

    def text(self, connection: str) -> str:
        """Return what a client that takes each delta once reads on a connection."""
        deltas = {f["seq"]: f["text"] for f in self.told(connection) if f["type"] == "delta"}
        return "".join(deltas[seq] for seq in sorted(deltas))


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "INTERVAL", QUICK)
    monkeypatch.setattr(outbox, "INTERVAL", QUICK)
    monkeypatch.setattr(outbox, "FIRST_WAIT", 0)


def until(condition: Callable[[], bool]) -> None:
    """Wait until something has come about."""
    waited = threading.Event()
    for _ in range(5000):
        if condition():
            return
        waited.wait(0.002)
    raise AssertionError("it never came about")


def test_a_turn_under_way_goes_on_on_another_connection() -> None:
    go_on = threading.Event()
    bridge = Bridge("One, ", go_on, "two.", completed())
    with bridge.under_way():
        bridge.gateway.closed.add("connection-1")
        assert bridge.resume() == {"type": "accepted", "request_id": ID, "session_id": KEY.name}
        until(lambda: bridge.text("new") == "One, ")
        go_on.set()
    assert bridge.text("new") == "One, two."
    assert bridge.told("new")[-1]["type"] == "answer"
    assert [frame["type"] for frame in bridge.told("connection-1")] == ["delta"]


def test_what_the_client_has_is_not_told_again() -> None:
    go_on = threading.Event()
    bridge = Bridge("One, ", go_on, "two.", completed())
    with bridge.under_way():
        bridge.resume(last_seq=1)
        until(lambda: bridge.turns.look(a_turn()).resumes == 1)
        go_on.set()
    assert [f["seq"] for f in bridge.told("new") if f["type"] == "delta"] in ([2], [])
    assert bridge.told("new")[-1]["type"] == "answer"


def test_a_resume_that_comes_at_the_very_end_is_not_lost() -> None:
    bridge = Bridge("All of it.", completed())
    bridge.sessions.before_keep = bridge.resume
    bridge.answering.answer(a_turn())
    assert bridge.text("new") == "All of it."
    assert bridge.told("new")[-1]["type"] == "answer"


def test_a_turn_that_waits_is_answered_where_it_was_resumed() -> None:
    bridge = Bridge("Hello.", completed())
    bridge.resume(speaker=NEW)
    bridge.answering.answer(a_turn())
    assert bridge.text("new") == "Hello."
    assert bridge.told("connection-1") == []


def test_an_ended_turn_is_told_as_it_was_the_first_time() -> None:
    bridge = Bridge("é" * 30_000, completed())
    bridge.answering.answer(a_turn())
    first = [frame for frame in bridge.told("connection-1") if frame["type"] == "delta"]
    assert len(first) > 1
    answer = bridge.resume(last_seq=1)
    assert bridge.told("new") == first[1:]
    assert answer == bridge.told("connection-1")[-1] | {"memory": None}


def test_an_ended_turn_of_which_no_pieces_are_known_says_so() -> None:
    bridge = Bridge("Hello.", completed())
    bridge.answering.answer(a_turn())
    bridge.turns.drop(KEY.owner, ID)
    bridge.answering.answer(a_turn())  # delivered again: only now its end is known
    assert bridge.resume()["deltas"] is None
    assert bridge.told("new") == []


def test_a_failed_turn_is_told_as_it_was() -> None:
    bridge = Bridge(UpstreamError("Broke off.", retryable=True))
    bridge.answering.answer(a_turn())
    assert bridge.resume() == bridge.told("connection-1")[-1]
    assert bridge.cancel() == bridge.told("connection-1")[-1]


@pytest.mark.parametrize("speaker", [NEW, Connection("new", "eve", None)])
def test_what_was_never_sent_is_not_found(speaker: Connection) -> None:
    bridge = Bridge()
    wanted = ID if speaker.owner != KEY.owner else request_id(2)
    with pytest.raises(NotFound):
        bridge.resuming.resume(Resume(wanted, 0), speaker)
    with pytest.raises(NotFound):
        bridge.resuming.cancel(Cancel(wanted), speaker)
    assert bridge.turns.standings == {}


def test_cancelling_closes_the_call_and_keeps_what_was_said() -> None:
    never = threading.Event()
    bridge = Bridge(Started(Usage(40, 1), MODEL), "One, ", never, "two.", completed())
    with bridge.under_way():
        assert bridge.cancel(Connection("connection-1", KEY.owner, None))["type"] == "accepted"
    (kept,) = bridge.sessions.kept()
    assert (kept.answer, kept.stop_reason, kept.failure) == ("One, ", "cancelled", None)
    assert kept.usage == Usage(40, 2)
    assert kept.cost is not None
    (*_, closing) = bridge.told("connection-1")
    assert (closing["type"], closing["stop_reason"], closing["deltas"]) == ("answer", "cancelled", 1)
    assert bridge.claude.closed == 1


def test_whoever_cancels_elsewhere_is_told_too() -> None:
    never = threading.Event()
    bridge = Bridge("One, ", never)
    with bridge.under_way():
        bridge.cancel(ELSEWHERE)
    assert bridge.told("elsewhere") == [bridge.told("connection-1")[-1]]


def test_a_turn_that_is_cancelled_before_it_says_anything_is_kept_without_an_answer() -> None:
    bridge = Bridge(Started(Usage(40, 0), MODEL), threading.Event())
    bridge.claude.before_answer = bridge.cancel
    bridge.answering.answer(a_turn())
    (kept,) = bridge.sessions.kept()
    assert (kept.answer, kept.stop_reason, kept.failure) == (None, "cancelled", None)
    assert [entry["role"] for entry in kept.context] == ["user"]
    assert bridge.told("connection-1")[-1]["stop_reason"] == "cancelled"


def test_a_turn_that_is_cancelled_while_it_waits_is_never_asked() -> None:
    bridge = Bridge()
    bridge.cancel()
    bridge.answering.answer(a_turn())
    (kept,) = bridge.sessions.kept()
    assert (kept.answer, kept.stop_reason, kept.usage) == (None, "cancelled", Usage())
    assert bridge.claude.prompts == []


def test_a_call_that_is_cancelled_before_claude_says_what_it_takes_counts_all_the_same() -> None:
    bridge = Bridge(threading.Event(), tokens=1000)
    bridge.claude.before_answer = bridge.cancel
    bridge.answering.answer(a_turn(1, "x" * 400))
    (kept,) = bridge.sessions.kept()
    assert kept.usage == Usage(100)
    assert bridge.turns.used == {KEY.owner: 100}


def test_a_record_that_a_forgetting_removed_is_not_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    bridge = Bridge("Hello.", completed())
    keep = bridge.sessions.keep

    def keep_and_be_forgotten(*exchange: Any) -> Any:
        kept = keep(*exchange)
        bridge.turns.drop(KEY.owner, ID)
        return kept

    monkeypatch.setattr(bridge.sessions, "keep", keep_and_be_forgotten)
    bridge.answering.answer(a_turn())
    assert bridge.turns.standings == {}


@pytest.mark.parametrize("renewed", [False, True])
def test_a_turn_whose_session_was_forgotten_while_it_waited_is_let_go(renewed: bool) -> None:
    bridge = Bridge()
    bridge.sessions.heads[KEY.owner] = Head(forgotten=frozenset({Tombstone(mark_of(KEY.name), 5)}))
    if renewed:
        bridge.requests.renewed.add(ID)
    bridge.turns.cancel(KEY.owner, ID, "new")
    bridge.answering.answer(a_turn(accepted=5))
    assert bridge.sessions.kept() == []
    if renewed:  # the request is another by now, which gets an answer of its own
        assert bridge.gateway.posts == []
        assert bridge.turns.standings != {}
    else:
        assert [frame["code"] for frame in bridge.gateway.frames] == ["conflict", "conflict"]
        assert (bridge.requests.released, bridge.turns.standings) == ([ID], {})


def test_a_call_ends_when_its_session_is_forgotten() -> None:
    bridge = Bridge("One, ", threading.Event())
    with bridge.under_way():
        mark = Tombstone(mark_of(KEY.name), 2**50)
        bridge.sessions.heads[KEY.owner] = Head(forgotten=frozenset({mark}))
    assert bridge.sessions.kept() == []
    assert bridge.told("connection-1")[-1]["code"] == "conflict"
    assert bridge.claude.closed == 1


def test_a_session_goes_on_after_a_cancelled_turn() -> None:
    bridge = Bridge("One, ", threading.Event())
    with bridge.under_way():
        bridge.cancel()
    bridge.claude.scripts = [["Yes.", completed()]]
    bridge.answering.answer(a_turn(2, "And?"))
    told = [message["content"][0]["text"] for message in bridge.claude.prompts[-1].messages]
    assert told == ["Hello?", "One, ", "And?"]


def test_looks_that_fail_harm_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = threading.Event()
    bridge = Bridge("One, ", looked, "two.", completed())

    def look(_: object) -> None:
        looked.set()
        raise OSError("throttled")

    monkeypatch.setattr(bridge.turns, "look", look)
    monkeypatch.setattr(bridge.turns, "begin", lambda *_: (bridge.turns.resume("x", "y", "", 0), True))
    monkeypatch.setattr(bridge.turns, "end", lambda *_: bridge.turns.resume("x", "z", "connection-1", 0))
    with bridge.under_way() as outcomes:
        pass
    assert outcomes[0].failure is None
    assert bridge.text("connection-1") == "One, two."


def test_where_a_days_tokens_are_used_up_claude_is_not_asked() -> None:
    bridge = Bridge("Hello.", completed(input_tokens=50, output_tokens=10), tokens=60)
    bridge.answering.answer(a_turn(1))
    assert bridge.turns.used == {KEY.owner: 60}
    outcome = bridge.answering.answer(a_turn(2))
    assert len(bridge.claude.prompts) == 1
    assert outcome.failure is not None
    assert (outcome.failure.code, outcome.failure.retryable, outcome.failure.retry_after) == (
        "quota_exceeded",
        True,
        60,
    )
    assert [e.failure and e.failure.code for e in bridge.sessions.kept()] == [None, "quota_exceeded"]
    assert bridge.turns.used == {KEY.owner: 60}


def test_what_a_killed_turn_had_set_aside_stays_counted_once() -> None:
    bridge = Bridge(tokens=1000)
    bridge.turns.begin(a_turn(), 300, 1)
    for _ in range(2):
        bridge.answering.answer(a_turn())
    assert bridge.turns.used == {KEY.owner: 300}
    (kept,) = bridge.sessions.kept()
    assert kept.failure is not None
    assert kept.failure.code == Internal.code


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=30_000), min_size=1, max_size=6),
    st.integers(0, 20),
)
def test_a_reader_that_resumes_anywhere_reads_the_whole_answer(pieces: list[str], last_seq: int) -> None:
    if not "".join(pieces).strip():
        pieces.append("x")
    bridge = Bridge(*pieces, completed())
    bridge.answering.answer(a_turn())
    had = {f["seq"]: f["text"] for f in bridge.told("connection-1") if f["type"] == "delta"}
    kept = {seq: text for seq, text in had.items() if seq <= last_seq}
    answer = bridge.resume(last_seq)
    came = {f["seq"]: f["text"] for f in bridge.told("new") if f["type"] == "delta"}
    assert not kept.keys() & came.keys()
    whole = kept | came
    assert "".join(whole[seq] for seq in sorted(whole)) == "".join(pieces)
    assert answer["deltas"] == len(whole)


def test_whoever_lacks_too_many_deltas_reads_the_history(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resuming, "MOST_RETOLD", 2)
    bridge = Bridge("é" * 40_000, completed())
    bridge.answering.answer(a_turn())
    assert bridge.told("connection-1")[-1]["deltas"] == 4
    assert bridge.resume(last_seq=1)["deltas"] is None
    assert bridge.told("new") == []
    assert bridge.resume(last_seq=2)["deltas"] == 4
    assert [frame["seq"] for frame in bridge.told("new")] == [3, 4]
