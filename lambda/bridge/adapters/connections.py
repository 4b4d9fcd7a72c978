"""Connections in the sessions table."""

from __future__ import annotations

from typing import Any

from bridge.adapters import items
from bridge.adapters.lately import Lately
from bridge.ports.speaking import Clock, Connection


class DynamoConnections:
    """The connections that are open, and for a minute those that were read before."""

    def __init__(self, client: Any, table: str, clock: Clock) -> None:
        self._client = client
        self._table = table
        self._clock = clock
        self._known: Lately[Connection] = Lately(clock)

    def open(self, connection: Connection) -> None:
        """Record a connection."""
        item = items.connection_item(connection, self._clock())
        self._client.put_item(TableName=self._table, Item=item)

    def find(self, connection_id: str) -> Connection | None:
        """Return who speaks on the connection, read anew once a minute; that never changes."""
        known = self._known.get(connection_id)
        if known is not None:
            return known
        reply = self._client.get_item(
            TableName=self._table, Key=items.connection_key(connection_id), ConsistentRead=True
        )
        item = reply.get("Item")
        if item is None or items.expired(item, self._clock()):
            return None
        connection = items.connection_of(item, connection_id)
        self._known.put(connection_id, connection)
        return connection

    def close(self, connection_id: str) -> None:
        """Forget the connection."""
        self._client.delete_item(TableName=self._table, Key=items.connection_key(connection_id))
