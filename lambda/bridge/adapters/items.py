"""Items of the sessions table, to the domain and back.

=========  ===================  =====  ======================================================
item       ``session_id``       seq    carries
=========  ===================  =====  ======================================================
header     ``owner/session``    0      title, turns, window, version, token totals
exchange   ``owner/session``    1 …    ``context``, request id, usage, stop reason
connection ``connection#{id}``  0      owner, and when its token expires
=========  ===================  =====  ======================================================

Only headers carry ``owner`` with ``last_updated``, and only exchanges ``exchange_owner``: the two
indexes hold nothing else. Every item has ``ttl``, in seconds since the epoch; DynamoDB removes
expired items when it finds the time, so that every read takes one past its ``ttl`` for gone.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from bridge.conversation import Exchange, Failure, Session, SessionKey, Usage, format_time, parse_time
from bridge.ports import Connection

Item = dict[str, Any]

SESSIONS_INDEX = "sessions-by-owner"
HEADER_SEQ = 0

CONNECTION_TTL = timedelta(hours=2, minutes=10)
"""API Gateway cuts a connection after two hours; `$disconnect` may never come."""

_serializer = TypeSerializer()
_deserializer = TypeDeserializer()


def to_item(plain: dict[str, Any]) -> Item:
    """Return ``plain`` as DynamoDB takes it."""
    return {name: _serializer.serialize(value) for name, value in plain.items()}


def from_item(item: Item) -> dict[str, Any]:
    """Return a DynamoDB item as plain values; numbers are `decimal.Decimal`."""
    return {name: _deserializer.deserialize(value) for name, value in item.items()}


def key_of(key: SessionKey, seq: int) -> Item:
    """Return the primary key of a session's item."""
    return to_item({"session_id": str(key), "seq": seq})


def session_key(partition: str) -> SessionKey:
    """Return the session that a partition key names: a session's own name holds no slash."""
    owner, _, name = partition.rpartition("/")
    return SessionKey(owner, name)


def exchange_item(exchange: Exchange, key: SessionKey, memory_ttl: timedelta) -> Item:
    """Return the item of an exchange; it is written once and never rewritten."""
    plain: dict[str, Any] = {
        "session_id": str(key),
        "seq": exchange.turn,
        "first_turn": exchange.first_turn,
        "exchange_owner": key.owner,
        "context": exchange.context,
        "request_id": exchange.request_id,
        "model": exchange.model,
        "stop_reason": exchange.stop_reason,
        "usage": {name: count for name, count in exchange.usage.as_dict().items() if count},
        "last_updated": format_time(exchange.at),
        "ttl": _expiry(exchange.at, memory_ttl),
    }
    if exchange.failure is not None:
        plain["error"] = {"code": exchange.failure.code, "message": exchange.failure.message}
    return to_item(plain)


def exchange_of(item: Item) -> Exchange:
    """Return the exchange that `exchange_item` wrote."""
    plain = from_item(item)
    said = {entry["role"]: entry["content"] for entry in plain["context"]}
    error = plain.get("error")
    return Exchange(
        turn=int(plain["seq"]),
        first_turn=int(plain["first_turn"]),
        at=parse_time(plain["last_updated"]),
        request_id=plain["request_id"],
        question=said["user"],
        answer=said.get("assistant"),
        model=plain["model"],
        stop_reason=plain["stop_reason"],
        usage=_usage(plain["usage"]),
        failure=Failure(error["code"], error["message"]) if error else None,
    )


def header_values(session: Session, session_ttl: timedelta) -> dict[str, Any]:
    """Return what a header carries besides its key and its version."""
    assert session.last_updated is not None  # noqa: S101 - a header is only written after an exchange
    return {
        "owner": session.key.owner,
        "title": session.title,
        "first_turn": session.first_turn,
        "turns": session.turns,
        "window_start": session.window_start,
        "usage": session.usage.as_dict(),
        "last_updated": format_time(session.last_updated),
        "ttl": _expiry(session.last_updated, session_ttl),
    }


def header_of(item: Item) -> Session:
    """Return the header that was written from `header_values`."""
    plain = from_item(item)
    return Session(
        key=session_key(plain["session_id"]),
        first_turn=int(plain["first_turn"]),
        turns=int(plain["turns"]),
        window_start=int(plain["window_start"]),
        version=int(plain["version"]),
        title=plain["title"],
        usage=_usage(plain["usage"]),
        last_updated=parse_time(plain["last_updated"]),
    )


def listed_session_of(item: Item) -> Session:
    """Return a session as the index lists it: name, title, turns and when it was last used."""
    plain = from_item(item)
    return replace(
        Session.begin(session_key(plain["session_id"]), first_turn=1),
        turns=int(plain["turns"]),
        title=plain["title"],
        last_updated=parse_time(plain["last_updated"]),
    )


def connection_item(connection: Connection, now: datetime) -> Item:
    """Return the item of a connection."""
    plain: dict[str, Any] = {
        "session_id": f"connection#{connection.connection_id}",
        "seq": HEADER_SEQ,
        "owner": connection.owner,
        "ttl": _expiry(now, CONNECTION_TTL),
    }
    if connection.expires is not None:
        plain["expires"] = connection.expires
    return to_item(plain)


def connection_key(connection_id: str) -> Item:
    """Return the primary key of a connection's item."""
    return to_item({"session_id": f"connection#{connection_id}", "seq": HEADER_SEQ})


def connection_of(item: Item, connection_id: str) -> Connection:
    """Return the connection that `connection_item` wrote."""
    plain = from_item(item)
    expires = plain.get("expires")
    return Connection(connection_id, plain["owner"], None if expires is None else int(expires))


def expired(item: Item, now: datetime) -> bool:
    """Tell whether an item is past its ``ttl``, whatever DynamoDB still holds."""
    return int(item["ttl"]["N"]) <= now.timestamp()


def _expiry(moment: datetime, ttl: timedelta) -> int:
    return int((moment + ttl).timestamp())


def _usage(plain: dict[str, Any]) -> Usage:
    return Usage(**{name: int(count) for name, count in plain.items()})
