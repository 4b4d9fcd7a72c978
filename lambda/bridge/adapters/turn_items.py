"""A turn's record and a day's tokens as items, to the domain and back."""

from __future__ import annotations

import struct
from typing import Any

from bridge.adapters.items import Item, from_item, to_item
from bridge.ports.turns import Standing

SEQ = -1


def partition(owner: str, request_id: str) -> str:
    """Return the partition of a turn's record: a request is known to its owner only."""
    return f"turn#{owner}/{request_id}"


def key_of(owner: str, request_id: str) -> Item:
    """Return the primary key of a turn's record."""
    return to_item({"session_id": partition(owner, request_id), "seq": SEQ})


def budget_key(owner: str, day: str) -> Item:
    """Return the primary key of what an owner has used on a day, as ``2026-11-23``."""
    return to_item({"session_id": f"budget#{day}#{owner}", "seq": SEQ})


def packed(lengths: tuple[int, ...]) -> bytes:
    """Return deltas' lengths in two bytes each: a delta has at most 24,000 characters."""
    return struct.pack(f">{len(lengths)}H", *lengths)


def standing_of(item: Item | None) -> Standing:
    """Return a turn's standing; one without a record has not begun."""
    plain = from_item(item or {})
    lengths = bytes(plain.get("lengths", b""))
    return Standing(
        began="began" in plain,
        number=_whole(plain.get("number")),
        turn=_whole(plain.get("turn")),
        lengths=struct.unpack(f">{len(lengths) // 2}H", lengths),
        connection_id=plain.get("connection_id"),
        last_seq=int(plain.get("last_seq", 0)),
        resumes=int(plain.get("resumes", 0)),
        cancelled_by=plain.get("cancelled_by"),
        reserved=int(plain.get("reserved", 0)),
        day=plain.get("day"),
    )


def began_by(item: Item) -> str | None:
    """Return the mark of whoever began a turn."""
    mark = from_item(item).get("began_by")
    return None if mark is None else str(mark)


def _whole(value: Any) -> int | None:
    return None if value is None else int(value)
