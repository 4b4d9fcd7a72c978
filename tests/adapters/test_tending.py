"""Memories tended over DynamoDB: what a segment may take, what is forgotten, what is past its time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest

from bridge.adapters import memory_items
from bridge.adapters.archive import DynamoArchive
from bridge.adapters.erasing import DynamoEraser
from bridge.adapters.hashes import DynamoHashes
from bridge.adapters.sessions import DynamoSessions
from bridge.conversation import Exchange, SessionKey
from bridge.erasure import TURNS_WAIT_WITHIN
from bridge.forgetting import Forgetting
from bridge.memory.head import Head, mark_of
from bridge.memory.recall.ids import segment_ids
from bridge.memory.refs import Ref, milliseconds, refs_of
from bridge.remembering import MOST_PACKED, SEAL_AT, Remembering
from tests.adapters.speaking import DAYS, name, say, segments
from tests.aws import HASHES_TABLE, SESSIONS_TABLE, Calls
from tests.fakes import KEY, FakeClock

COOKING = SessionKey(KEY.owner, "cooking")


class Memory:
    """Ada's memory, and all that works on it."""

    def __init__(self, sessions: DynamoSessions, dynamodb: Any, calls: Calls, clock: FakeClock) -> None:
        self.sessions, self.clock, self.calls = sessions, clock, calls
        self.archive = DynamoArchive(dynamodb, SESSIONS_TABLE, DAYS, clock)
        self.eraser = DynamoEraser(dynamodb, SESSIONS_TABLE, DynamoHashes(dynamodb, HASHES_TABLE))
        self.remembering = Remembering(self.archive, self.eraser, DAYS, clock)

    def say(self, key: SessionKey = KEY, **changes: Any) -> Exchange:
        self.clock.advance(seconds=1)
        return say(self.sessions, self.clock, key, **changes)

    def say_enough(self, key: SessionKey = KEY) -> None:
        """Have a session's exchanges become a segment of their own, or be merged with the last one."""
        for _ in range(SEAL_AT):
            self.say(key)
        self.tend()

    def tend(self) -> None:
        self.remembering.tend(KEY.owner)

    def forget(self, key: SessionKey = KEY) -> int:
        self.clock.advance(seconds=1)
        return Forgetting(self.eraser, self.archive, self.remembering).forget(key.owner, key.name)

    @property
    def head(self) -> Head:
        return self.archive.head(KEY.owner)

    def held(self) -> list[str]:
        """Return the exchanges of all segments that the head names, as often as they are in one."""
        packed = self.archive.segments(KEY.owner, self.head.segments)
        assert len(packed) == len(self.head.segments)
        return [ref for each in packed.values() for ref in dict.fromkeys(refs_of(segment_ids(each)))]

    def written(self) -> int:
        """Tend; return how many segments were written."""
        before = self.calls.made["PutItem"]
        self.tend()
        return self.calls.made["PutItem"] - before


@pytest.fixture
def memory(sessions: DynamoSessions, dynamodb: Any, calls: Calls, clock: FakeClock) -> Memory:
    return Memory(sessions, dynamodb, calls, clock)


