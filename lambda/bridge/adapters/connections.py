"""Connections in the sessions table."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from bridge.adapters import items
from bridge.ports import Clock, Connection

KNOWN_FOR = 60
"""Seconds for which a warm function takes a connection's record as read; its owner never changes."""

KNOWN_CONNECTIONS = 1024
"""Connections that a warm function knows at most."""


class DynamoConnections:
    """The connections that are open, and for a minute those that were read before."""

    def __init__(self, client: Any, table: str, clock: Clock) -> None:
        self._client = client
        self._table = table
        self._clock = clock
        self._known: OrderedDict[str, tuple[float, Connection]] = OrderedDict()

    def open(self, connection: Connection) -> None:
        """Record a connection."""
        item = items.connection_item(connection, self._clock())
        self._client.put_item(TableName=self._table, Item=item)

    def find(self, connection_id: str) -> Connection | None:
        """Return who speaks on the connection, read anew once a minute."""
        now = self._clock().timestamp()
        read_at, connection = self._known.get(connection_id, (0.0, None))
        if connection is not None and now - read_at < KNOWN_FOR:
            return connection
        reply = self._client.get_item(
            TableName=self._table, Key=items.connection_key(connection_id), ConsistentRead=True
        )
        item = reply.get("Item")
        self._known.pop(connection_id, None)
        if item is None or items.expired(item, self._clock()):
            return None
        connection = items.connection_of(item, connection_id)
        self._known[connection_id] = (now, connection)
        if len(self._known) > KNOWN_CONNECTIONS:
            self._known.popitem(last=False)
        return connection

    def close(self, connection_id: str) -> None:
        """Forget the connection."""
        self._client.delete_item(TableName=self._table, Key=items.connection_key(connection_id))
