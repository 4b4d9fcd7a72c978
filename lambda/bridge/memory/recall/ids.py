"""Which messages a segment holds."""

from __future__ import annotations

from bridge.memory.recall.segments import unpack


def segment_ids(segment: bytes) -> list[str]:
    """Return the ids of a segment's messages, whatever version packed it."""
    return [each.id for each in unpack(segment)]
