"""Removing sessions from DynamoDB, with the records of the requests that their exchanges answered.

A session's rows are what names its requests: so their records go before them, and whoever dies on the way
is followed by someone who finds the rows again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from typing import Any

from bridge.adapters import batches, items, memory_items, turn_items
from bridge.adapters.conflicts import outlast
from bridge.adapters.hashes import DynamoHashes
from bridge.adapters.items import Item
from bridge.conversation import SessionKey, format_time, parse_time
from bridge.memory.refs import Ref, milliseconds
from bridge.ports.memory import Erased, Pause, never


class DynamoEraser:
    """Removes all items of a session, and all records of its requests."""

    def __init__(self, client: Any, table: str, hashes: DynamoHashes) -> None:
        self._client = client
        self._table = table
        self._hashes = hashes

    def erase(self, key: SessionKey, until: int | None = None, pause: Pause = never) -> Erased:
        """Remove a session, its header first, so that a turn under way finds none and is not kept either.

        With ``until`` whatever was last written up to that moment is removed: a session that began
        since under the same name stays.
        """
        self._remove_header(key, until)
        exchanges, newest = 0, -1
        for page in self._pages(key):
            found = [item for item in page if until is None or _written(item) <= until]
            kept = [item for item in found if int(item["seq"]["N"]) > items.HEADER_SEQ]
            self.drop(key.owner, [item["request_id"]["S"] for item in kept if "request_id" in item])
            for start in range(0, len(found), batches.REMOVED_AT_ONCE):
                pause()
                self._remove(found[start : start + batches.REMOVED_AT_ONCE], until)
            exchanges += len(kept)
            newest = max([newest, *map(_written, kept)])
        return Erased(exchanges, newest)

    def drop(self, owner: str, request_ids: Collection[str]) -> None:
        """Remove the records of requests: how far their turns are, and that they were taken in."""
        keys = [turn_items.key_of(owner, request_id) for request_id in sorted(set(request_ids))]
        batches.remove(self._client, self._table, keys)
        self._hashes.remove(owner, request_ids)

    def listed(self, owner: str) -> Iterator[str]:
        """Yield the sessions of which the index has a header, past its time or not."""
        query = {
            "TableName": self._table,
            "IndexName": items.SESSIONS_INDEX,
            "KeyConditionExpression": "#owner = :owner",
            "ExpressionAttributeNames": {"#owner": "owner"},
            "ExpressionAttributeValues": items.to_item({":owner": owner}),
            "ProjectionExpression": "session_id",
        }
        for page in self._client.get_paginator("query").paginate(**query):
            for item in page["Items"]:
                yield items.session_key(item["session_id"]["S"]).name

    def standing(self, owner: str, refs: Collection[str]) -> set[str]:
        """Return the sessions of exchanges' names of which anything is left: one of those, or a header.

        A hundred are looked for in a call, so that one who goes on soon is where the last one was.
        """
        names = {Ref.parse(ref).session for ref in refs}
        keys = {str(key): key for key in (memory_items.exchange_key(owner, ref) for ref in refs)}
        for name in names:
            for seq in (items.HEADER_SEQ, items.SUMMARY_SEQ, items.INSTRUCTIONS_SEQ):
                key = items.key_of(SessionKey(owner, name), seq)
                keys[str(key)] = key
        found = batches.get(
            self._client, self._table, list(keys.values()), consistent=True, only="session_id"
        )
        return {items.session_key(item["session_id"]["S"]).name for item in found}

    def _pages(self, key: SessionKey) -> Iterator[list[Item]]:
        query = {
            "TableName": self._table,
            "KeyConditionExpression": "session_id = :session",
            "ExpressionAttributeValues": items.to_item({":session": str(key)}),
            "ProjectionExpression": "session_id, seq, last_updated, since, request_id",
            "ConsistentRead": True,
        }
        for page in self._client.get_paginator("query").paginate(**query):
            yield page["Items"]

    def _remove_header(self, key: SessionKey, until: int | None) -> None:
        delete = {"TableName": self._table, "Key": items.key_of(key, items.HEADER_SEQ)}
        if until is not None:
            delete |= _written_until(until, "last_updated")
        self._delete(delete)

    def _remove(self, found: list[Item], until: int | None) -> None:
        if until is None:
            batches.remove(self._client, self._table, [_key_of(item) for item in found])
            return
        # A session may begin anew between the look and the removal, under the same keys.
        for item in found:
            name = "last_updated" if "last_updated" in item else "since"
            self._delete({"TableName": self._table, "Key": _key_of(item)} | _written_until(until, name))

    def _delete(self, delete: dict[str, Any]) -> None:
        with contextlib.suppress(self._client.exceptions.ConditionalCheckFailedException):
            outlast(self._client, lambda: self._client.delete_item(**delete))


def _key_of(item: Item) -> Item:
    return {"session_id": item["session_id"], "seq": item["seq"]}


def _written_until(until: int, attribute: str) -> dict[str, Any]:
    """Return the condition that an item was last written up to a moment, by the attribute that tells it."""
    latest = format_time(datetime.fromtimestamp(until / 1000, UTC))
    return {
        "ConditionExpression": f"{attribute} <= :latest",
        "ExpressionAttributeValues": items.to_item({":latest": latest}),
    }


def _written(item: Item) -> int:
    """Return when an item was last written, in milliseconds; of a summary, the oldest that it tells of.

    Of instructions, when they were named.
    """
    written = item.get("last_updated") or item["since"]
    return milliseconds(parse_time(written["S"]))
