"""Sessions in DynamoDB.

The exchange is what commits a turn: it is put once, if its number is free. Before that its name is
put down in its owner's memory, so that nothing that is kept is unknown there; a name whose exchange
never was kept stands for nothing. The header follows with a third write, on condition that its version
is the one that was read. Where a function dies between the two, the header is behind by an exchange,
and the next load brings it up to date. Plain writes cost half the capacity of a transaction over all:
see docs/decisions/. An exchange whose message changes its session's instructions does so in its own write.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from aws_lambda_powertools import Logger

from bridge.adapters import batches, cursors, items, memory_items
from bridge.adapters.conflicts import outlast
from bridge.adapters.exchanges import Exchanges
from bridge.adapters.instructions import DynamoInstructions
from bridge.adapters.items import Item
from bridge.adapters.naming import Naming
from bridge.conversation import Exchange, Instructions, Session, SessionKey, format_time
from bridge.errors import SessionForgotten
from bridge.memory.head import Head
from bridge.memory.refs import Ref, milliseconds
from bridge.memory.summary import Summary
from bridge.ports.sessions import Remembered
from bridge.ports.speaking import Clock

_LAST_TURN = 10**15


_NO_MEMORY = Head()
_EVER = datetime.fromtimestamp(0, UTC)


class _Found(NamedTuple):
    """A session's items as they are, and up to when it was forgotten."""

    header: Item | None
    summary: Item | None
    head: Head
    forgot: int


