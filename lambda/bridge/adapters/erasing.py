"""Removing sessions from DynamoDB."""

from __future__ import annotations

from typing import Any

from bridge.adapters import batches, items
from bridge.adapters.conflicts import outlast
from bridge.adapters.items import Item
from bridge.conversation import SessionKey, parse_time
from bridge.memory.refs import milliseconds


class DynamoEraser:
    """Removes all items of a session."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def erase(self, key: SessionKey, until: int | None = None) -> int:
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
        found: list[Item] = []
        for page in self._client.get_paginator("query").paginate(**query):
            found += (item for item in page["Items"] if until is None or _written_by(item, until))
        keys = [{"session_id": item["session_id"], "seq": item["seq"]} for item in found]
        batches.remove(self._client, self._table, keys)
        return sum(int(item["seq"]["N"]) > items.HEADER_SEQ for item in found)


def _written_by(item: Item, until: int) -> bool:
    """Tell whether an item was written up to a moment; a summary, what it tells of."""
    written = item.get("last_updated") or item["since"]
    return milliseconds(parse_time(written["S"])) <= until
