"""Sessions in DynamoDB.

The exchange is what commits a turn: it is put once, if its number is free. Before that its name is
put down in its owner's memory, so that nothing that is kept is unknown there; a name whose exchange
never was kept stands for nothing. The header follows with a third write, on condition that its version
is the one that was read. Where a function dies between the two, the header is behind by an exchange,
and the next load brings it up to date. Plain writes cost half the capacity of a transaction over all:
see docs/decisions/.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from aws_lambda_powertools import Logger
from botocore.exceptions import ClientError

from bridge.adapters import batches, items, memory_items
from bridge.adapters.conflicts import outlast
from bridge.adapters.items import Item
from bridge.conversation import Exchange, Session, SessionKey, format_time, parse_time
from bridge.errors import BadRequest, SessionForgotten, TurnTaken
from bridge.memory.refs import Ref
from bridge.memory.summary import Summary
from bridge.ports import Clock, Remembered

_LAST_TURN = 10**15
_CURSOR = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{3}Z)/([A-Za-z0-9_.-]{1,128})")


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

    def load(self, key: SessionKey) -> Remembered:
        """Return the session and its exchanges since the window's start, read consistently.

        The newest exchange is among them also where the window begins behind it, so that a turn
        that was kept already is recognised. With the summary and the head of the owner's memory it
        takes two calls.
        """
        header, summary, head = self._read_at_once(key)
        session, alive = self._open(key, header)
        if not alive:
            return Remembered(session, (), None, memory_items.head_of(head))
        since = max(session.first_turn, min(session.window_start, session.last_turn))
        exchanges = tuple(self._exchanges(key, since, None, newest_first=False))
        return Remembered(
            session.caught_up(exchanges),
            exchanges,
            self._told_summary(session, summary),
            memory_items.head_of(head),
        )

    def find(self, key: SessionKey) -> Session | None:
        """Return the header of a living session."""
        header = self._client.get_item(
            TableName=self._table, Key=items.key_of(key, items.HEADER_SEQ), ConsistentRead=True
        ).get("Item")
        session, alive = self._open(key, header)
        return session if alive else None

    def keep(self, exchange: Exchange, after: Session) -> None:
        """Name an exchange, keep it once, then the header after it."""
        ref = str(Ref.of(after.key.name, exchange))
        if exchange.answer is not None:
            self._name(after.key.owner, ref)
        item = items.exchange_item(exchange, after.key, self._memory_ttl)
        try:
            self._client.put_item(
                TableName=self._table,
                Item=item,
                ConditionExpression="attribute_not_exists(session_id)",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._client.exceptions.ConditionalCheckFailedException as taken:
            there = items.exchange_of(taken.response["Item"])
            if there.request_id != exchange.request_id:
                raise TurnTaken(str(after.key)) from taken
        if not self._keep_header(after):
            self._take_back(after.key, exchange, ref)
            raise SessionForgotten(str(after.key))

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
            query["ExclusiveStartKey"] = _start_key(owner, before)
        listed: list[Session] = []
        while True:
            page = self._client.query(**query)
            listed += map(items.listed_session_of, page["Items"])
            if len(listed) > limit:
                return listed[:limit], _cursor(listed[limit - 1])
            if "LastEvaluatedKey" not in page:
                return listed, None
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def _read_at_once(self, key: SessionKey) -> tuple[Item | None, Item | None, Item | None]:
        """Return the session's header and summary, and the head of its owner's memory."""
        keys = [
            items.key_of(key, items.HEADER_SEQ),
            items.key_of(key, items.SUMMARY_SEQ),
            memory_items.head_key(key.owner),
        ]
        found = batches.get(self._client, self._table, keys, consistent=True)
        by_key = {(item["session_id"]["S"], item["seq"]["N"]): item for item in found}
        header, summary, head = (by_key.get((each["session_id"]["S"], each["seq"]["N"])) for each in keys)
        return header, summary, head

    def _told_summary(self, session: Session, item: Item | None) -> Summary | None:
        """Return the summary, unless it is an earlier session's of the same name, or past its time."""
        if item is None or items.expired(item, self._clock()):
            return None
        summary = memory_items.summary_of(item)
        return summary if summary.covers >= session.first_turn else None

    def _open(self, key: SessionKey, item: Item | None) -> tuple[Session, bool]:
        """Return the session of a header, and whether it is alive; one that is not is a new one."""
        if item is not None and not items.expired(item, self._clock()):
            return items.header_of(item), True
        version = items.header_of(item).version if item is not None else 0
        newest = self._newest(key)
        if newest is None:
            return Session.begin(key, 1, version), False
        if newest.at + self._session_ttl > self._clock():
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

    def _name(self, owner: str, ref: str) -> None:
        """Name an exchange to its owner's memory; naming it twice is naming it once."""
        try:
            self._client.update_item(
                TableName=self._table,
                Key=memory_items.head_key(owner),
                UpdateExpression="ADD pending :refs SET #ttl = :ttl",
                ExpressionAttributeNames={"#ttl": "ttl"},
                ExpressionAttributeValues=items.to_item(
                    {":refs": {ref}, ":ttl": items.expiry(self._clock(), self._memory_ttl)}
                ),
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ValidationException":
                raise
            # The head is full: nothing was taken out of it for thousands of turns. A turn that cannot
            # be recalled is better than one that cannot be kept.
            self._logger.error("an exchange could not be named to its owner's memory", ref=ref)

    def _take_back(self, key: SessionKey, exchange: Exchange, ref: str) -> None:
        """Remove what was kept of a turn whose session was forgotten meanwhile."""
        self._client.delete_item(TableName=self._table, Key=items.key_of(key, exchange.turn))
        self._client.update_item(
            TableName=self._table,
            Key=memory_items.head_key(key.owner),
            UpdateExpression="DELETE pending :refs",
            ExpressionAttributeValues=items.to_item({":refs": {ref}}),
        )

    def _keep_header(self, after: Session) -> bool:
        """Write the header; return False where the session was forgotten since it was read."""
        values = items.header_values(after, self._session_ttl) | {"version": after.version + 1}
        names = {f"#{name}": name for name in values}
        begins = after.turns == 1 or after.version == 0
        expression = "SET " + ", ".join(f"#{name} = :{name}" for name in values)
        if begins:  # what an earlier session of this name left
            expression += " REMOVE " + ", ".join(items.SUMMARY_ATTRIBUTES)
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


def _cursor(session: Session) -> str:
    assert session.last_updated is not None  # noqa: S101 - the index is sorted by it
    return f"{format_time(session.last_updated)}/{session.key.name}"


def _start_key(owner: str, cursor: str) -> Item:
    match = _CURSOR.fullmatch(cursor)
    try:
        if match is None:
            raise ValueError
        moment, name = match.groups()
        parse_time(moment)
    except ValueError:
        raise BadRequest("'before' must be a cursor that the page after it gave.") from None
    return items.to_item(
        {
            "owner": owner,
            "last_updated": moment,
            "session_id": str(SessionKey(owner, name)),
            "seq": items.HEADER_SEQ,
        }
    )
