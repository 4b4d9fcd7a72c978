"""An owner's memory as items: its head and its segments, to the domain and back.

A segment's bytes begin with a digest of its owner's name: one that got into another owner's memory,
whatever had to go wrong for that, is not taken for that owner's.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from hashlib import blake2b

from boto3.dynamodb.types import Binary

from bridge.adapters.items import Item, expiry, from_item, to_item
from bridge.conversation import SessionKey, parse_time
from bridge.memory.head import Head, Segment, Tombstone
from bridge.memory.refs import Ref
from bridge.memory.summary import Summary

HEAD_SEQ = -1
HEAD_LASTS = timedelta(days=19)
"""A head is kept for so long at least: its tombstones are for turns that may wait for eighteen days."""

_SEAL_BYTES = 8
_ENTRY = 7
"""Parts of a segment's entry in a head; what a later version adds behind is passed over."""


def partition(owner: str) -> str:
    """Return the partition of an owner's memory."""
    return f"memory#{owner}"


def head_key(owner: str) -> Item:
    """Return the primary key of a memory's head."""
    return to_item({"session_id": partition(owner), "seq": HEAD_SEQ})


def head_expiry(now: datetime, memory_ttl: timedelta) -> int:
    """Return when a head that is written now is past its time."""
    return expiry(now, max(memory_ttl, HEAD_LASTS))


def segment_key(owner: str, seq: int) -> Item:
    """Return the primary key of a segment."""
    return to_item({"session_id": partition(owner), "seq": seq})


def exchange_key(owner: str, ref: str) -> Item:
    """Return the primary key of the exchange that a name stands for."""
    named = Ref.parse(ref)
    return to_item({"session_id": str(SessionKey(owner, named.session)), "seq": named.turn})


def head_of(item: Item | None) -> Head:
    """Return a memory's head; an owner who has said nothing has an empty one."""
    if item is None:
        return Head()
    plain = from_item(item)
    return Head(
        pending=frozenset(plain.get("pending", ())),
        segments=tuple(Segment(*map(int, entry[:_ENTRY])) for entry in plain.get("segments", ())),
        forgetting=tombstones(plain.get("forgetting", ())),
        forgotten=tombstones(plain.get("forgotten", ())),
        version=int(plain.get("version", 0)),
    )


def segment_entries(head_segments: tuple[Segment, ...]) -> list[list[int]]:
    """Return segments as a head names them."""
    return [
        [
            segment.seq,
            segment.exchanges,
            segment.digest,
            segment.size,
            segment.oldest,
            segment.newest,
            segment.version,
        ]
        for segment in head_segments
    ]


def written(tombstone: Tombstone) -> str:
    """Return how a head has a tombstone."""
    return f"{tombstone.mark}#{tombstone.until}"


def tombstones(texts: Iterable[str]) -> frozenset[Tombstone]:
    """Return the tombstones that `written` wrote."""
    parts = (text.rpartition("#") for text in texts)
    return frozenset(Tombstone(mark, int(until)) for mark, _, until in parts)


def segment_item(owner: str, seq: int, packed: bytes, ttl: int) -> Item:
    """Return the item of a segment."""
    plain = {"session_id": partition(owner), "seq": seq, "packed": _seal(owner) + packed, "ttl": ttl}
    return to_item(plain)


def packed_of(item: Item, owner: str) -> bytes:
    """Return a segment's content. Raises ValueError where there is none, or it is another owner's."""
    packed = from_item(item).get("packed")
    content = bytes(packed) if isinstance(packed, Binary) else b""
    if content[:_SEAL_BYTES] != _seal(owner):
        raise ValueError("a segment of another owner's memory")
    return content[_SEAL_BYTES:]


def summary_of(item: Item) -> Summary:
    """Return the summary of an item."""
    plain = from_item(item)
    return Summary(int(plain["covers"]), plain["text"], parse_time(plain["since"]))


def _seal(owner: str) -> bytes:
    return blake2b(owner.encode(), digest_size=_SEAL_BYTES).digest()