def sums(size: int, seed: int) -> str:
    """Return so many bytes of checksums, a line each: hardly any word comes twice."""
    lines = (sha256(f"{seed}/{number}".encode()).hexdigest() for number in range(size // 65 + 1))
    return "\n".join(lines)[:size]


def sizes(dynamodb: Any) -> Iterator[int]:
    """Yield about what each item takes, as DynamoDB counts: names and values."""
    for item in dynamodb.scan(TableName=SESSIONS_TABLE)["Items"]:
        yield sum(
            len(attribute) + len(repr(value)) for attribute, value in item.items() if attribute != "packed"
        )
        yield len(item.get("packed", {"B": b""})["B"])


def test_a_sessions_name_goes_at_once_and_its_mark_with_a_later_rewrite(
    memory: Memory, dynamodb: Any
) -> None:
    memory.say_enough()
    memory.say_enough(COOKING)
    assert memory.forget() == SEAL_AT
    head = memory.head
    assert head.forgetting == frozenset()
    assert {each.mark for each in head.forgotten} == {mark_of(KEY.name)}
    assert {Ref.parse(ref).session for ref in memory.held()} == {COOKING.name}
    memory.clock.advance(seconds=TURNS_WAIT_WITHIN.total_seconds() - SEAL_AT)
    memory.say_enough(COOKING)
    assert memory.head.forgotten == head.forgotten
    memory.clock.advance(seconds=1)
    memory.say_enough(COOKING)
    assert memory.head.forgotten == frozenset()
    stored = dynamodb.get_item(TableName=SESSIONS_TABLE, Key=memory_items.head_key(KEY.owner))
    assert KEY.name not in repr(stored["Item"])


def test_forgetting_rewrites_only_what_holds_something_of_the_session(memory: Memory, dynamodb: Any) -> None:
    for number in range(6):
        memory.say_enough(SessionKey(KEY.owner, f"chat-{number}"))
    memory.say(KEY)
    for _ in range(SEAL_AT - 1):
        memory.say(COOKING)
    memory.tend()
    before = {segment.seq: segment for segment in memory.head.segments}
    touched = {
        seq
        for seq, packed in memory.archive.segments(KEY.owner, before.values()).items()
        if any(Ref.parse(ref).session == KEY.name for ref in refs_of(segment_ids(packed)))
    }
    assert 0 < len(touched) < len(before)
    writes = memory.calls.made["PutItem"]
    assert memory.forget() == 1
    after = {segment.seq: segment for segment in memory.head.segments}
    assert before.keys() - after.keys() == touched
    assert all(after[seq] == before[seq] for seq in before.keys() - touched)
    assert memory.calls.made["PutItem"] - writes == len(touched)
    assert sorted(segments(dynamodb)) == sorted(after)
    assert len(memory.held()) == 7 * SEAL_AT - 1


@pytest.mark.parametrize("sealed", [False, True])
def test_what_a_function_whose_clock_is_ahead_kept_is_forgotten_too(
    memory: Memory, dynamodb: Any, sealed: bool
) -> None:
    memory.say(COOKING)
    for _ in range(SEAL_AT - 1 if sealed else 2):
        memory.say()
    ahead = memory.clock() + timedelta(seconds=90)
    memory.say(at=ahead)
    if sealed:
        memory.tend()
    assert memory.forget() == (SEAL_AT if sealed else 3)
    head = memory.head
    assert head.forgetting == frozenset()
    assert head.forgot(KEY.name) == milliseconds(ahead)
    assert {Ref.parse(ref).session for ref in (*head.pending, *memory.held())} == {COOKING.name}
    assert memory.sessions.find(KEY) is None
    memory.clock.advance(seconds=120)
    assert memory.say(question="Anew").turn == 1


@pytest.mark.parametrize("at_once", [False, True])
def test_messages_of_nothing_but_checksums_fit(memory: Memory, dynamodb: Any, at_once: bool) -> None:
    """What they take in a segment is not what words take, and no item may hold more than 400 KB."""
    named = set()
    for key, size in ((KEY, 39_000), (COOKING, 59_000)):
        for seed in range(SEAL_AT):
            named.add(name(memory.say(key, question=sums(size, seed + size), answer="Noted."), key))
        if not at_once:
            memory.tend()
    memory.tend()
    assert sorted((*memory.held(), *memory.head.pending)) == sorted(named)
    assert memory.head.pending == frozenset()
    assert max(segment.size for segment in memory.head.segments) <= MOST_PACKED
    assert max(sizes(dynamodb)) < 400_000
    assert memory.forget() == SEAL_AT
    assert {Ref.parse(ref).session for ref in memory.held()} == {COOKING.name}
    assert memory.forget(COOKING) == SEAL_AT
    assert (memory.head.empty, segments(dynamodb)) == (True, [])


def test_what_is_all_past_its_time_goes_with_the_next_tend(memory: Memory, dynamodb: Any) -> None:
    memory.say_enough()
    memory.clock.now += DAYS
    memory.tend()
    assert (memory.head.segments, segments(dynamodb)) == ((), [])


@pytest.mark.parametrize(
    ("apart", "patience"),
    [
        (timedelta(hours=1), timedelta(hours=7) / 8),
        (timedelta(days=1), timedelta(days=7) / 8),
        (timedelta(days=2), timedelta(days=1)),
    ],
)
def test_what_is_partly_past_its_time_is_written_anew_by_and_by(
    memory: Memory, apart: timedelta, patience: timedelta
) -> None:
    """It waits for an eighth of what a segment spans, or for a day."""
    said = []
    for _ in range(SEAL_AT):
        said.append(memory.say())
        memory.clock.now = said[-1].at + apart - timedelta(seconds=1)
    memory.tend()
    memory.clock.now = said[0].at + DAYS + patience - timedelta(milliseconds=1)
    assert memory.written() == 0
    assert len(memory.held()) == SEAL_AT
    memory.clock.advance(milliseconds=1)
    assert memory.written() == 1
    assert memory.held() == [name(each) for each in said[1:]]


@pytest.mark.parametrize(("a_day", "most"), [(1, 20), (6, 10)])
def test_who_speaks_every_day_has_little_written_anew(memory: Memory, a_day: int, most: int) -> None:
    """Over thirty turns, all of them after as long as a memory lasts: some of it expires every day."""
    ttl = timedelta(days=8)
    memory.remembering = Remembering(memory.archive, memory.eraser, ttl, memory.clock)
    written = 0
    for turn in range(10 * a_day + 30):
        memory.say(SessionKey(KEY.owner, f"chat-{turn // 10}"))
        memory.clock.now += timedelta(days=1) / a_day
        before, written = written, written + memory.written()
        if turn == 10 * a_day:
            began = before
        due = milliseconds(memory.clock() - ttl - timedelta(days=1))
        assert all(segment.oldest > due for segment in memory.head.segments)
    assert 0 < written - began <= most
