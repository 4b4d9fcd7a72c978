"""Removing sessions from DynamoDB."""

from __future__ import annotations

import contextlib
from typing import Any

from bridge.adapters import batches, items
from bridge.adapters.conflicts import outlast
from bridge.adapters.items import Item
from bridge.conversation import SessionKey, parse_time
from bridge.memory.refs import milliseconds
from bridge.ports import Erased


class DynamoEraser:
    """Removes all items of a session."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def erase(self, key: SessionKey, until: int | None = None) -> Erased:
        """Remove a session, its header first, so that a turn under way finds none and is not kept either.

        With ``until`` whatever was last written up to that moment is removed: a session that began
        since under the same name stays.
        """
        if until is None:
            header = items.key_of(key, items.HEADER_SEQ)
            outlast(self._client, lambda: self._client.delete_item(TableName=self._table, Key=header))
        query = {
            "TableName": self._table,
            "KeyConditionExpression": "session_id = :session",
            "ExpressionAttributeValues": items.to_item({":session": str(key)}),
            "ProjectionExpression": "session_id, seq, last_updated, since",
            "ConsistentRead": True,
        }
        exchanges, newest = 0, -1
        for page in self._client.get_paginator("query").paginate(**query):
            found = [item for item in page["Items"] if until is None or _written(item) <= until]
            self._remove(found, until)
            kept = [item for item in found if int(item["seq"]["N"]) > items.HEADER_SEQ]
            exchanges += len(kept)
            newest = max([newest, *map(_written, kept)])
        return Erased(exchanges, newest)

    def _remove(self, found: list[Item], until: int | None) -> None:
        keys = [{"session_id": item["session_id"], "seq": item["seq"]} for item in found]
        if until is None:
            batches.remove(self._client, self._table, keys)
            return
        # A session may begin anew between the look and the removal, under the same keys.
        for key, item in zip(keys, found, strict=True):
            name = "last_updated" if "last_updated" in item else "since"
            with contextlib.suppress(self._client.exceptions.ConditionalCheckFailedException):
                self._client.delete_item(
                    TableName=self._table,
                    Key=key,
                    ConditionExpression=f"{name} = :read",
                    ExpressionAttributeValues={":read": item[name]},
                )


def _written(item: Item) -> int:
    """Return when an item was last written, in milliseconds; of a summary, the oldest that it tells of."""
    written = item.get("last_updated") or item["since"]
    return milliseconds(parse_time(written["S"]))
