"""Finishing what is being forgotten, wherever whoever began it stopped.

A tombstone stands in the head of its owner's memory from the beginning until all is gone; so there is
nothing to be found out that it does not tell, but for the sessions of an owner who forgets everything:
those are in the index by their headers, and in the head and its segments by their exchanges' names.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from bridge.conversation import SessionKey
from bridge.memory.head import EVERYTHING, Head, Tombstone
from bridge.memory.named import names_in
from bridge.memory.refs import Ref, milliseconds
from bridge.ports.memory import Archive, Eraser, Pause

TURNS_END_WITHIN = timedelta(minutes=20)
"""A turn that had begun when its session was forgotten has ended by then; its tombstone stays so long."""

TURNS_WAIT_WITHIN = timedelta(days=18) + TURNS_END_WITHIN
"""A turn that waited has come up by then: the queue keeps it for four days, and the dead-letter queue for
another 14, counted from when it came there."""

MOST_WAITED_FOR = 64
"""Tombstones that are kept beyond the twenty minutes, the newest: with 31 bytes each 2 KB of a head, which
every turn writes. Whoever forgets more sessions in eighteen days, while a turn of the first of them waits for
over twenty minutes, has that turn answered in a new session. Of an owner who forgets everything there is
one that counts."""

_LOOKED_FOR = 400
"""Exchanges that are looked for at once before their sessions are erased."""


class Erasure:
    """Erases what the heads' tombstones stand for."""

    def __init__(self, archive: Archive, eraser: Eraser) -> None:
        self._archive = archive
        self._eraser = eraser

    def finish(self, owner: str, head: Head, pause: Pause) -> int:
        """Erase all that an owner is forgetting; return how many exchanges that were."""
        erased = 0
        for tombstone in _newest(head.forgetting):
            if tombstone.mark != EVERYTHING:
                key = SessionKey(owner, tombstone.mark)
                erased += self._eraser.erase(key, tombstone.until, pause).exchanges
                continue
            for name in self._sessions(owner, head, tombstone.until, pause):
                pause()
                erased += self._eraser.erase(SessionKey(owner, name), tombstone.until, pause).exchanges
        return erased

    def _sessions(self, owner: str, head: Head, until: int, pause: Pause) -> Iterator[str]:
        """Yield the sessions of which anything is left from before a moment."""
        yield from sorted(set(self._eraser.listed(owner)))
        named = sorted(ref for ref in self._named(owner, head) if Ref.parse(ref).at <= until)
        for start in range(0, len(named), _LOOKED_FOR):
            pause()
            yield from sorted(self._eraser.standing(owner, named[start : start + _LOOKED_FOR]))

    def _named(self, owner: str, head: Head) -> set[str]:
        named = set(head.pending)
        for packed in self._archive.segments(owner, head.segments).values():
            named.update(map(str, names_in(packed) or ()))
        return named


def _newest(forgetting: frozenset[Tombstone]) -> list[Tombstone]:
    """Return the tombstones that say all that there is to do: who repeats a forgetting adds one each time."""
    newest: dict[str, Tombstone] = {}
    for each in sorted(forgetting, key=lambda each: each.until):
        newest[each.mark] = each
    everything = newest.get(EVERYTHING)
    return [each for each in newest.values() if everything in (None, each) or each.until > everything.until]


def outdated(forgotten: frozenset[Tombstone], now: datetime) -> frozenset[Tombstone]:
    """Return the tombstones that nobody needs any more, or that there is no room for."""
    everything = max((each.until for each in forgotten if each.mark == EVERYTHING), default=-1)
    lately = milliseconds(now - TURNS_END_WITHIN)
    waits = milliseconds(now - TURNS_WAIT_WITHIN)
    newest: dict[str, Tombstone] = {}
    for each in sorted(forgotten, key=lambda each: -each.until):
        if each.mark == EVERYTHING or each.until > everything:
            newest.setdefault(each.mark, each)
    kept = [each for each in newest.values() if each.until >= waits]
    settled = [each for each in kept if each.until < lately and each.mark != EVERYTHING]
    return forgotten - set(kept) | frozenset(settled[MOST_WAITED_FOR:])
