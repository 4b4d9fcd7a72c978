"""Speaking in sessions, as the answering does, and looking at what that left in the table."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from bridge.adapters import items, memory_items
from bridge.adapters.sessions import DynamoSessions
from bridge.conversation import Exchange, SessionKey, Usage
from bridge.memory.refs import Ref
from tests.aws import SESSIONS_TABLE
from tests.fakes import KEY, FakeClock, an_exchange, request_id

HOURS = timedelta(hours=24)
DAYS = timedelta(days=30)


def say(sessions: DynamoSessions, clock: FakeClock, key: SessionKey = KEY, **changes: Any) -> Exchange:
    """Keep the next exchange of a session, as the answering does."""
    remembered = sessions.load(key)
    session = remembered.session
    turn = session.next_turn
    held: dict[str, Any] = {
        "turn": turn,
        "first_turn": session.first_turn,
        "at": clock(),
        "request_id": request_id(turn),
    }
    exchange = replace(an_exchange(usage=Usage(5, 3)), **(held | changes))
    sessions.keep(exchange, session.caught_up([exchange]), remembered.head)
    return exchange


def cut(sessions: DynamoSessions, clock: FakeClock, window_start: int, key: SessionKey = KEY) -> Exchange:
    """Keep the next exchange, and cut the session's window, so that it begins with a turn."""
    remembered = sessions.load(key)
    session = remembered.session
    exchange = replace(
        an_exchange(session.next_turn, usage=Usage(5, 3)), at=clock(), first_turn=session.first_turn
    )
    after = replace(session.caught_up([exchange]), window_start=window_start)
    sessions.keep(exchange, after, remembered.head)
    return exchange


def name(exchange: Exchange, key: SessionKey = KEY) -> str:
    """Return an exchange's name in its owner's memory."""
    return str(Ref.of(key.name, exchange))


def delete(dynamodb: Any, seq: int, key: SessionKey = KEY) -> None:
    """Remove an item of a session, as DynamoDB does when it is past its time."""
    dynamodb.delete_item(TableName=SESSIONS_TABLE, Key=items.key_of(key, seq))


def item(dynamodb: Any, seq: int, key: SessionKey = KEY) -> dict[str, Any]:
    """Return an item of a session as plain values; it has to be there."""
    found = dynamodb.get_item(TableName=SESSIONS_TABLE, Key=items.key_of(key, seq))["Item"]
    return items.from_item(found)


def seqs(dynamodb: Any, partition: str) -> list[int]:
    """Return which items a partition holds."""
    found = dynamodb.query(
        TableName=SESSIONS_TABLE,
        KeyConditionExpression="session_id = :partition",
        ExpressionAttributeValues=items.to_item({":partition": partition}),
    )
    return [int(each["seq"]["N"]) for each in found["Items"]]


def segments(dynamodb: Any, owner: str = KEY.owner) -> list[int]:
    """Return which segments a memory holds, named or not."""
    return [seq for seq in seqs(dynamodb, memory_items.partition(owner)) if seq != memory_items.HEAD_SEQ]
