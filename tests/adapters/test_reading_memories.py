"""What is read of a memory: only what is there, in its time, and of the very owner and session."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from bridge.adapters import items, memory_items
from bridge.adapters.archive import DynamoArchive
from bridge.adapters.sessions import DynamoSessions
from bridge.conversation import SessionKey
from bridge.memory.head import Segment
from bridge.memory.refs import Ref, milliseconds
from tests.adapters.speaking import DAYS, delete, name, say
from tests.aws import SESSIONS_TABLE, Calls
from tests.fakes import KEY, START, FakeClock, an_exchange

COOKING = SessionKey(KEY.owner, "cooking")


@pytest.fixture
def archive(dynamodb: Any, calls: Calls, clock: FakeClock) -> DynamoArchive:
    return DynamoArchive(dynamodb, SESSIONS_TABLE, DAYS, clock)


@pytest.fixture
def lag(dynamodb: Any, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Have eventually consistent reads of many items find nothing; note which were consistent."""
    read: Callable[..., dict[str, Any]] = dynamodb.batch_get_item
    consistent: list[bool] = []

    def lagging(**asked: Any) -> dict[str, Any]:
        consistent.append(asked["RequestItems"][SESSIONS_TABLE]["ConsistentRead"])
        return read(**asked) if consistent[-1] else {"Responses": {SESSIONS_TABLE: []}}

    monkeypatch.setattr(dynamodb, "batch_get_item", lagging)
    return consistent


def a_segment(seq: int) -> Segment:
    now = milliseconds(START)
    return Segment(seq, 1, digest=1, size=4, oldest=now, newest=now, version=2)


def put_segment(dynamodb: Any, seq: int, packed: bytes, sealed_for: str = KEY.owner) -> None:
    """Put a segment into ada's memory, whomever it is sealed for."""
    item = memory_items.segment_item(sealed_for, seq, packed, 2**31)
    dynamodb.put_item(
        TableName=SESSIONS_TABLE, Item=item | {"session_id": {"S": memory_items.partition(KEY.owner)}}
    )


def test_exchanges_are_read_by_their_names(
    archive: DynamoArchive, sessions: DynamoSessions, clock: FakeClock, calls: Calls
) -> None:
    first, second = say(sessions, clock, question="First"), say(sessions, clock, question="Second")
    third = say(sessions, clock, COOKING, question="Third")
    clock.advance(minutes=1)
    calls.clear()
    wanted = {name(first): first, name(third, COOKING): third}
    assert archive.exchanges(KEY.owner, wanted.keys()) == wanted
    assert calls.made == {"BatchGetItem": 1}
    assert archive.exchanges(KEY.owner, [name(second)]) == {name(second): second}
    assert archive.exchanges("eve", [name(second)]) == {}
    assert archive.exchanges(KEY.owner, []) == {}


def test_what_is_not_there_is_left_out(
    archive: DynamoArchive, sessions: DynamoSessions, clock: FakeClock, dynamodb: Any
) -> None:
    first, second = say(sessions, clock), say(sessions, clock)
    delete(dynamodb, first.turn)
    never = str(Ref(KEY.name, 3, milliseconds(START)))
    assert archive.exchanges(KEY.owner, [name(first), name(second), never]) == {name(second): second}


def test_what_is_past_its_time_is_left_out(
    archive: DynamoArchive, sessions: DynamoSessions, clock: FakeClock
) -> None:
    first = say(sessions, clock)
    clock.advance(days=1)
    second = say(sessions, clock, COOKING)
    clock.advance(days=29)
    named = [name(first), name(second, COOKING)]
    assert archive.exchanges(KEY.owner, named) == {name(second, COOKING): second}


def test_a_name_is_of_one_session_only_whatever_its_turns_number(
    archive: DynamoArchive, sessions: DynamoSessions, clock: FakeClock, dynamodb: Any
) -> None:
    forgotten = say(sessions, clock, question="Forgotten")
    delete(dynamodb, items.HEADER_SEQ)
    delete(dynamodb, forgotten.turn)
    clock.advance(milliseconds=1)
    anew = say(sessions, clock, question="Anew")
    assert anew.turn == forgotten.turn
    assert archive.exchanges(KEY.owner, [name(forgotten)]) == {}
    assert archive.exchanges(KEY.owner, [name(forgotten), name(anew)]) == {name(anew): anew}


