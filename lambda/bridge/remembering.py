"""What happens to a memory off the reply path: exchanges are analysed, segments merged and cleaned.

`tend` brings one owner's memory in order. It may be called at any time, twice, or by two at once:
whatever it changes it changes in one step, if the head is still as it was read.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta

from bridge.conversation import Exchange, SessionKey
from bridge.memory.head import Head, Segment
from bridge.memory.recall import Analysis, StaleSegment, analyse, pack, unpack
from bridge.memory.recall.ids import segment_ids
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

_LAST_SEQ = 2**53


class Remembering:
    """Tends memories. ``memory_ttl`` is how long an exchange is kept."""

    def __init__(self, archive: Archive, eraser: Eraser, memory_ttl: timedelta, clock: Clock) -> None:
        self._archive = archive
        self._eraser = eraser
        self._memory_ttl = memory_ttl
        self._clock = clock

    def tend(self, owner: str) -> None:
        """Bring a memory in order. Raises where it is changed by others without a pause."""
        for _ in range(TRIES):
            head = self._archive.head(owner)
            self._finish_forgetting(owner, head)
            change = self._change(owner, head)
            if change is None:
                return
            if self._archive.rewrite(owner, change) and len(head.pending) <= MOST_SETTLED:
                return
        raise RuntimeError("the memory's head was changed by others again and again")

    def _finish_forgetting(self, owner: str, head: Head) -> None:
        # Whoever was to forget a session may have died on the way.
        for name, until in head.forgotten.items():
            self._eraser.erase(SessionKey(owner, name), until)

    def _change(self, owner: str, head: Head) -> Rewrite | None:
        oldest = milliseconds(self._clock() - self._memory_ttl)
        clean = bool(head.forgotten) or any(
            segment.oldest <= oldest or segment.version != VERSION for segment in head.segments
        )
        if not clean and len(head.pending) < SEAL_AT:
            return None
        settled, fresh = self._analyse_pending(owner, head)
        stay, rewritten = ((), head.segments) if clean else _tail(head.segments, len(settled))
        old = self._archive.segments(owner, rewritten)
        kept = {
            each.id: each
            for each in (*self._unpack(owner, rewritten, old), *fresh)
            if (ref := Ref.parse(ref_of(each.id))).at > oldest and head.holds(ref)
        }
        new = [_segment(part) for part in _parts(kept.values())]
        return Rewrite(
            head=head,
            segments=(*stay, *(segment for segment, _ in new)),
            packed={segment.seq: packed for segment, packed in new},
            settled=frozenset(settled),
            forgotten=head.forgotten,
        )

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


def _parts(analyses: Iterable[Analysis]) -> Iterator[list[Analysis]]:
    """Cut what is kept into parts whose segments stay small enough for an item, an exchange in one piece."""
    part: list[Analysis] = []
    size = 0
    for each in analyses:
        if size > MOST_BYTES and ref_of(part[-1].id) != ref_of(each.id):
            yield part
            part, size = [], 0
        part.append(each)
        size += _likely_bytes(each)
    if part:
        yield part


def _likely_bytes(analysis: Analysis) -> int:
    """Return more than what an analysed message takes in a segment: three bytes for each of its terms."""
    return 30 + 3 * sum(len(passage.counts) for passage in analysis.passages)


def _segment(analyses: list[Analysis]) -> tuple[Segment, bytes]:
    packed = pack(analyses)
    refs = dict.fromkeys(refs_of(each.id for each in analyses))
    times = [Ref.parse(ref).at for ref in refs]
    segment = Segment(
        seq=random.randrange(1, _LAST_SEQ),  # noqa: S311 - two that write at once must not meet
        exchanges=len(refs),
        digest=digest(refs),
        size=len(packed),
        oldest=min(times),
        newest=max(times),
        version=VERSION,
    )
    return segment, packed
