"""The idempotency store's records: under which key Powertools keeps a request's, and what it says.

A record outlives its session where a turn still waits when that is forgotten. So it says nothing of the
session to whoever does not know the request: its name is sealed with the request's id, of which the
table has only a hash.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from typing import Any

from bridge.adapters import batches
from bridge.adapters.items import Item, to_item
from bridge.conversation import Turn

KEY_ATTRIBUTE = "hash"
PREFIX = "query"
EVENT_KEY = "[owner, request_id]"
"""What of a request Powertools makes the key of, as a JMESPath: `key_of` does the same."""


def key_of(owner: str, request_id: str) -> Item:
    """Return the primary key of a request's record."""
    named = json.dumps([owner, request_id])
    # The hash that Powertools takes: it has to name a record, not to withstand anyone.
    digest = hashlib.md5(named.encode(), usedforsecurity=False).hexdigest()
    return to_item({KEY_ATTRIBUTE: f"{PREFIX}#{digest}"})


def seal(session: str, owner: str, request_id: str) -> str:
    """Return a session's name as its request's record carries it, in hexadecimal digits."""
    return _masked(session.encode(), owner, request_id).hex()


def unseal(sealed: str, owner: str, request_id: str) -> str:
    """Return the name that `seal` was given."""
    return _masked(bytes.fromhex(sealed), owner, request_id).decode()


def _masked(text: bytes, owner: str, request_id: str) -> bytes:
    mask = hashlib.shake_256(f"session#{owner}/{request_id}".encode()).digest(len(text))
    return bytes(a ^ b for a, b in zip(text, mask, strict=True))


class DynamoHashes:
    """The hashes table, as far as requests are forgotten."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def release(self, turn: Turn) -> bool:
        """Remove the record of a turn's request, unless it was taken in anew since."""
        if turn.wire == "original":
            return True  # it has none
        try:
            self._client.delete_item(
                TableName=self._table,
                Key=key_of(turn.key.owner, turn.request_id),
                ConditionExpression="attribute_not_exists(#hash) OR contains(#data, :accepted)",
                ExpressionAttributeNames={"#hash": KEY_ATTRIBUTE, "#data": "data"},
                ExpressionAttributeValues=to_item({":accepted": f'"accepted": {turn.accepted},'}),
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def remove(self, owner: str, request_ids: Collection[str]) -> None:
        """Remove requests' records; what is sent again is taken for new."""
        keys = [key_of(owner, request_id) for request_id in sorted(set(request_ids))]
        batches.remove(self._client, self._table, keys)
