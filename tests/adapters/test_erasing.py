"""Sessions are removed whole, and nothing else is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bridge.adapters import hashes, items, memory_items, turn_items
from bridge.adapters.erasing import DynamoEraser
from bridge.adapters.hashes import DynamoHashes
from bridge.adapters.sessions import DynamoSessions
from bridge.adapters.summaries import DynamoSummaries
from bridge.conversation import Cost, SessionKey, Usage, format_time, parse_time
from bridge.memory.refs import milliseconds
from bridge.memory.summary import Summary
from bridge.ports.memory import Erased
from bridge.ports.sessions import Taken
from tests.adapters.speaking import DAYS, cut, delete, item, name, say, seqs
from tests.aws import HASHES_TABLE, SESSIONS_TABLE, Calls
from tests.fakes import KEY, START, FakeClock, request_id

COOKING = SessionKey(KEY.owner, "cooking")
NOW = milliseconds(START)
TAKEN = Taken(Usage(9, 4), Cost(3, 3))


@pytest.fixture
def eraser(dynamodb: Any, calls: Calls) -> DynamoEraser:
    return DynamoEraser(dynamodb, SESSIONS_TABLE, DynamoHashes(dynamodb, HASHES_TABLE))


@pytest.fixture
def summaries(dynamodb: Any, clock: FakeClock) -> DynamoSummaries:
    return DynamoSummaries(dynamodb, SESSIONS_TABLE, DAYS, clock)


def converse(
    sessions: DynamoSessions, summaries: DynamoSummaries, clock: FakeClock, key: SessionKey = KEY
) -> None:
    """Keep three exchanges and a summary of the first one."""
    first = say(sessions, clock, key)
    say(sessions, clock, key)
    cut(sessions, clock, 2, key)
    summary = Summary(first.turn, "They met.", first.at)
    assert summaries.keep(sessions.load(key).session, None, summary, TAKEN)
    assert seqs_of(sessions, key) == [-1, 0, 1, 2, 3]


def seqs_of(sessions: DynamoSessions, key: SessionKey) -> list[int]:
    return seqs(sessions._client, str(key))


def test_everything_of_a_session_goes_and_nothing_of_others(
    eraser: DynamoEraser, sessions: DynamoSessions, summaries: DynamoSummaries, clock: FakeClock
) -> None:
    others = (COOKING, SessionKey("eve", "travel"), SessionKey(f"{KEY}", "travel"))
    for key in (KEY, *others):
        converse(sessions, summaries, clock, key)
    assert eraser.erase(KEY) == Erased(3, NOW)
    assert seqs_of(sessions, KEY) == []
    assert [seqs_of(sessions, key) for key in others] == [[-1, 0, 1, 2, 3]] * 3
    assert sessions.find(KEY) is None
    assert [session.key for session in sessions.of_owner(KEY.owner, None, 5)[0]] == [COOKING]


def test_the_memories_names_are_not_its_business(
    eraser: DynamoEraser, sessions: DynamoSessions, clock: FakeClock, dynamodb: Any
) -> None:
    say(sessions, clock)
    eraser.erase(KEY)
    assert seqs(dynamodb, memory_items.partition(KEY.owner)) == [memory_items.HEAD_SEQ]


def test_where_nothing_is_nothing_goes(eraser: DynamoEraser, calls: Calls) -> None:
    assert eraser.erase(KEY) == Erased(0)
    assert calls.made == {"DeleteItem": 1, "Query": 1}


def test_a_long_session_goes_too(eraser: DynamoEraser, sessions: DynamoSessions, dynamodb: Any) -> None:
    at = "2026-11-22T19:37:40.123Z"
    for seq in range(1, 61):
        exchange = {**items.key_of(KEY, seq), "last_updated": {"S": at}}
        dynamodb.put_item(TableName=SESSIONS_TABLE, Item=exchange)
    assert eraser.erase(KEY) == Erased(60, milliseconds(parse_time(at)))
    assert seqs_of(sessions, KEY) == []


def test_until_a_moment_what_was_written_up_to_it_goes(
    eraser: DynamoEraser, sessions: DynamoSessions, summaries: DynamoSummaries, clock: FakeClock
) -> None:
    converse(sessions, summaries, clock)
    assert eraser.erase(KEY, NOW - 1) == Erased(0)
    assert seqs_of(sessions, KEY) == [-1, 0, 1, 2, 3]
    assert eraser.erase(KEY, NOW) == Erased(3, NOW)
    assert seqs_of(sessions, KEY) == []


def test_until_a_moment_a_session_that_began_since_is_spared(
    eraser: DynamoEraser, sessions: DynamoSessions, summaries: DynamoSummaries, clock: FakeClock
) -> None:
    say(sessions, clock)
    until = milliseconds(clock())
    assert eraser.erase(KEY) == Erased(1, NOW)
    clock.advance(milliseconds=1)
    converse(sessions, summaries, clock)
    before = sessions.load(KEY)
    assert eraser.erase(KEY, until) == Erased(0)
    assert sessions.load(KEY) == before
    assert seqs_of(sessions, KEY) == [-1, 0, 1, 2, 3]


def test_until_a_moment_a_session_that_goes_on_loses_what_was_before(
    eraser: DynamoEraser, sessions: DynamoSessions, clock: FakeClock
) -> None:
    say(sessions, clock)
    until = milliseconds(clock())
    clock.advance(milliseconds=1)
    second = say(sessions, clock)
    assert eraser.erase(KEY, until) == Erased(1, until)
    assert sessions.load(KEY).exchanges == (second,)


def test_what_whoever_erased_before_left_goes(
    eraser: DynamoEraser,
    sessions: DynamoSessions,
    summaries: DynamoSummaries,
    clock: FakeClock,
    dynamodb: Any,
) -> None:
    converse(sessions, summaries, clock)
    delete(dynamodb, items.HEADER_SEQ)
    assert eraser.erase(KEY, NOW) == Erased(3, NOW)
    assert seqs_of(sessions, KEY) == []


def test_the_newest_exchanges_time_is_told_also_where_it_is_ahead_of_ones_own_clock(
    eraser: DynamoEraser, sessions: DynamoSessions, clock: FakeClock
) -> None:
    say(sessions, clock)
    clock.advance(seconds=3)
    say(sessions, clock)
    assert eraser.erase(KEY) == Erased(2, NOW + 3000)


@pytest.mark.parametrize("seq", [items.HEADER_SEQ, 1])
def test_until_a_moment_what_was_written_anew_after_the_look_is_spared(
    eraser: DynamoEraser,
    sessions: DynamoSessions,
    clock: FakeClock,
    dynamodb: Any,
    monkeypatch: pytest.MonkeyPatch,
    seq: int,
) -> None:
    """Between its look and its removal the session was erased by another, and its name given again."""
    say(sessions, clock)
    remove, anew = dynamodb.delete_item, format_time(START + timedelta(milliseconds=1))

    def late(**call: Any) -> Any:
        monkeypatch.setattr(dynamodb, "delete_item", remove)
        dynamodb.update_item(
            TableName=SESSIONS_TABLE,
            Key=items.key_of(KEY, seq),
            UpdateExpression="SET last_updated = :anew",
            ExpressionAttributeValues=items.to_item({":anew": anew}),
        )
        return remove(**call)

    monkeypatch.setattr(dynamodb, "delete_item", late)
    eraser.erase(KEY, NOW)
    assert seqs_of(sessions, KEY) == [seq]
    assert item(dynamodb, seq)["last_updated"] == anew


def records(dynamodb: Any) -> set[str]:
    """Return the keys of all records of requests, of both tables."""
    turns = dynamodb.scan(TableName=SESSIONS_TABLE)["Items"]
    taken_in = dynamodb.scan(TableName=HASHES_TABLE)["Items"]
    partitions = {item["session_id"]["S"] for item in turns if item["session_id"]["S"].startswith("turn#")}
    return partitions | {item["hash"]["S"] for item in taken_in}


def put_records(dynamodb: Any, owner: str, request: str) -> set[str]:
    """Put the records of a request; return their keys."""
    turn, taken_in = turn_items.key_of(owner, request), hashes.key_of(owner, request)
    dynamodb.put_item(TableName=SESSIONS_TABLE, Item=turn)
    dynamodb.put_item(TableName=HASHES_TABLE, Item=taken_in)
    return {turn["session_id"]["S"], taken_in["hash"]["S"]}


@pytest.mark.parametrize("until", [None, NOW])
def test_the_records_of_its_requests_go_with_a_session(
    eraser: DynamoEraser, sessions: DynamoSessions, clock: FakeClock, dynamodb: Any, until: int | None
) -> None:
    others = put_records(dynamodb, "eve", request_id(1)) | put_records(dynamodb, KEY.owner, request_id(99))
    for _ in range(30):  # more than a batch
        put_records(dynamodb, KEY.owner, say(sessions, clock).request_id)
    failed = say(sessions, clock, answer=None)
    put_records(dynamodb, KEY.owner, failed.request_id)
    assert eraser.erase(KEY, until).exchanges == 31
    assert records(dynamodb) == others


def test_the_records_of_a_request_go_before_what_names_it(
    eraser: DynamoEraser,
    sessions: DynamoSessions,
    clock: FakeClock,
    dynamodb: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    named = put_records(dynamodb, KEY.owner, say(sessions, clock).request_id)
    with monkeypatch.context() as dying:
        dying.setattr(DynamoHashes, "remove", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            eraser.erase(KEY)
    assert seqs_of(sessions, KEY) == [1]
    assert len(records(dynamodb) & named) == 1
    assert eraser.erase(KEY) == Erased(1, NOW)
    assert records(dynamodb) == set()


def test_a_pause_ends_it_and_it_goes_on_where_it_was(
    eraser: DynamoEraser, sessions: DynamoSessions, clock: FakeClock
) -> None:
    for _ in range(30):
        say(sessions, clock)
    pauses = iter([None, OSError("no time")])

    def pause() -> None:
        if (failure := next(pauses)) is not None:
            raise failure

    with pytest.raises(OSError, match="no time"):
        eraser.erase(KEY, None, pause)
    assert eraser.erase(KEY) == Erased(5, NOW)


def test_a_turn_that_is_being_kept_meanwhile_finds_no_header(
    eraser: DynamoEraser, sessions: DynamoSessions, clock: FakeClock, dynamodb: Any
) -> None:
    """The header goes before the look at the exchanges: one that is put after it is taken back."""
    say(sessions, clock)
    seen: list[list[int]] = []
    pages = dynamodb.get_paginator

    def looking(operation: str) -> Any:
        seen.append(seqs_of(sessions, KEY))
        return pages(operation)

    dynamodb.get_paginator = looking
    eraser.erase(KEY, NOW)
    assert seen == [[1]]


def test_listed_is_every_header_past_its_time_or_not(
    eraser: DynamoEraser, sessions: DynamoSessions, clock: FakeClock, dynamodb: Any
) -> None:
    for key in (KEY, COOKING, SessionKey("eve", "chat"), SessionKey(str(KEY), "chat")):
        say(sessions, clock, key)
    clock.advance(days=2)
    assert sorted(eraser.listed(KEY.owner)) == ["cooking", "travel"]
    delete(dynamodb, items.HEADER_SEQ)
    assert list(eraser.listed(KEY.owner)) == ["cooking"]


def test_standing_is_whatever_has_an_exchange_or_a_header_left(
    eraser: DynamoEraser, sessions: DynamoSessions, clock: FakeClock, dynamodb: Any, calls: Calls
) -> None:
    keys = [SessionKey(KEY.owner, f"chat-{number}") for number in range(4)]
    named = [name(say(sessions, clock, key), key) for key in keys]
    say(sessions, clock, SessionKey("eve", "chat-9"))
    delete(dynamodb, items.HEADER_SEQ, keys[1])
    delete(dynamodb, 1, keys[2])
    delete(dynamodb, items.HEADER_SEQ, keys[3])
    delete(dynamodb, 1, keys[3])
    calls.clear()
    wanted = [*named, "chat-9#1#zz"]
    assert set(eraser.standing(KEY.owner, wanted)) == {"chat-0", "chat-1", "chat-2"}
    assert calls.made == {"BatchGetItem": 1}
    assert set(eraser.standing(KEY.owner, [])) == set()
