"""The owners' memories in DynamoDB, beside their sessions.

The head of a memory is an item that two write to: whoever keeps an exchange adds its name to
``pending``, without a condition; whoever tends the memory changes the rest, on condition that its
version is the one that was read, and takes names out. Additions and removals of a set's members do
not disturb each other, and made twice they are made once.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any

from bridge.adapters import batches, items, memory_items
from bridge.conversation import Exchange
from bridge.memory.head import Head, Segment
from bridge.memory.refs import Ref, milliseconds
from bridge.ports import Clock, Rewrite

_SETTLED = timedelta(seconds=10)
"""After so long any copy of the table has what was written: DynamoDB says "usually within a second"."""


class DynamoArchive:
    """The memories. ``memory_ttl`` runs from each exchange."""

    def __init__(self, client: Any, table: str, memory_ttl: timedelta, clock: Clock) -> None:
        self._client = client
        self._table = table
        self._memory_ttl = memory_ttl
        self._clock = clock

    def head(self, owner: str) -> Head:
        """Return the head of an owner's memory, read consistently."""
        reply = self._client.get_item(
            TableName=self._table, Key=memory_items.head_key(owner), ConsistentRead=True
        )
        return memory_items.head_of(reply.get("Item"))

    def segments(self, owner: str, wanted: Collection[Segment]) -> Mapping[int, bytes]:
        """Return the segments that are there; they never change, so that any copy of the table will do."""
        seqs = {segment.seq for segment in wanted}
        found: dict[int, bytes] = {}
        for consistent in (False, True):
            keys = [memory_items.segment_key(owner, seq) for seq in seqs - found.keys()]
            if keys:
                for item in batches.get(self._client, self._table, keys, consistent=consistent):
                    found[int(item["seq"]["N"])] = memory_items.packed_of(item, owner)
        return found

    def exchanges(self, owner: str, refs: Collection[str]) -> Mapping[str, Exchange]:
        """Return the exchanges that are there; one that was kept a moment ago may take a second look."""
        found = self._read(owner, refs, consistent=False)
        recent = milliseconds(self._clock() - _SETTLED)
        if late := [ref for ref in refs if ref not in found and Ref.parse(ref).at > recent]:
            found |= self._read(owner, late, consistent=True)
        return found

    def rewrite(self, owner: str, change: Rewrite) -> bool:
        """Put the new segments, then have the head name them, then remove what it names no more."""
        before, tombstones = {segment.seq for segment in change.head.segments}, frozenset[str]()
        if change.forgotten:
            before, tombstones = self._stored(owner, change.forgotten)
        for segment in change.segments:
            if segment.seq in change.packed:
                self._put(owner, segment, change.packed[segment.seq])
        new = [memory_items.segment_key(owner, seq) for seq in change.packed]
        if not self._name(owner, change, tombstones):
            batches.remove(self._client, self._table, new)
            return False
        gone = before - {segment.seq for segment in change.segments}
        batches.remove(self._client, self._table, [memory_items.segment_key(owner, seq) for seq in gone])
        return True

    def forget(self, owner: str, session: str) -> int:
        """Have all that a session said up to now left out from the next turn on."""
        until = milliseconds(self._clock())
        self._client.update_item(
            TableName=self._table,
            Key=memory_items.head_key(owner),
            UpdateExpression="ADD forgotten :tombstones SET #ttl = :ttl",
            ExpressionAttributeNames={"#ttl": "ttl"},
            ExpressionAttributeValues=items.to_item(
                {":tombstones": {memory_items.tombstone(session, until)}, ":ttl": self._expiry()}
            ),
        )
        return until

    def _read(self, owner: str, refs: Collection[str], *, consistent: bool) -> dict[str, Exchange]:
        keys = {str(key): key for key in (memory_items.exchange_key(owner, ref) for ref in refs)}
        now = self._clock()
        found = {}
        for item in batches.get(self._client, self._table, list(keys.values()), consistent=consistent):
            exchange = items.exchange_of(item)
            ref = str(Ref.of(items.session_key(item["session_id"]["S"]).name, exchange))
            # A forgotten session's name may stand for another by now, with turns of its own.
            if ref in refs and not items.expired(item, now):
                found[ref] = exchange
        return found

    def _stored(self, owner: str, forgotten: Mapping[str, int]) -> tuple[set[int], frozenset[str]]:
        """Return all segments that there are, and all that names sessions that are ``forgotten``.

        Segments also that whoever wrote them did not live to name, moments also that a later one of
        the same session hides in the head.
        """
        query = {
            "TableName": self._table,
            "KeyConditionExpression": "session_id = :memory",
            "ExpressionAttributeValues": items.to_item({":memory": memory_items.partition(owner)}),
            "ProjectionExpression": "seq, forgotten",
            "ConsistentRead": True,
        }
        seqs: set[int] = set()
        tombstones: frozenset[str] = frozenset()
        for page in self._client.get_paginator("query").paginate(**query):
            for item in page["Items"]:
                seq = int(item["seq"]["N"])
                if seq == memory_items.HEAD_SEQ:
                    tombstones = memory_items.tombstones_of(item, forgotten)
                else:
                    seqs.add(seq)
        return seqs, tombstones

    def _put(self, owner: str, segment: Segment, packed: bytes) -> None:
        ttl = int(segment.newest / 1000 + self._memory_ttl.total_seconds())
        self._client.put_item(
            TableName=self._table, Item=memory_items.segment_item(owner, segment.seq, packed, ttl)
        )

    def _name(self, owner: str, change: Rewrite, tombstones: frozenset[str]) -> bool:
        removed: dict[str, Any] = {}
        if change.settled:
            removed["pending"] = set(change.settled)
        if tombstones:
            removed["forgotten"] = set(tombstones)
        deletions = ", ".join(f"{name} :{name}" for name in removed)
        expression = "SET #segments = :segments, version = :next, #ttl = :ttl"
        try:
            self._client.update_item(
                TableName=self._table,
                Key=memory_items.head_key(owner),
                UpdateExpression=f"{expression} DELETE {deletions}" if deletions else expression,
                ConditionExpression="version = :read OR attribute_not_exists(version)"
                if change.head.version == 0
                else "version = :read",
                ExpressionAttributeNames={"#segments": "segments", "#ttl": "ttl"},
                ExpressionAttributeValues=items.to_item(
                    {
                        ":segments": memory_items.segment_entries(change.segments),
                        ":next": change.head.version + 1,
                        ":read": change.head.version,
                        ":ttl": self._expiry(),
                        **{f":{name}": members for name, members in removed.items()},
                    }
                ),
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def _expiry(self) -> int:
        return items.expiry(self._clock(), self._memory_ttl)
