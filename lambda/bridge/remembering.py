"""What happens to a memory off the reply path: exchanges are analysed, segments merged and cleaned.

`tend` brings one owner's memory in order. It may be called at any time, twice, or by two at once:
whatever it changes it changes in one step, if the head is still as it was read.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from bridge.conversation import Exchange, SessionKey
from bridge.memory.head import Head, Segment
from bridge.memory.recall import Analysis, StaleSegment, analyse, pack, unpack
from bridge.memory.recall.analysis import Passage
from bridge.memory.recall.ids import segment_ids
from bridge.memory.recall.meaning import vocabulary
from bridge.memory.recall.segments import VERSION
from bridge.memory.recollection import MOST_READ, messages_of
from bridge.memory.refs import Ref, digest, milliseconds, ref_of, refs_of
from bridge.ports import Archive, Clock, Eraser, Rewrite

SEAL_AT = 8
"""Exchanges that wait before they become a segment. Each that waits is read by whoever recalls cold;
each segment is read by whoever recalls at all."""

MERGED = 2
"""Segments are merged while the last one holds at most so many times what joins it: an owner has few
segments, and an exchange is written anew only as often as what it stands in doubles."""

MOST_BYTES = 200_000
"""A segment's size from which on it is not merged any more; an item holds 400 KB."""

MOST_SETTLED = 400
"""Pending exchanges that one step analyses; the next step takes the rest."""

LOST_AFTER = timedelta(hours=1)
"""After so long a name whose exchange is not there stands for one that never was kept."""

TRIES = 5
"""How often a step is tried again where another came first."""

MOST_PACKED = 350_000
"""A segment's size at most: an item holds 400 KB."""

TURNS_END_WITHIN = timedelta(minutes=20)
"""A tombstone is kept for so long: longer than a turn may run that had begun before."""

_LAST_SEQ = 2**53
_DAY = 24 * 3600 * 1000


class Remembering:
    """Tends memories. ``memory_ttl`` is how long an exchange is kept."""

    def __init__(self, archive: Archive, eraser: Eraser, memory_ttl: timedelta, clock: Clock) -> None:
        self._archive = archive
        self._eraser = eraser
        self._memory_ttl = memory_ttl
        self._clock = clock

    def tend(self, owner: str) -> None:
        """Bring a memory in order. Raises where it is changed by others without a pause."""
        lost = 0
        while lost < TRIES:
            head = self._archive.head(owner)
            self._finish_forgetting(owner, head)
            change = self._change(owner, head)
            if change is None:
                return
            if not self._archive.rewrite(owner, change):
                lost += 1
            elif len(head.pending) <= MOST_SETTLED:
                return
        raise RuntimeError("the memory's head was changed by others again and again")

    def _finish_forgetting(self, owner: str, head: Head) -> None:
        # Whoever was to forget a session may have died on the way.
        for tombstone in head.forgetting:
            self._eraser.erase(SessionKey(owner, tombstone.mark), tombstone.until)

    def _change(self, owner: str, head: Head) -> Rewrite | None:
        oldest = milliseconds(self._clock() - self._memory_ttl)
        seal = len(head.pending) >= SEAL_AT
        unclean, read = self._unclean(owner, head, oldest)
        if not seal and not unclean and not head.forgetting:
            return None
        settled, fresh = self._settle(owner, head, seal=seal)
        stay = tuple(segment for segment in head.segments if segment not in unclean)
        stay, tail = _tail(stay, len(settled)) if fresh else (stay, ())
        rewritten = (*unclean, *tail)
        missing = [segment for segment in rewritten if segment.seq not in read]
        packed = {**read, **self._archive.segments(owner, missing)}
        kept = {
            each.id: each
            for each in (*self._unpack(owner, rewritten, packed), *fresh)
            if (ref := Ref.parse(ref_of(each.id))).at > oldest and head.holds(ref)
        }
        new = list(_segments(list(kept.values())))
        lately = milliseconds(self._clock() - TURNS_END_WITHIN)
        return Rewrite(
            head=head,
            # The largest first: those at the end are what the next ones are merged with.
            segments=tuple(sorted((*stay, *(each for each, _ in new)), key=lambda each: -each.exchanges)),
            packed={segment.seq: packed for segment, packed in new},
            settled=frozenset(settled),
            finished=head.forgetting,
            outdated=frozenset(each for each in head.forgotten if each.until < lately),
        )

    def _unclean(
        self, owner: str, head: Head, oldest: int
    ) -> tuple[tuple[Segment, ...], Mapping[int, bytes]]:
        """Return the segments that hold what has to go, or that another version analysed.

        And what was read of the segments to find that out.
        """
        found = [each for each in head.segments if each.version != version() or _due(each, oldest)]
        if not head.forgetting:
            return tuple(found), {}
        read = self._archive.segments(owner, [each for each in head.segments if each not in found])
        found += (
            segment
            for segment in head.segments
            if segment.seq in read
            and not all(map(head.holds, map(Ref.parse, refs_of(segment_ids(read[segment.seq])))))
        )
        return tuple(found), read

    def _settle(self, owner: str, head: Head, *, seal: bool) -> tuple[set[str], list[Analysis]]:
        """Return the names that need not wait any more, and what their exchanges say.

        Where it is too early for a segment, only what was forgotten does not wait.
        """
        if seal:
            return self._analyse_pending(owner, head)
        return {ref for ref in head.pending if not head.holds(Ref.parse(ref))}, []

    def _analyse_pending(self, owner: str, head: Head) -> tuple[set[str], list[Analysis]]:
        """Return the names that need not wait any more, and what their exchanges say."""
        waiting = sorted(head.pending, key=lambda ref: Ref.parse(ref).at)[:MOST_SETTLED]
        found = dict(self._read(owner, waiting))
        lost = milliseconds(self._clock() - LOST_AFTER)
        settled = {
            ref
            for ref in waiting
            if ref in found or Ref.parse(ref).at <= lost or not head.holds(Ref.parse(ref))
        }
        return settled, _analysed(found)

    def _unpack(
        self, owner: str, segments: Iterable[Segment], packed: Mapping[int, bytes]
    ) -> Iterator[Analysis]:
        for segment in segments:
            if segment.seq not in packed:
                continue  # past its time, and taken away with it
            try:
                yield from unpack(packed[segment.seq])
            except StaleSegment:
                refs = dict.fromkeys(refs_of(segment_ids(packed[segment.seq])))
                yield from _analysed(dict(self._read(owner, list(refs))))

    def _read(self, owner: str, refs: Sequence[str]) -> Iterator[tuple[str, Exchange]]:
        for start in range(0, len(refs), MOST_READ):
            yield from self._archive.exchanges(owner, refs[start : start + MOST_READ]).items()


