"""Names of exchanges in the heads of their owners' memories: put there by whoever keeps the exchanges."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from aws_lambda_powertools import Logger
from botocore.exceptions import ClientError

from bridge.adapters import items, memory_items
from bridge.adapters.items import Item
from bridge.conversation import SessionKey
from bridge.memory.head import Head
from bridge.ports.speaking import Clock


class Naming:
    """Names exchanges, and tells whether their session was forgotten meanwhile."""

    def __init__(self, client: Any, table: str, memory_ttl: timedelta, clock: Clock, logger: Logger) -> None:
        self._client = client
        self._table = table
        self._memory_ttl = memory_ttl
        self._clock = clock
        self._logger = logger

    def add(self, key: SessionKey, ref: str, head: Head) -> bool:
        """Name an exchange; return False where its session was forgotten since ``head`` was read.

        Naming it twice is naming it once. An exchange that cannot be named is kept all the same: one that
        is not recalled is better than one that is lost.
        """
        try:
            reply = self._client.update_item(
                TableName=self._table,
                Key=memory_items.head_key(key.owner),
                UpdateExpression="SET #ttl = :ttl ADD pending :refs",
                ExpressionAttributeNames={"#ttl": "ttl"},
                ExpressionAttributeValues=items.to_item(
                    {":refs": {ref}, ":ttl": memory_items.head_expiry(self._clock(), self._memory_ttl)}
                ),
                ReturnValues="ALL_NEW",
            )
        except ClientError:
            self._logger.exception("an exchange could not be named to its owner's memory")
            return True
        if not self._marked_since(key, head, reply["Attributes"]):
            return True
        self.take_back(key, ref)
        return False

    def take_back(self, key: SessionKey, ref: str) -> None:
        """Take a name out again."""
        self._client.update_item(
            TableName=self._table,
            Key=memory_items.head_key(key.owner),
            UpdateExpression="DELETE pending :refs",
            ExpressionAttributeValues=items.to_item({":refs": {ref}}),
        )

    def forgotten_since(self, key: SessionKey, head: Head) -> bool:
        """Tell whether a session was forgotten since ``head`` was read."""
        reply = self._client.get_item(
            TableName=self._table, Key=memory_items.head_key(key.owner), ConsistentRead=True
        )
        return self._marked_since(key, head, reply.get("Item", {}))

    def _marked_since(self, key: SessionKey, before: Head, item: Item) -> bool:
        # Nothing but the marks is looked at: whatever else of the head is broken, the turn is kept.
        try:
            now = Head(forgotten=memory_items.tombstones(items.from_item(item).get("forgotten", ())))
        except (LookupError, TypeError, ValueError):
            self._logger.exception("the marks of forgotten sessions could not be understood")
            return False
        known = before.forgot(key.name) if before.unread_at is None else before.unread_at
        return now.forgot(key.name) > known