def test_what_was_kept_a_moment_ago_is_looked_for_twice(
    archive: DynamoArchive, sessions: DynamoSessions, clock: FakeClock, lag: list[bool]
) -> None:
    exchange = say(sessions, clock)
    clock.advance(seconds=9)
    lag.clear()
    assert archive.exchanges(KEY.owner, [name(exchange)]) == {name(exchange): exchange}
    assert lag == [False, True]


def test_what_was_kept_long_ago_is_looked_for_once(
    archive: DynamoArchive, sessions: DynamoSessions, clock: FakeClock, lag: list[bool]
) -> None:
    exchange = say(sessions, clock)
    clock.advance(seconds=10)
    lag.clear()
    assert archive.exchanges(KEY.owner, [name(exchange)]) == {}
    assert lag == [False]


def test_many_exchanges_are_read_at_once(
    archive: DynamoArchive, dynamodb: Any, clock: FakeClock, calls: Calls
) -> None:
    kept = {name(each): each for each in map(an_exchange, range(1, 102))}
    for exchange in kept.values():
        dynamodb.put_item(TableName=SESSIONS_TABLE, Item=items.exchange_item(exchange, KEY, DAYS))
    clock.advance(days=1)
    calls.clear()
    assert archive.exchanges(KEY.owner, kept.keys()) == kept
    assert calls.made == {"BatchGetItem": 2}


def test_only_the_segments_that_are_there_are_read(
    archive: DynamoArchive, dynamodb: Any, calls: Calls
) -> None:
    put_segment(dynamodb, 1, b"one")
    put_segment(dynamodb, 2, b"")
    calls.clear()
    assert archive.segments(KEY.owner, [a_segment(1), a_segment(2)]) == {1: b"one", 2: b""}
    assert calls.made == {"BatchGetItem": 1}
    assert archive.segments(KEY.owner, [a_segment(2), a_segment(3)]) == {2: b""}
    assert archive.segments(KEY.owner, []) == {}


def test_a_segment_that_was_put_a_moment_ago_is_found(
    archive: DynamoArchive, dynamodb: Any, lag: list[bool]
) -> None:
    put_segment(dynamodb, 1, b"one")
    assert archive.segments(KEY.owner, [a_segment(1)]) == {1: b"one"}
    assert lag == [False, True]


def test_another_owners_segment_and_what_is_none_count_as_missing(
    archive: DynamoArchive, dynamodb: Any
) -> None:
    put_segment(dynamodb, 1, b"what eve said", sealed_for="eve")
    put_segment(dynamodb, 2, b"mine")
    dynamodb.put_item(TableName=SESSIONS_TABLE, Item=memory_items.segment_key(KEY.owner, 3))
    text = {"packed": {"S": "no bytes"}}
    dynamodb.put_item(TableName=SESSIONS_TABLE, Item=memory_items.segment_key(KEY.owner, 4) | text)
    assert archive.segments(KEY.owner, [a_segment(seq) for seq in (1, 2, 3, 4)]) == {2: b"mine"}


@pytest.mark.parametrize("owner", ["eve", "Ada", "ada ", "ada/travel", "ad\u0430"])
def test_every_owner_has_a_seal_of_their_own(owner: str) -> None:
    item = memory_items.segment_item(owner, 1, b"x", 1)
    assert memory_items.packed_of(item, owner) == b"x"
    with pytest.raises(ValueError, match="another owner's"):
        memory_items.packed_of(item, KEY.owner)


def test_the_memory_ttl_is_the_exchanges(sessions: DynamoSessions, clock: FakeClock, dynamodb: Any) -> None:
    """An exchange is gone at the moment at which its own item says so, whoever reads it."""
    exchange = say(sessions, clock)
    later = FakeClock(START + DAYS - timedelta(seconds=1))
    archive = DynamoArchive(dynamodb, SESSIONS_TABLE, timedelta(days=1), later)
    assert archive.exchanges(KEY.owner, [name(exchange)]) == {name(exchange): exchange}
    later.advance(seconds=1)
    assert archive.exchanges(KEY.owner, [name(exchange)]) == {}
