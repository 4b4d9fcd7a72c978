"""What was revoked, in the sessions table: ``bridge token revoke`` writes it."""

from __future__ import annotations

from typing import Any

from bridge.adapters import items
from bridge.adapters.items import Item
from bridge.adapters.lately import Lately
from bridge.ports.speaking import Clock, Revoked

SEQ = -1


def key_of(owner: str) -> Item:
    """Return the primary key of what an owner revoked."""
    return items.to_item({"session_id": f"revoked#{owner}", "seq": SEQ})


class DynamoRevocations:
    """What owners revoked, read anew at the latest after a minute.

    An item that makes no sense raises, as one that cannot be read does: nothing of it is guessed.
    """

    def __init__(self, client: Any, table: str, clock: Clock) -> None:
        self._client = client
        self._table = table
        self._clock = clock
        self._known: Lately[Revoked] = Lately(clock)

    def of(self, owner: str, *, fresh: bool = False) -> Revoked:
        """Return what is revoked of an owner's, read now where ``fresh``."""
        known = None if fresh else self._known.get(owner)
        if known is not None:
            return known
        reply = self._client.get_item(TableName=self._table, Key=key_of(owner), ConsistentRead=True)
        revoked = self._read(reply.get("Item"))
        self._known.put(owner, revoked)
        return revoked

    def _read(self, item: Item | None) -> Revoked:
        if item is None or ("ttl" in item and items.expired(item, self._clock())):
            return Revoked()
        plain = items.from_item(item)
        return Revoked(float(plain.get("before", 0)), frozenset(plain.get("tokens", ())))