class DynamoSessions:
    """The sessions table. ``session_ttl`` slides with use, ``memory_ttl`` runs from each exchange."""

    def __init__(
        self,
        client: Any,
        table: str,
        session_ttl: timedelta,
        memory_ttl: timedelta,
        clock: Clock,
        logger: Logger,
    ) -> None:
        self._client = client
        self._table = table
        self._session_ttl = session_ttl
        self._memory_ttl = memory_ttl
        self._clock = clock
        self._logger = logger
        self._naming = Naming(client, table, memory_ttl, clock, logger)
        self._instructions = DynamoInstructions(client, table, session_ttl, clock, logger)
        self._put_once = Exchanges(client, table, memory_ttl, self._instructions).put

    def load(self, key: SessionKey) -> Remembered:
        """Return the session and its exchanges since the window's start, read consistently.

        The newest exchange is among them also where the window begins behind it, so that a turn
        that was kept already is recognised. With the summary and the head of the owner's memory it
        takes two calls.
        """
        found = self._read_at_once(key)
        session, alive = self._open(key, found)
        if not alive:
            return Remembered(session, (), None, found.head)
        since = max(session.first_turn, min(session.window_start, session.last_turn))
        kept = self._exchanges(key, since, None, newest_first=False)
        exchanges = tuple(exchange for exchange in kept if milliseconds(exchange.at) > found.forgot)
        summary = self._told_summary(session, found)
        return Remembered(session.caught_up(exchanges), exchanges, summary, found.head)

    def find(self, key: SessionKey) -> Session | None:
        """Return the header of a living session."""
        session, alive = self._open(key, self._read_at_once(key))
        return session if alive else None

    def instructions(self, session: Session, *, renew: bool = False) -> Instructions | None:
        """Return the session's own instructions; it takes no call where it has none."""
        return self._instructions.of(session, renew=renew)

    def keep(
        self, exchange: Exchange, after: Session, head: Head = _NO_MEMORY, system: str | None = None
    ) -> Exchange:
        """Name an exchange, keep it once, then the header after it."""
        key, ref = after.key, str(Ref.of(after.key.name, exchange))
        if not self._naming.add(key, ref, head):
            raise SessionForgotten(str(key))
        kept = self._put_once(exchange, key, system)
        if kept != exchange:
            return kept  # by another delivery, which sees to the header
        begins = after.turns == 1 or after.version == 0
        there = self._keep_header(after, begins=begins)
        if there and not begins:
            return exchange
        # Whoever forgets a session marks it first: now it can be told from one that has just begun,
        # or that was past its time.
        if self._naming.forgotten_since(key, head):
            self._take_back(after, exchange, ref)
            raise SessionForgotten(str(key))
        if not there:
            self._keep_header(after, begins=True)
        return exchange

    def exchange(self, key: SessionKey, turn: int) -> Exchange | None:
        """Return one exchange, read consistently."""
        reply = self._client.get_item(TableName=self._table, Key=items.key_of(key, turn), ConsistentRead=True)
        item = reply.get("Item")
        return None if items.expired_or_gone(item or {}, self._clock()) else items.exchange_of(item)

    def newest_first(self, session: Session, newest_turn: int | None, limit: int) -> Iterator[Exchange]:
        """Yield the session's exchanges from the newest back, read ``limit`` at a time."""
        return self._exchanges(
            session.key, session.first_turn, newest_turn, newest_first=True, page_size=limit
        )

    def of_owner(self, owner: str, before: str | None, limit: int) -> tuple[list[Session], str | None]:
        """Return a page of the owner's living sessions, newest first, and the next page's cursor."""
        query: dict[str, Any] = {
            "TableName": self._table,
            "IndexName": items.SESSIONS_INDEX,
            "KeyConditionExpression": "#owner = :owner",
            "FilterExpression": "#ttl > :now",
            "ExpressionAttributeNames": {"#owner": "owner", "#ttl": "ttl"},
            "ExpressionAttributeValues": items.to_item(
                {":owner": owner, ":now": int(self._clock().timestamp())}
            ),
            "ScanIndexForward": False,
            "Limit": limit + 1,
        }
        if before is not None:
            query["ExclusiveStartKey"] = cursors.start_key(owner, before)
        listed: list[Session] = []
        while True:
            page = self._client.query(**query)
            listed += map(items.listed_session_of, page["Items"])
            if len(listed) > limit:
                return listed[:limit], cursors.of(listed[limit - 1])
            if "LastEvaluatedKey" not in page:
                return listed, None
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def _read_at_once(self, key: SessionKey) -> _Found:
        """Read the session's header and summary, and the head of its owner's memory.

        A head that cannot be read leaves the turn without its memory, and not the client without an
        answer.
        """
        own = [items.key_of(key, items.HEADER_SEQ), items.key_of(key, items.SUMMARY_SEQ)]
        all_keys = [*own, memory_items.head_key(key.owner)]
        unread: int | None = None
        try:
            found = batches.get(self._client, self._table, all_keys, consistent=True)
        except batches.BatchFailed:
            unread = milliseconds(self._clock())
            found = batches.get(self._client, self._table, own, consistent=True)
        by_key = {(item["session_id"]["S"], item["seq"]["N"]): item for item in found}
        header, summary, head = (by_key.get((each["session_id"]["S"], each["seq"]["N"])) for each in all_keys)
        try:
            memory = memory_items.head_of(head) if unread is None else Head(unread_at=unread)
        except (LookupError, TypeError, ValueError):
            self._logger.exception("the head of a memory could not be understood")
            memory = Head(unread_at=milliseconds(self._clock()))
        return _Found(header, summary, memory, memory.forgot(key.name))

    def _told_summary(self, session: Session, found: _Found) -> Summary | None:
        """Return the summary, unless it is an earlier session's of the same name, or past its time."""
        if found.summary is None or items.expired(found.summary, self._clock()):
            return None
        summary = memory_items.summary_of(found.summary)
        forgotten = milliseconds(summary.since) <= found.forgot
        return None if forgotten or summary.covers < session.first_turn else summary

    def _open(self, key: SessionKey, found: _Found) -> tuple[Session, bool]:
        """Return the session of a header, and whether it is alive; one that is not is a new one.

        What was forgotten is gone, whatever of it is still being removed.
        """
        header = items.header_of(found.header) if found.header is not None else None
        if (
            header is not None
            and not items.expired(found.header or {}, self._clock())
            and milliseconds(header.last_updated or _EVER) > found.forgot
        ):
            return header, True
        version = header.version if header is not None else 0
        newest = self._newest(key)
        if newest is None:
            return Session.begin(key, 1, version), False
        if newest.at + self._session_ttl > self._clock() and milliseconds(newest.at) > found.forgot:
            # A function died between a session's first exchange and its header.
            return Session.begin(key, newest.first_turn, version), True
        return Session.begin(key, newest.turn + 1, version), False

    def _newest(self, key: SessionKey) -> Exchange | None:
        reply = self._client.query(**self._query(key, 1, None), ScanIndexForward=False, Limit=1)
        return items.exchange_of(reply["Items"][0]) if reply["Items"] else None

    def _exchanges(
        self,
        key: SessionKey,
        first: int,
        last: int | None,
        *,
        newest_first: bool,
        page_size: int | None = None,
    ) -> Iterator[Exchange]:
        if last is not None and last < first:
            return  # DynamoDB takes no BETWEEN without anything between
        query = self._query(key, first, last) | {"ScanIndexForward": not newest_first}
        if page_size is not None:
            query["Limit"] = page_size
        now = self._clock()
        while True:
            page = self._client.query(**query)
            yield from (items.exchange_of(item) for item in page["Items"] if not items.expired(item, now))
            if "LastEvaluatedKey" not in page:
                return
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def _query(self, key: SessionKey, first: int, last: int | None) -> dict[str, Any]:
        return {
            "TableName": self._table,
            "KeyConditionExpression": "session_id = :session AND seq BETWEEN :first AND :last",
            "ExpressionAttributeValues": items.to_item(
                {":session": str(key), ":first": first, ":last": _LAST_TURN if last is None else last}
            ),
            "ConsistentRead": True,
        }

    def _take_back(self, after: Session, exchange: Exchange, ref: str) -> None:
        """Remove what was kept of a turn whose session was forgotten meanwhile."""
        with contextlib.suppress(self._client.exceptions.ConditionalCheckFailedException):
            if exchange.instructed:
                self._instructions.take_back(exchange, after.key)
        self._client.delete_item(TableName=self._table, Key=items.key_of(after.key, exchange.turn))
        with contextlib.suppress(self._client.exceptions.ConditionalCheckFailedException):
            self._client.delete_item(
                TableName=self._table,
                Key=items.key_of(after.key, items.HEADER_SEQ),
                ConditionExpression="version = :own AND last_updated = :own_time",
                ExpressionAttributeValues=items.to_item(
                    {":own": after.version + 1, ":own_time": format_time(exchange.at)}
                ),
            )
        self._naming.take_back(after.key, ref)

    def _keep_header(self, after: Session, *, begins: bool) -> bool:
        """Write the header; return False where the one that was read is not there any more."""
        values = items.header_values(after, self._session_ttl) | {"version": after.version + 1}
        names = {f"#{name}": name for name in values}
        expression = "SET " + ", ".join(f"#{name} = :{name}" for name in values)
        gone = items.SUMMARY_ATTRIBUTES if begins else ()  # what an earlier session of this name left
        gone += () if "instructed" in values else ("instructed",)
        if gone:
            expression += " REMOVE " + ", ".join(gone)
        update = {
            "TableName": self._table,
            "Key": items.key_of(after.key, items.HEADER_SEQ),
            "UpdateExpression": expression,
            "ConditionExpression": "attribute_not_exists(session_id) OR #version = :read"
            if begins
            else "#version = :read",
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": items.to_item(
                {f":{name}": value for name, value in values.items()} | {":read": after.version}
            ),
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        try:
            outlast(self._client, lambda: self._client.update_item(**update))
        except self._client.exceptions.ConditionalCheckFailedException as failed:
            there = failed.response.get("Item")
            if not there or items.header_of(there).version < after.version:
                return False  # gone, or counted anew under the same name
            # Whoever wrote it in between knew of this exchange or will find it: the next load
            # counts every exchange in that the header does not know of.
            self._logger.warning("header was written meanwhile", session_turn=after.last_turn)
        return True
