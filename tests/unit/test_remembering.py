"""Whatever is redelivered, raced or broken off: all that was said is remembered, once, by its owner alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from bridge.conversation import SessionKey
from bridge.forgetting import Forgetting
from bridge.memory.head import EVERYTHING, Head
from bridge.memory.query import MemoryQuery
from bridge.memory.recall import unpack
from bridge.memory.recollection import Recollections
from bridge.memory.refs import Ref, ref_of
from bridge.remembering import LOST_AFTER, SEAL_AT, Remembering
from tests.fakes import FakeClock, MemoryArchive, MemorySessions, an_exchange, request_id

MEMORY_TTL = timedelta(days=30)
OWNERS = ("ada", "bob")
SESSIONS = ("plans", "garden")

owners = st.sampled_from(OWNERS)
names = st.sampled_from(SESSIONS)


class Memories:
    """Two owners' memories, two functions that recall, and any number that remember."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.sessions = MemorySessions()
        self.archive = MemoryArchive(self.sessions, self.clock, MEMORY_TTL)
        self.functions = [Recollections(self.archive, self.clock) for _ in range(2)]
        self.said = 0
        self.taken_in: list[str] = []
        """The requests that were told to have come into a segment."""

    def remembering(self) -> Remembering:
        taken_in = self.taken_in.extend
        return Remembering(self.archive, self.archive, MEMORY_TTL, self.clock, taken_in=taken_in)

    def say(self, owner: str, session: str, answer: str | None = "Fine.") -> str:
        """Say something with a word in it that nobody else ever says."""
        self.said += 1
        self.clock.advance(seconds=1)
        key = SessionKey(owner, session)
        loaded = self.sessions.load(key)
        before = loaded.session
        word = "zq" + "".join(chr(ord("b") + int(digit)) for digit in str(self.said))
        exchange = replace(
            an_exchange(before.next_turn, f"The word is {word}.", answer),
            at=self.clock(),
            request_id=request_id(self.said),
        )
        self.sessions.keep(exchange, before.caught_up([exchange]), loaded.head)
        return word

    def found(self, function: int, owner: str, word: str) -> int:
        """Return how often a word comes to mind."""
        head = self.sessions.heads.get(owner, Head())
        query = MemoryQuery(f"Which word is {word}?", limit=100)
        recalled = self.functions[function].recall(owner, head, query)
        return sum(f" {word}." in each.text for each in recalled)

    def names(self, owner: str) -> list[str]:
        """Return every exchange that the memory names, as often as it does."""
        packed = self.archive.packed.get(owner, {}).values()
        held = [sorted({ref_of(each.id) for each in unpack(segment)}) for segment in packed]
        return [*self.sessions.heads.get(owner, Head()).pending, *(ref for refs in held for ref in refs)]


class Remembered(RuleBasedStateMachine):
    """Says, tends, forgets and waits in any order; the words alive are a plain dictionary."""

    def __init__(self) -> None:
        super().__init__()
        self.memories = Memories()
        self.alive: dict[str, dict[str, tuple[str, object]]] = {owner: {} for owner in OWNERS}
        self.dead: set[str] = set()

    def _say(self, owner: str, session: str) -> None:
        word = self.memories.say(owner, session)
        self.alive[owner][word] = (session, self.memories.clock())

    @rule(owner=owners, session=names, times=st.integers(1, SEAL_AT + 2))
    def say(self, owner: str, session: str, times: int) -> None:
        for _ in range(times):
            self._say(owner, session)

    @rule(owner=owners, session=names, times=st.integers(1, SEAL_AT))
    def fail(self, owner: str, session: str, times: int) -> None:
        for _ in range(times):
            self.dead.add(self.memories.say(owner, session, answer=None))

    @rule(owner=owners, removed=st.booleans())
    def tend(self, owner: str, removed: bool) -> None:
        self.memories.remembering().tend(owner, removed=removed)

    @rule(owner=owners, session=names, times=st.integers(0, SEAL_AT))
    def tend_while_others_speak_and_tend(self, owner: str, session: str, times: int) -> None:
        def meddle() -> None:
            for _ in range(times):
                self._say(owner, session)
            self.memories.remembering().tend(owner)

        self.memories.archive.before_rewrite = meddle
        self.memories.remembering().tend(owner)
        self.memories.archive.before_rewrite = None

    @rule(owner=owners, session=names, dies=st.sampled_from(["", "after the tombstone", "after erasing"]))
    def forget(self, owner: str, session: str, dies: str) -> None:
        archive = self.memories.archive
        if not dies:
            Forgetting(archive, archive, self.memories.remembering()).forget(owner, session)
        else:
            archive.forget(owner, session)
            if dies == "after erasing":
                archive.erase(SessionKey(owner, session))
        for word, (said_in, _) in list(self.alive[owner].items()):
            if said_in == session:
                del self.alive[owner][word]
                self.dead.add(word)
        self.memories.clock.advance(seconds=1)

    @rule(owner=owners, dies=st.booleans())
    def forget_everything(self, owner: str, dies: bool) -> None:
        archive = self.memories.archive
        if dies:
            archive.forget(owner, EVERYTHING)
        else:
            Forgetting(archive, archive, self.memories.remembering()).forget(owner, None)
            assert self.memories.names(owner) == []
            assert not any(kept for key, kept in archive.sessions.exchanges.items() if key.owner == owner)
        self.dead.update(self.alive[owner])
        self.alive[owner].clear()
        self.memories.clock.advance(seconds=1)

    @rule(days=st.integers(1, 20))
    def wait(self, days: int) -> None:
        self.memories.clock.advance(days=days)
        now = self.memories.clock()
        for words in self.alive.values():
            for word, (_, at) in list(words.items()):
                if at + MEMORY_TTL <= now:  # type: ignore[operator]
                    del words[word]
                    self.dead.add(word)

    @rule(function=st.integers(0, 1), owner=owners)
    def recall(self, function: int, owner: str) -> None:
        other = OWNERS[1 - OWNERS.index(owner)]
        for word in self.alive[owner]:
            assert self.memories.found(function, owner, word) == 1
        for word in (*self.dead, *self.alive[other]):
            assert self.memories.found(function, owner, word) == 0

    @invariant()
    def nothing_is_named_twice(self) -> None:
        for owner in OWNERS:
            named = self.memories.names(owner)
            assert len(named) == len(set(named))

    def teardown(self) -> None:
        for owner in OWNERS:
            self.memories.remembering().tend(owner)
            self.recall(0, owner)
            self.recall(1, owner)
            head = self.memories.sessions.heads.get(owner, Head())
            assert not head.forgetting
            assert len(head.pending) < SEAL_AT


