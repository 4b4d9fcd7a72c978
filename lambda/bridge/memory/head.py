"""The head of an owner's memory: what there is to remember, and where. Pure.

Whatever was said is named either in ``pending`` (by the answer function, before the exchange is kept)
or in a segment (by the remember function, which moves names from the one to the other in one step).
So nothing has to be searched for, and nothing that a lost event would have told is missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bridge.memory.refs import Ref


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment as the head knows it: ``seq`` is its key; ``exchanges`` and ``digest`` its content.

    ``oldest`` and ``newest`` are when its exchanges were kept (milliseconds since the epoch), ``size``
    its bytes, ``version`` what analysed it.
    """

    seq: int
    exchanges: int
    digest: int
    size: int
    oldest: int
    newest: int
    version: int


@dataclass(frozen=True, slots=True)
class Head:
    """An owner's memory, as it stands. ``version`` counts the changes of ``segments``."""

    pending: frozenset[str] = frozenset()
    segments: tuple[Segment, ...] = ()
    forgotten: Mapping[str, int] = field(default_factory=dict)
    """Sessions that are being forgotten: what they said up to then (milliseconds since the epoch)."""
    version: int = 0

    @property
    def empty(self) -> bool:
        """Tell whether there is nothing to be reminded of."""
        return not self.pending and not self.segments

    def holds(self, ref: Ref) -> bool:
        """Tell whether an exchange has not been forgotten."""
        return ref.at > self.forgotten.get(ref.session, -1)
