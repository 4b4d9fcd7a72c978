"""The sessions table, as an operator archives it: a session's items, and the names in its owner's memory.

Of the table's layout it knows no more than that: docs/architecture.md tells it all.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

from bridge_cli.archive_lines import HEADER, Entry
from bridge_cli.archive_values import Item
from bridge_cli.aws import in_words

NAMED_AT_ONCE = 100
"""Names that are added in one write: each costs what the memory's whole head holds."""

HEAD_LASTS = 19 * 86_400
"""Seconds for which a head is kept at least, as the functions have it."""

_EVERYTHING = "*"  # in the place of a session's mark: everything was forgotten
_NEEDS = (
    "It takes dynamodb:Scan, Query and GetItem on the sessions table, for an import also PutItem, UpdateItem "
    "and DeleteItem."
)


@dataclass(frozen=True)
class Memory:
    """An owner's memory, as far as an archive has to do with it.

    `forgotten` is up to when a session was forgotten, by mark (milliseconds since the epoch); `waiting` the
    bytes of the names that wait to be analysed.
    """

    forgotten: dict[str, int]
    waiting: int

    def forgot(self, session: str) -> int:
        """Return up to when a session was forgotten; -1 where it was not."""
        mark = blake2b(session.encode(), digest_size=8).hexdigest()
        return max(self.forgotten.get(each, -1) for each in (mark, session, _EVERYTHING))


class SessionsTable:
    """The table of a name; `client` is DynamoDB's. Whatever it asks may raise NotConfigured."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def partitions(self, owner: str | None) -> set[str]:
        """Return the keys of all sessions of an owner, or of everybody, by looking at the whole table.

        No index knows those that have expired, and no memory those of which nothing is recalled.
        """
        query: dict[str, Any] = {
            "FilterExpression": "NOT contains(session_id, :mark)",
            "ExpressionAttributeValues": {":mark": {"S": "#"}},  # a connection, a memory, …: no session
        }
        if owner is not None:
            query = {
                "FilterExpression": "begins_with(session_id, :owner)",
                "ExpressionAttributeValues": {":owner": {"S": f"{owner}/"}},
            }
        found: set[str] = set()
        for page in self._pages("scan", ProjectionExpression="session_id", **query):
            found |= {item["session_id"]["S"] for item in page}
        # An owner's name may hold a slash, so that one may begin with another's.
        return {each for each in found if owner is None or each.rpartition("/")[0] == owner}

    def entries(self, partition: str) -> Iterator[Entry]:
        """Yield what a session's partition holds, by its `seq`."""
        query = {
            "KeyConditionExpression": "session_id = :session",
            "ExpressionAttributeValues": {":session": {"S": partition}},
        }
        for page in self._pages("query", **query):
            yield from map(Entry, page)

    def memory(self, owner: str) -> Memory:
        """Return the head of an owner's memory."""
        with in_words(self._what, _NEEDS):
            reply = self._client.get_item(TableName=self._table, Key=_head(owner), ConsistentRead=True)
        return _memory(reply.get("Item", {}))

    def put(self, item: Item, now: float) -> Item | None:
        """Put an item where none is that is not past its time; return the one that is there instead."""
        try:
            with in_words(self._what, _NEEDS):
                self._client.put_item(
                    TableName=self._table,
                    Item=item,
                    ConditionExpression="attribute_not_exists(session_id) OR #ttl <= :now",
                    ExpressionAttributeNames={"#ttl": "ttl"},
                    ExpressionAttributeValues={":now": {"N": str(int(now))}},
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
        except self._client.exceptions.ConditionalCheckFailedException as taken:
            there: Item = taken.response["Item"]
            return there
        return None

    def renew(self, header: Item) -> bool:
        """Put a header in the place of the version before it; return False where that is gone."""
        version = int(header["version"]["N"])
        try:
            with in_words(self._what, _NEEDS):
                self._client.put_item(
                    TableName=self._table,
                    Item=header,
                    ConditionExpression="version = :before",
                    ExpressionAttributeValues={":before": {"N": str(version - 1)}},
                )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def name(self, owner: str, names: Collection[str], ttl: int) -> Memory:
        """Add names of exchanges to those that wait in an owner's memory; return the memory after it.

        The head is kept until `ttl` (seconds since the epoch) at least. What is named twice is named once.
        """
        update = {
            "TableName": self._table,
            "Key": _head(owner),
            "UpdateExpression": "ADD #pending :names",
            "ExpressionAttributeNames": {"#pending": "pending"},
            "ExpressionAttributeValues": {":names": {"SS": sorted(names)}},
            "ReturnValues": "ALL_NEW",
        }
        longer = {
            "UpdateExpression": "ADD #pending :names SET #ttl = :ttl",
            "ConditionExpression": "attribute_not_exists(#ttl) OR #ttl < :ttl",
            "ExpressionAttributeNames": {"#pending": "pending", "#ttl": "ttl"},
            "ExpressionAttributeValues": {":names": {"SS": sorted(names)}, ":ttl": {"N": str(ttl)}},
        }
        with in_words(self._what, _NEEDS):
            try:
                reply = self._client.update_item(**(update | longer))
            except self._client.exceptions.ConditionalCheckFailedException:  # it is kept for longer already
                reply = self._client.update_item(**update)
        return _memory(reply["Attributes"])

    def nudge(self, owner: str) -> None:
        """Have the table's stream tell the remember function of an owner.

        It listens to headers: one that is past its time from the first, of a session that nobody has, is put
        there and taken away.
        """
        key = {"session_id": {"S": f"{owner}/import-{secrets.token_hex(8)}"}, "seq": {"N": str(HEADER)}}
        whole = {name: {"N": "1"} for name in ("first_turn", "turns", "window_start", "version")}
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        rest = {
            "title": {"S": ""},
            "usage": {"M": {}},
            "last_updated": {"S": now},
            "ttl": {"N": str(int(time.time()) - 1)},
        }
        with in_words(self._what, _NEEDS):
            self._client.put_item(TableName=self._table, Item=key | whole | rest)
            self._client.delete_item(TableName=self._table, Key=key)

    @property
    def _what(self) -> str:
        return f"the table {self._table}"

    def _pages(self, operation: str, **query: Any) -> Iterator[list[Item]]:
        pages = iter(
            self._client.get_paginator(operation).paginate(
                TableName=self._table, ConsistentRead=True, **query
            )
        )
        while True:
            with in_words(self._what, _NEEDS):
                page = next(pages, None)
            if page is None:
                return
            yield page["Items"]


def _head(owner: str) -> Item:
    return {"session_id": {"S": f"memory#{owner}"}, "seq": {"N": "-1"}}


def _memory(head: Item) -> Memory:
    forgotten: dict[str, int] = {}
    for attribute in ("forgetting", "forgotten"):
        for written in head.get(attribute, {}).get("SS", ()):
            mark, _, until = written.rpartition("#")
            forgotten[mark] = max(int(until), forgotten.get(mark, -1))
    return Memory(forgotten, sum(len(name) for name in head.get("pending", {}).get("SS", ())))
