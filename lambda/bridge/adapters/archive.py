"""The owners' memories in DynamoDB, beside their sessions.

The head of a memory is an item that two write to: whoever keeps an exchange adds its name to
``pending``, without a condition; whoever tends the memory changes the rest, on condition that its
version is the one that was read, and takes names out. Additions and removals of a set's members do
not disturb each other, and made twice they are made once.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any

from bridge.adapters import batches, items, memory_items
from bridge.conversation import Exchange
from bridge.memory.head import EVERYTHING, Head, Segment, Tombstone, mark_of
from bridge.memory.refs import Ref, milliseconds
from bridge.ports.memory import Rewrite
from bridge.ports.speaking import Clock

_SETTLED = timedelta(seconds=10)
"""After so long any copy of the table has what was written: DynamoDB says "usually within a second"."""


class DynamoArchive:
    """The memories. ``memory_ttl`` runs from each exchange; ``rounds`` is how patiently batches are read."""

    def __init__(
        self,
        client: Any,
        table: str,
        memory_ttl: timedelta,
        clock: Clock,
        rounds: int = batches.ROUNDS,
    ) -> None:
        self._client = client
        self._table = table
        self._memory_ttl = memory_ttl
        self._clock = clock
        self._rounds = rounds

    def head(self, owner: str) -> Head:
        """Return the head of an owner's memory, read consistently."""
        reply = self._client.get_item(
            TableName=self._table, Key=memory_items.head_key(owner), ConsistentRead=True
        )
        return memory_items.head_of(reply.get("Item"))

    def segments(self, owner: str, wanted: Collection[Segment]) -> Mapping[int, bytes]:
        """Return the segments that are there and this owner's own.

        They never change, so that any copy of the table will do.
        """
        seqs = {segment.seq for segment in wanted}
        found: dict[int, bytes] = {}
        for consistent in (False, True):
            keys = [memory_items.segment_key(owner, seq) for seq in seqs - found.keys()]
            if keys:
                for item in batches.get(
                    self._client, self._table, keys, consistent=consistent, rounds=self._rounds
                ):
                    with contextlib.suppress(ValueError):  # no segment, or not this owner's: as if none was
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
        """Put the new segments, then have the head name them, then remove what it names no more.

        Only after that a forgetting is finished: whoever dies before leaves it to be gone through again.
        """
        before = {segment.seq for segment in change.head.segments}
        if change.finished or change.sweeps:  # also what whoever wrote it did not live to name, or to remove
            before |= self._stored(owner)
        for segment in change.segments:
            if segment.seq in change.packed:
                self._put(owner, segment, change.packed[segment.seq])
        other = self._name(owner, change)
        if other is not None and not _made(change, other):
            self._remove(owner, change.packed.keys())
            return False
        self._remove(owner, before - {segment.seq for segment in change.segments})
        if change.finished:
            self._finish(owner, change.finished)
        return True

    def forget(self, owner: str, session: str, until: int | None = None) -> int:
        """Have all that a session said up to now left out from the next turn on."""
        until = milliseconds(self._clock()) if until is None else until
        reply = self._client.update_item(
            TableName=self._table,
            Key=memory_items.head_key(owner),
            UpdateExpression="ADD forgetting :by_name, forgotten :by_mark SET #ttl = :ttl",
            ExpressionAttributeNames={"#ttl": "ttl"},
            ExpressionAttributeValues=items.to_item(
                {
                    ":by_name": {memory_items.written(Tombstone(session, until))},
                    ":by_mark": {memory_items.written(Tombstone(mark_of(session), until))},
                    ":ttl": self._head_expiry(),
                }
            ),
            ReturnValues="ALL_NEW" if session == EVERYTHING else "NONE",
        )
        if session == EVERYTHING:
            newest = memory_items.head_of(reply["Attributes"]).newest
            if newest > until:  # kept by a function whose clock is ahead of this one's
                return self.forget(owner, session, newest)
        return until

    def _read(self, owner: str, refs: Collection[str], *, consistent: bool) -> dict[str, Exchange]:
        keys = {str(key): key for key in (memory_items.exchange_key(owner, ref) for ref in refs)}
        now = self._clock()
        found = {}
        for item in batches.get(
            self._client, self._table, list(keys.values()), consistent=consistent, rounds=self._rounds
        ):
            exchange = items.exchange_of(item)
            ref = str(Ref.of(items.session_key(item["session_id"]["S"]).name, exchange))
            # A forgotten session's name may stand for another by now, with turns of its own.
            if ref in refs and not items.expired(item, now):
                found[ref] = exchange
        return found

    def _stored(self, owner: str) -> set[int]:
        """Return the keys of all segments that there are."""
        query = {
            "TableName": self._table,
            "KeyConditionExpression": "session_id = :memory AND seq > :head",
            "ExpressionAttributeValues": items.to_item(
                {":memory": memory_items.partition(owner), ":head": memory_items.HEAD_SEQ}
            ),
            "ProjectionExpression": "seq",
            "ConsistentRead": True,
        }
        pages = self._client.get_paginator("query").paginate(**query)
        return {int(item["seq"]["N"]) for page in pages for item in page["Items"]}

    def _put(self, owner: str, segment: Segment, packed: bytes) -> None:
        ttl = int(segment.newest / 1000 + self._memory_ttl.total_seconds())
        self._client.put_item(
            TableName=self._table, Item=memory_items.segment_item(owner, segment.seq, packed, ttl)
        )

    def _remove(self, owner: str, seqs: Collection[int]) -> None:
        batches.remove(self._client, self._table, [memory_items.segment_key(owner, seq) for seq in seqs])

    def _name(self, owner: str, change: Rewrite) -> Head | None:
        """Have the head name a change's segments; return the head that is in the way, if one is."""
        removed = {
            "pending": set(change.settled),
            "forgotten": set(map(memory_items.written, change.outdated)),
        }
        deletions = ", ".join(f"{name} :{name}" for name, members in removed.items() if members)
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
                        ":ttl": self._head_expiry(),
                        **{f":{name}": members for name, members in removed.items() if members},
                    }
                ),
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._client.exceptions.ConditionalCheckFailedException as failed:
            return memory_items.head_of(failed.response.get("Item"))
        return None

    def _finish(self, owner: str, finished: Collection[Tombstone]) -> None:
        self._client.update_item(
            TableName=self._table,
            Key=memory_items.head_key(owner),
            UpdateExpression="DELETE forgetting :finished",
            ExpressionAttributeValues=items.to_item({":finished": set(map(memory_items.written, finished))}),
        )

    def _head_expiry(self) -> int:
        return memory_items.head_expiry(self._clock(), self._memory_ttl)


def _made(change: Rewrite, there: Head) -> bool:
    """Tell whether a change that was refused had been made: the SDK sends a call again whose reply was lost.

    A new segment's key is drawn by chance: where the head names it, nobody else put it there, and others
    may have changed the head since. A change without a new segment is made where the head names the same,
    and nothing is left there of what it removes, whoever removed it.
    """
    named = {segment.seq for segment in there.segments}
    if change.packed:
        return not named.isdisjoint(change.packed)
    return named == {segment.seq for segment in change.segments} and not (
        there.pending & change.settled or there.forgotten & change.outdated
    )
