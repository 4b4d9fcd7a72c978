"""How long it is known that something was forgotten, and what a forgotten everything is."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bridge.erasure import MOST_WAITED_FOR, TURNS_END_WITHIN, TURNS_WAIT_WITHIN, outdated
from bridge.errors import Internal
from bridge.forgetting import Forgetting
from bridge.memory.head import EVERYTHING, Head, Tombstone, mark_of
from bridge.memory.refs import Ref, milliseconds
from bridge.remembering import Remembering
from tests.fakes import KEY, START, FakeClock, MemoryArchive, MemorySessions, an_exchange

NOW = milliseconds(START)
LATELY = NOW - milliseconds(START - TURNS_END_WITHIN)
WAIT = NOW - milliseconds(START - TURNS_WAIT_WITHIN)


def tombstones(*ages: int, mark: str = "mark") -> frozenset[Tombstone]:
    """Return tombstones of sessions of their own, by their ages in milliseconds."""
    return frozenset(Tombstone(f"{mark}{age}", NOW - age) for age in ages)


def test_a_tombstone_is_kept_for_as_long_as_a_turn_may_wait() -> None:
    assert outdated(tombstones(0, LATELY, LATELY + 1, WAIT), START) == frozenset()
    assert outdated(tombstones(0, WAIT + 1), START) == tombstones(WAIT + 1)


def test_of_many_that_are_older_than_a_turn_the_newest_are_kept() -> None:
    lately = tombstones(*range(1000))
    older = tombstones(*range(LATELY + 1, LATELY + 1 + MOST_WAITED_FOR))
    oldest = tombstones(*range(LATELY + 1 + MOST_WAITED_FOR, LATELY + 101 + MOST_WAITED_FOR))
    assert outdated(lately | older | oldest, START) == oldest


def test_of_one_session_the_last_moment_is_kept() -> None:
    first, second = Tombstone("mark", NOW - 2), Tombstone("mark", NOW - 1)
    assert outdated(frozenset({first, second}), START) == {first}


def test_everything_covers_what_was_forgotten_before_and_is_not_counted() -> None:
    everything = Tombstone(EVERYTHING, NOW - LATELY - 1)
    before = tombstones(*range(LATELY + 1, LATELY + 99))
    after = tombstones(*range(LATELY - 70, LATELY))
    assert outdated(before | after | {everything}, START) == before
    later = START + TURNS_WAIT_WITHIN - TURNS_END_WITHIN
    assert everything not in outdated(after | {everything}, later - timedelta(milliseconds=1))
    assert everything in outdated(after | {everything}, later)


def test_a_heads_tombstones_stay_under_two_kilobytes_of_what_every_turn_writes() -> None:
    written = f"{mark_of('travel')}#{NOW}"
    assert MOST_WAITED_FOR * (len(written) + 1) <= 2048


def test_a_forgotten_everything_is_every_session_up_to_then() -> None:
    head = Head(forgotten=frozenset({Tombstone(EVERYTHING, 5), Tombstone(mark_of("travel"), 7)}))
    assert (head.forgot("travel"), head.forgot("never heard of")) == (7, 5)
    assert not head.holds(Ref("cooking", 1, 5))
    assert head.holds(Ref("cooking", 1, 6))
    assert not head.holds(Ref("travel", 1, 6))
    assert head.forgot_everything == 5


@pytest.mark.parametrize("answer", ["Hello!", None])
def test_a_name_comes_back_as_it_was(answer: str | None) -> None:
    exchange = an_exchange(3, answer=answer)
    ref = Ref.of("chat-1.a_b", exchange)
    assert Ref.parse(str(ref)) == ref
    assert ref.silent == (answer is None)


class Letters:
    """Dead letters that note what they are asked for, and when."""

    def __init__(self, archive: MemoryArchive) -> None:
        self.archive = archive
        self.asked: list[tuple[str, str | None, frozenset[Tombstone]]] = []

    def take_out(self, owner: str, session: str | None, before: object) -> None:
        self.asked.append((owner, session, self.archive.head(owner).forgetting))


@pytest.mark.parametrize("session", ["travel", None])
def test_the_dead_letters_are_looked_through_before_anything_is_marked(session: str | None) -> None:
    """Nobody else looks there: whoever dies before has marked nothing, and told nobody that it is done."""
    archive = MemoryArchive(MemorySessions(), FakeClock())
    letters = Letters(archive)
    remembering = Remembering(archive, archive, timedelta(days=30), archive.clock)
    Forgetting(archive, archive, remembering, letters).forget("ada", session)
    assert letters.asked == [("ada", session, frozenset())]
    assert archive.head("ada").forgot("travel") == NOW


def test_what_is_not_done_in_time_says_that_it_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.forgetting.MOST_SECONDS", -1.0)
    sessions, clock = MemorySessions(), FakeClock()
    archive = MemoryArchive(sessions, clock)
    said = replace(an_exchange(1), at=clock())
    sessions.keep(said, sessions.load(KEY).session.after(said))
    remembering = Remembering(archive, archive, timedelta(days=30), clock)
    with pytest.raises(Internal, match="Send it again") as caught:
        Forgetting(archive, archive, remembering).forget("ada", None)
    assert caught.value.retryable
    assert archive.head("ada").forgetting == {Tombstone(EVERYTHING, NOW)}
    assert remembering.tend("ada") == 1
    assert (sessions.kept(), archive.head("ada").forgetting) == ([], frozenset())


def test_what_a_function_whose_clock_is_ahead_kept_is_forgotten_with_everything() -> None:
    sessions, clock = MemorySessions(), FakeClock()
    archive = MemoryArchive(sessions, clock)
    ahead = replace(an_exchange(1), at=clock() + timedelta(seconds=9))
    sessions.keep(ahead, sessions.load(KEY).session.after(ahead))
    remembering = Remembering(archive, archive, timedelta(days=30), clock)
    assert Forgetting(archive, archive, remembering).forget("ada", None) == 1
    assert (sessions.kept(), archive.head("ada").pending) == ([], frozenset())