def _analysed(exchanges: Mapping[str, Exchange]) -> list[Analysis]:
    in_time = sorted(exchanges, key=lambda ref: (exchanges[ref].at, exchanges[ref].turn))
    return [analyse(message) for ref in in_time for message in messages_of(ref, exchanges[ref])]


def _tail(segments: tuple[Segment, ...], joining: int) -> tuple[tuple[Segment, ...], tuple[Segment, ...]]:
    """Return the segments that stay as they are, and those that what is new is merged with."""
    cut = len(segments)
    size = 0
    while cut:
        last = segments[cut - 1]
        size += last.size
        if last.exchanges > MERGED * joining or size > MOST_BYTES:
            break
        joining += last.exchanges
        cut -= 1
    return segments[:cut], segments[cut:]


def _due(segment: Segment, oldest: int) -> bool:
    """Tell whether enough of a segment is past its time for it to be written anew: an eighth, or a day's.

    Else someone who speaks every day would have all of it written anew with every turn. Nobody is told
    what is past its time meanwhile, since its text is gone.
    """
    patience = min((segment.newest - segment.oldest) // 8, _DAY)
    return segment.oldest + patience <= oldest


def _segments(analyses: list[Analysis]) -> Iterator[tuple[Segment, bytes]]:
    """Pack what is kept into segments that fit an item, an exchange in one piece."""
    if not analyses:
        return
    packed = pack(analyses)
    if len(packed) <= MOST_PACKED:
        yield _named(analyses, packed)
        return
    refs = list(dict.fromkeys(refs_of(each.id for each in analyses)))
    if len(refs) == 1:  # thousands of words that are none: what comes first has to do
        yield from _segments([replace(each, passages=_half(each.passages)) for each in analyses])
        return
    first = set(refs[: len(refs) // 2])
    yield from _segments([each for each in analyses if ref_of(each.id) in first])
    yield from _segments([each for each in analyses if ref_of(each.id) not in first])


def _half(passages: tuple[Passage, ...]) -> tuple[Passage, ...]:
    return passages[: -(-len(passages) // 2)] if len(passages) > 1 else ()


def _named(analyses: list[Analysis], packed: bytes) -> tuple[Segment, bytes]:
    refs = dict.fromkeys(refs_of(each.id for each in analyses))
    times = [Ref.parse(ref).at for ref in refs]
    segment = Segment(
        seq=random.randrange(1, _LAST_SEQ),  # noqa: S311 - two that write at once must not meet
        exchanges=len(refs),
        digest=digest(refs),
        size=len(packed),
        oldest=min(times),
        newest=max(times),
        version=version(),
    )
    return segment, packed


def version() -> int:
    """Return what analyses messages here: the recall's own version, and that of its vocabulary."""
    return VERSION << 32 | vocabulary().checksum
