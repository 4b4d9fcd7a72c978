"""A memory of which a part cannot be read, or is another owner's, goes on with what is left of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bridge import remembering
from bridge.adapters import items, memory_items
from bridge.adapters.archive import DynamoArchive
from bridge.adapters.erasing import DynamoEraser
from bridge.adapters.hashes import DynamoHashes
from bridge.adapters.sessions import DynamoSessions
from bridge.conversation import SessionKey
from bridge.forgetting import Forgetting
from bridge.memory.head import Head
from bridge.memory.named import names_in
from bridge.memory.query import MemoryQuery
from bridge.memory.recall.ids import cut, join
from bridge.memory.recollection import Recollections
from bridge.remembering import Remembering
from tests.adapters.speaking import DAYS, name, say, segments
from tests.aws import HASHES_TABLE, SESSIONS_TABLE
from tests.fakes import KEY, FakeClock

Damage = Callable[[bytes], bytes]
OWNER = KEY.owner
SEAL_AT = 3
"""Exchanges that make a segment here."""


class Memory:
    """Ada's memory with a segment of its own, and what is told of losses."""

    def __init__(self, sessions: DynamoSessions, dynamodb: Any, clock: FakeClock) -> None:
        self.sessions, self.dynamodb, self.clock = sessions, dynamodb, clock
        self.archive = DynamoArchive(dynamodb, SESSIONS_TABLE, DAYS, clock)
        self.eraser = DynamoEraser(dynamodb, SESSIONS_TABLE, DynamoHashes(dynamodb, HASHES_TABLE))
        self.lost: list[tuple[int, int]] = []
        self.remembering = Remembering(
            self.archive, self.eraser, DAYS, clock, lambda *lost: self.lost.append(lost)
        )
        self.named = [self.say() for _ in range(SEAL_AT)]
        self.remembering.tend(OWNER)
        (self.seq,) = segments(dynamodb)

    def say(self, key: SessionKey = KEY) -> str:
        self.clock.advance(seconds=1)
        return name(say(self.sessions, self.clock, key, question="Where is the marmalade?"), key)

    def damage(self, damage: Damage, owner: str = OWNER) -> None:
        packed = self.archive.segments(OWNER, self.head.segments)[self.seq]
        item = memory_items.segment_item(owner, self.seq, damage(packed), 2**33)
        self.dynamodb.put_item(
            TableName=SESSIONS_TABLE, Item=item | memory_items.segment_key(OWNER, self.seq)
        )

    def forget(self, session: str | None) -> int:
        return Forgetting(self.eraser, self.archive, self.remembering).forget(OWNER, session)

    def merge(self) -> None:
        for _ in range(SEAL_AT):
            self.named.append(self.say())
        self.remembering.tend(OWNER)

    @property
    def head(self) -> Head:
        return self.archive.head(OWNER)

    def held(self) -> set[str]:
        packed = self.archive.segments(OWNER, self.head.segments)
        assert len(packed) == len(self.head.segments) == len(segments(self.dynamodb))
        return {str(ref) for each in packed.values() for ref in names_in(each) or ()}

    def recall(self) -> set[str]:
        query = MemoryQuery("Where is the marmalade?", limit=50)
        found = Recollections(self.archive, self.clock).recall(OWNER, self.head, query)
        return {f"{each.session_id}#{each.turn}" for each in found}


@pytest.fixture
def memory(
    sessions: DynamoSessions, dynamodb: Any, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> Memory:
    monkeypatch.setattr(remembering, "SEAL_AT", SEAL_AT)
    return Memory(sessions, dynamodb, clock)


def no_body(packed: bytes) -> bytes:
    """Leave the names readable, and nothing else."""
    version, checksum, ids, _ = cut(packed)
    return join(version, checksum, ids, b"")


def no_names(packed: bytes) -> bytes:
    version, checksum, ids, rest = cut(packed)
    return join(version, checksum, ids[: len(ids) // 2], rest)


UNREADABLE: list[Damage] = [lambda _: b"", lambda _: b"x" * 99, lambda packed: packed[:20], no_names]


def test_what_a_segment_named_whose_words_are_lost_is_analysed_anew(memory: Memory) -> None:
    memory.damage(no_body)
    assert memory.recall() == set()
    memory.merge()
    assert memory.held() == set(memory.named)
    assert len(memory.recall()) == 2 * SEAL_AT
    assert memory.lost == []


@pytest.mark.parametrize("damage", UNREADABLE)
def test_a_segment_whose_names_cannot_be_read_is_given_up_and_told_of(memory: Memory, damage: Damage) -> None:
    memory.damage(damage)
    pending = memory.say()
    assert memory.recall() == {pending.rpartition("#")[0]}
    memory.named.clear()
    memory.merge()
    assert memory.held() | memory.head.pending == {pending, *memory.named}
    assert memory.lost == [(1, SEAL_AT)]
    memory.merge()
    assert memory.lost == [(1, SEAL_AT)]


def test_of_another_owners_segment_nothing_is_taken_over(memory: Memory) -> None:
    memory.damage(lambda packed: packed, owner="eve")
    assert memory.recall() == set()
    memory.named.clear()
    memory.merge()
    assert memory.held() == set(memory.named)
    assert memory.lost == [(1, SEAL_AT)]


def test_a_segment_that_is_missing_is_given_up_and_told_of(memory: Memory) -> None:
    key = memory_items.segment_key(OWNER, memory.seq)
    memory.dynamodb.delete_item(TableName=SESSIONS_TABLE, Key=key)
    memory.named.clear()
    memory.merge()
    assert (memory.held(), memory.lost) == (set(memory.named), [(1, SEAL_AT)])


@pytest.mark.parametrize("damage", [*UNREADABLE, no_body])
@pytest.mark.parametrize("session", [KEY.name, None])
def test_who_forgets_is_not_hindered(memory: Memory, damage: Damage, session: str | None) -> None:
    memory.damage(damage)
    assert memory.forget(session) == SEAL_AT
    assert (memory.head.segments, memory.head.forgetting, memory.held()) == ((), frozenset(), set())
    assert memory.sessions.find(KEY) is None


def test_another_session_that_stood_in_a_damaged_segment_is_remembered_again(memory: Memory) -> None:
    cooking = SessionKey(OWNER, "cooking")
    others = [memory.say(cooking) for _ in range(SEAL_AT)]
    memory.remembering.tend(OWNER)
    (memory.seq,) = segments(memory.dynamodb)
    memory.damage(no_body)
    assert memory.forget(KEY.name) == SEAL_AT
    assert memory.held() == set(others)
    assert len(memory.recall()) == SEAL_AT


def test_another_versions_segment_is_written_anew_with_what_has_no_answer(memory: Memory) -> None:
    memory.clock.advance(seconds=1)
    failed = name(say(memory.sessions, memory.clock, answer=None, stop_reason="error"))
    memory.merge()
    assert failed in memory.held()
    (segment,) = memory.head.segments
    memory.seq = segment.seq
    memory.damage(no_body)
    client, head = memory.dynamodb, memory.head
    client.update_item(
        TableName=SESSIONS_TABLE,
        Key=memory_items.head_key(OWNER),
        UpdateExpression="SET #segments = :older",
        ExpressionAttributeNames={"#segments": "segments"},
        ExpressionAttributeValues=items.to_item(
            {":older": memory_items.segment_entries((replace(segment, version=1),))}
        ),
    )
    memory.remembering.tend(OWNER)
    assert memory.head.version == head.version + 1
    assert memory.held() == {*memory.named, failed}
    assert len(memory.recall()) == 2 * SEAL_AT
