"""Items of the sessions table, to the domain and back.

=========  ===================  =====  ======================================================
item       ``session_id``       seq    carries
=========  ===================  =====  ======================================================
header     ``owner/session``    0      title, turns, window, version, tokens and cost
exchange   ``owner/session``    1 …    ``context``, request id, usage, stop reason
summary    ``owner/session``    -1     what the window no longer holds, in short
instruct.  ``owner/session``    -2     the session's own system prompt, the turn that named it
connection ``connection#{id}``  -1     owner, token's id, when that was issued and expires
revoked    ``revoked#{owner}``  -1     tokens by their ids, and before when all were issued
rate       ``rate#{m}#{owner}`` -1     frames that an owner sent in a minute since the epoch
turn       ``turn#{owner}/{id}``-1     how far the turn of a request is, and where its answer goes
head       ``memory#{owner}``   -1     an owner's memory: what waits, what segments there are
segment    ``memory#{owner}``   1 …    analysed exchanges, compressed
=========  ===================  =====  ======================================================

Only headers have the sequence number 0, by which the table's stream is filtered, and only they carry
``owner`` with ``last_updated``: the index holds nothing else. Every item has ``ttl``, in seconds since
the epoch; DynamoDB removes expired items when it finds the time, so that every read takes one past
its ``ttl`` for gone.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from bridge.conversation import Cost, Exchange, Failure, Session, SessionKey, Usage, format_time, parse_time
from bridge.ports.speaking import Connection

Item = dict[str, Any]

SESSIONS_INDEX = "sessions-by-owner"
HEADER_SEQ = 0
SUMMARY_SEQ = -1
INSTRUCTIONS_SEQ = -2
CONNECTION_SEQ = -1

SUMMARY_PREFIX = "summary_"
"""What a header's attributes begin with that whoever summarizes writes."""

SUMMARY_ATTRIBUTES = tuple(
    f"{SUMMARY_PREFIX}{name}" for name in ("count", "cost", "uncached_cost", *Usage().as_dict())
)

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


def session_of(partition: object) -> SessionKey | None:
    """Return the session that a partition is of; None for a memory's or a connection's.

    Neither an owner nor a session has a ``#`` in its name.
    """
    if not isinstance(partition, str) or "#" in partition or "/" not in partition:
        return None
    return session_key(partition)


def exchange_item(exchange: Exchange, key: SessionKey, memory_ttl: timedelta) -> Item:
    """Return the item of an exchange; it is written once and never rewritten."""
    plain: dict[str, Any] = {
        "session_id": str(key),
        "seq": exchange.turn,
        "first_turn": exchange.first_turn,
        "context": exchange.context,
        "request_id": exchange.request_id,
        "model": exchange.model,
        "stop_reason": exchange.stop_reason,
        "usage": {name: count for name, count in exchange.usage.as_dict().items() if count},
        "last_updated": format_time(exchange.at),
        "ttl": expiry(exchange.at, memory_ttl),
    }
    if exchange.cost is not None:
        plain["cost"] = exchange.cost.nanodollars
        plain["uncached_cost"] = exchange.cost.uncached_nanodollars
    if exchange.failure is not None:
        plain["error"] = {"code": exchange.failure.code, "message": exchange.failure.message}
        if exchange.failure.retryable is not None:
            plain["error"]["retryable"] = exchange.failure.retryable
    if exchange.instructed is not None:
        plain["instructed"] = exchange.instructed
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
        failure=Failure(error["code"], error["message"], error.get("retryable")) if error else None,
        cost=_cost(plain) if "cost" in plain else None,
        instructed=plain.get("instructed"),
    )


def header_values(session: Session, session_ttl: timedelta) -> dict[str, Any]:
    """Return what a header carries besides its key and its version."""
    assert session.last_updated is not None  # noqa: S101 - a header is only written after an exchange
    instructed = {} if session.instructed is None else {"instructed": session.instructed}
    return instructed | {
        "owner": session.key.owner,
        "title": session.title,
        "first_turn": session.first_turn,
        "turns": session.turns,
        "window_start": session.window_start,
        "usage": session.usage.as_dict(),
        "cost": session.cost.nanodollars,
        "uncached_cost": session.cost.uncached_nanodollars,
        "unpriced_turns": session.unpriced_turns,
        "last_updated": format_time(session.last_updated),
        "ttl": expiry(session.last_updated, session_ttl),
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
        cost=_cost(plain),
        unpriced_turns=int(plain.get("unpriced_turns", 0)),
        summary_usage=_usage(
            {kind: plain[name] for kind in Usage().as_dict() if (name := f"{SUMMARY_PREFIX}{kind}") in plain}
        ),
        summary_cost=Cost(int(plain.get("summary_cost", 0)), int(plain.get("summary_uncached_cost", 0))),
        instructed=int(plain["instructed"]) if "instructed" in plain else None,
    )


def listed_session_of(item: Item) -> Session:
    """Return a session as the index lists it: name, title, turns, what it took, when it was last used."""
    plain = from_item(item)
    return replace(
        Session.begin(session_key(plain["session_id"]), first_turn=1),
        turns=int(plain["turns"]),
        title=plain["title"],
        usage=_usage(plain.get("usage", {})),
        cost=_cost(plain),
        unpriced_turns=int(plain.get("unpriced_turns", 0)),
        last_updated=parse_time(plain["last_updated"]),
    )


def connection_item(connection: Connection, now: datetime) -> Item:
    """Return the item of a connection."""
    plain: dict[str, Any] = {
        "session_id": f"connection#{connection.connection_id}",
        "seq": CONNECTION_SEQ,
        "owner": connection.owner,
        "ttl": expiry(now, CONNECTION_TTL),
    }
    if connection.expires is not None:
        plain["expires"] = connection.expires
    if connection.token_id is not None:
        plain["token_id"] = connection.token_id
    if connection.issued:
        plain["issued"] = connection.issued
    return to_item(plain)


def connection_key(connection_id: str) -> Item:
    """Return the primary key of a connection's item."""
    return to_item({"session_id": f"connection#{connection_id}", "seq": CONNECTION_SEQ})


def connection_of(item: Item, connection_id: str) -> Connection:
    """Return the connection that `connection_item` wrote."""
    plain = from_item(item)
    expires = plain.get("expires")
    return Connection(
        connection_id,
        plain["owner"],
        None if expires is None else int(expires),
        plain.get("token_id"),
        int(plain.get("issued", 0)),
    )


def expired(item: Item, now: datetime) -> bool:
    """Tell whether an item is past its ``ttl``, whatever DynamoDB still holds."""
    return int(item["ttl"]["N"]) <= now.timestamp()


def expired_or_gone(item: Item, now: datetime) -> bool:
    """Tell whether there is no item, or one past its ``ttl``."""
    return not item or expired(item, now)


def expiry(moment: datetime, ttl: timedelta) -> int:
    """Return when something of ``moment`` is past its time, in seconds since the epoch."""
    return int((moment + ttl).timestamp())


def _cost(plain: dict[str, Any]) -> Cost:
    return Cost(int(plain.get("cost", 0)), int(plain.get("uncached_cost", 0)))


def _usage(plain: dict[str, Any]) -> Usage:
    return Usage(**{name: int(count) for name, count in plain.items()})