TestRemembered = Remembered.TestCase
TestRemembered.settings = settings(max_examples=100, stateful_step_count=20, deadline=None)


@pytest.fixture
def memories() -> Memories:
    return Memories()


def test_few_exchanges_wait_and_more_become_a_segment(memories: Memories) -> None:
    for _ in range(SEAL_AT - 1):
        memories.say("ada", "plans")
    memories.remembering().tend("ada")
    assert not memories.sessions.heads["ada"].segments
    memories.say("ada", "plans")
    memories.remembering().tend("ada")
    (segment,) = memories.sessions.heads["ada"].segments
    assert segment.exchanges == SEAL_AT
    assert memories.sessions.heads["ada"].pending == frozenset()


def test_segments_are_merged_so_that_there_are_few(memories: Memories) -> None:
    written = 0
    for _ in range(64):
        for _ in range(SEAL_AT):
            memories.say("ada", "plans")
        before = set(memories.archive.packed.get("ada", {}))
        memories.remembering().tend("ada")
        head = memories.sessions.heads["ada"]
        written += sum(segment.exchanges for segment in head.segments if segment.seq not in before)
    assert sum(segment.exchanges for segment in head.segments) == 64 * SEAL_AT
    assert len(head.segments) <= 7
    assert written <= 8 * 64 * SEAL_AT


def test_a_name_whose_exchange_never_was_kept_is_given_up_in_time(memories: Memories) -> None:
    for _ in range(SEAL_AT):
        memories.say("ada", "plans")
    lost = str(Ref("plans", 99, int(memories.clock().timestamp() * 1000)))
    head = memories.sessions.heads["ada"]
    memories.sessions.heads["ada"] = replace(head, pending=head.pending | {lost})
    memories.remembering().tend("ada")
    assert memories.sessions.heads["ada"].pending == {lost}
    memories.clock.advance(seconds=LOST_AFTER.total_seconds() + 1)
    for _ in range(SEAL_AT):
        memories.say("ada", "plans")
    memories.remembering().tend("ada")
    assert memories.sessions.heads["ada"].pending == frozenset()


def test_each_turn_is_told_once_to_have_come_into_a_segment(memories: Memories) -> None:
    for turns in (SEAL_AT - 1, 1, SEAL_AT, 1):
        for _ in range(turns):
            memories.say("ada", "plans")
        for _ in range(2):
            memories.remembering().tend("ada")
    assert memories.taken_in == [request_id(number) for number in range(1, 2 * SEAL_AT + 1)]


def test_what_is_past_its_time_leaves_the_segments(memories: Memories) -> None:
    old = memories.say("ada", "plans")
    memories.clock.advance(days=20)
    for _ in range(SEAL_AT):
        memories.say("ada", "plans")
    memories.remembering().tend("ada")
    memories.clock.advance(days=15)
    memories.remembering().tend("ada")
    (segment,) = memories.archive.packed["ada"].values()
    terms = {term for each in unpack(segment) for passage in each.passages for term in passage.counts}
    assert not any(term.startswith(old) for term in terms)
    memories.clock.advance(days=30)
    memories.remembering().tend("ada")
    assert memories.archive.packed["ada"] == {}
    assert memories.sessions.heads["ada"].segments == ()


def test_a_forgotten_session_leaves_no_trace_and_a_new_one_of_its_name_stays(memories: Memories) -> None:
    old = [memories.say("ada", "plans") for _ in range(SEAL_AT)]
    memories.remembering().tend("ada")
    archive = memories.archive
    archive.forget("ada", "plans")
    memories.clock.advance(seconds=1)
    archive.erase(SessionKey("ada", "plans"))
    anew = memories.say("ada", "plans")
    # The function that was to forget died here; another one finishes its work.
    memories.remembering().tend("ada")
    assert memories.found(0, "ada", anew) == 1
    assert [memories.found(0, "ada", word) for word in old] == [0] * SEAL_AT
    assert len(memories.names("ada")) == 1
    assert [each.question for each in memories.sessions.kept(SessionKey("ada", "plans"))] == [
        f"The word is {anew}."
    ]


def test_gives_up_where_others_change_the_head_without_a_pause(memories: Memories) -> None:
    for _ in range(SEAL_AT):
        memories.say("ada", "plans")

    def meddle() -> None:
        head = memories.sessions.heads["ada"]
        memories.sessions.heads["ada"] = replace(head, version=head.version + 1)
        memories.archive.before_rewrite = meddle

    memories.archive.before_rewrite = meddle
    with pytest.raises(RuntimeError, match="again and again"):
        memories.remembering().tend("ada")
