"""What a segment of the memory names. Pure."""

from __future__ import annotations

from bridge.memory.recall.ids import segment_ids
from bridge.memory.refs import Ref, refs_of


def names_in(packed: bytes) -> list[Ref] | None:
    """Return the exchanges that a segment names, whatever version packed it; None where it cannot be read."""
    try:
        return [Ref.parse(ref) for ref in dict.fromkeys(refs_of(segment_ids(packed)))]
    except Exception:  # noqa: BLE001 - there is nothing that damaged bytes may not raise
        return None
