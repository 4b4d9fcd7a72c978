"""The head of an owner's memory: what there is to remember, and where. Pure.

Whatever was said is named either in ``pending`` (by the answer function, before the exchange is kept)
or in a segment (by the remember function, which moves names from the one to the other in one step).
So nothing has to be searched for, and nothing that a lost event would have told is missing.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from hashlib import blake2b

from bridge.memory.refs import Ref, is_silent

EVERYTHING = "*"
"""What stands for all sessions in the place of one's name or mark: no name holds the character."""


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
class Tombstone:
    """A session that was forgotten, as what it said up to ``until`` (milliseconds since the epoch).

    ``mark`` is its name, or where that is not to be known any more what `mark_of` made of it;
    `EVERYTHING` for all sessions, also those whose names nobody knows.
    """

    mark: str
    until: int


@dataclass(frozen=True, slots=True)
class Head:
    """An owner's memory, as it stands. ``version`` counts the changes of ``segments``."""

    pending: frozenset[str] = frozenset()
    segments: tuple[Segment, ...] = ()
    forgetting: frozenset[Tombstone] = frozenset()
    """Sessions, by name, whose removal is not known to be complete."""
    forgotten: frozenset[Tombstone] = frozenset()
    """Sessions, by mark, that were forgotten so lately that a turn of theirs may still wait."""
    version: int = 0
    unread_at: int | None = None
    """When it could not be read (milliseconds since the epoch): what it tells is then not known."""

    @property
    def empty(self) -> bool:
        """Tell whether there is nothing to be reminded of."""
        return not self.segments and all(map(is_silent, self.pending))

    @property
    def newest(self) -> int:
        """When the newest exchange was kept that is named here; -1 where none is."""
        return max(
            [-1, *(Ref.parse(ref).at for ref in self.pending), *(each.newest for each in self.segments)]
        )

    @property
    def forgot_everything(self) -> int:
        """Up to when everything was forgotten; -1 where it was not."""
        return max((each.until for each in self.forgotten if each.mark == EVERYTHING), default=-1)

    def forgot(self, session: str) -> int:
        """Return up to when a session was forgotten; -1 where it was not."""
        if not self.forgotten:
            return -1
        marks = (mark_of(session), EVERYTHING)
        return max((each.until for each in self.forgotten if each.mark in marks), default=-1)

    def holds(self, ref: Ref) -> bool:
        """Tell whether an exchange has not been forgotten."""
        return ref.at > self.forgot(ref.session)


@functools.lru_cache(maxsize=4096)
def mark_of(session: str) -> str:
    """Return what stands for a forgotten session's name, which is forgotten, too."""
    if session == EVERYTHING:
        return EVERYTHING
    return blake2b(session.encode(), digest_size=8).hexdigest()
