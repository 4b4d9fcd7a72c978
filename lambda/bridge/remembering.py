"""What happens to a memory off the reply path: exchanges are analysed, segments merged and cleaned.

`tend` brings one owner's memory in order. It may be called at any time, twice, or by two at once:
whatever it changes it changes in one step, if the head is still as it was read.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import chain
from typing import NamedTuple

from bridge.conversation import Exchange
from bridge.erasure import Erasure, outdated
from bridge.memory.head import Head, Segment
from bridge.memory.named import names_in
from bridge.memory.recall import Analysis, analyse, pack, unpack
from bridge.memory.recall.analysis import Passage
from bridge.memory.recall.meaning import vocabulary
from bridge.memory.recall.segments import VERSION
from bridge.memory.recollection import MOST_READ, messages_of
from bridge.memory.refs import Ref, digest, is_silent, message_id, milliseconds, ref_of, refs_of
from bridge.ports.memory import Archive, Eraser, Pause, Rewrite, never
from bridge.ports.speaking import Clock

Lost = Callable[[int, int], None]
"""Hears of so many segments that could not be read, and of how many exchanges they named."""

TakenIn = Callable[[Sequence[str]], None]
"""Hears of the requests whose exchanges were taken into a memory's segments."""

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

_LAST_SEQ = 2**53
_DAY = 24 * 3600 * 1000


def _unheard(*_: object) -> None:
    """Tell nobody."""


class _Change(NamedTuple):
    """A change of a memory, and the segments that could not be read: what they named is lost to it.

    ``taken_in`` are the requests whose exchanges come into a segment for the first time.
    """

    rewrite: Rewrite
    lost: tuple[Segment, ...]
    taken_in: tuple[str, ...]


class Remembering:
    """Tends memories. ``memory_ttl`` is how long an exchange is kept.

    ``lost`` is told how many segments could not be read, and how many exchanges they named, which stay
    where they are and are not recalled any more; ``taken_in`` of whose exchanges a segment was made.
    """

    def __init__(
        self,
        archive: Archive,
        eraser: Eraser,
        memory_ttl: timedelta,
        clock: Clock,
        lost: Lost = _unheard,
        taken_in: TakenIn = _unheard,
    ) -> None:
        self._archive = archive
        self._erasure = Erasure(archive, eraser)
        self._memory_ttl = memory_ttl
        self._clock = clock
        self._lost = lost
        self._taken_in = taken_in

    def tend(self, owner: str, *, removed: bool = False, pause: Pause = never) -> int:
        """Bring a memory in order; return how many exchanges were erased on that way.

        ``removed`` tells that exchanges were taken away at the end of their time: nobody else may come by
        who would take their words away. Raises where the memory is changed by others without a pause.
        """
        beaten = erased = 0
        while beaten < TRIES:
            head = self._archive.head(owner)
            erased += self._erasure.finish(owner, head, pause)
            change = self._change(owner, head, removed=removed)
            if change is None:
                return erased
            if not self._archive.rewrite(owner, change.rewrite):
                beaten += 1
                continue
            if change.lost:
                self._lost(len(change.lost), sum(segment.exchanges for segment in change.lost))
            if change.taken_in:
                self._taken_in(change.taken_in)
            if len(head.pending) <= MOST_SETTLED:
                return erased
        raise RuntimeError("the memory's head was changed by others again and again")

    def _change(self, owner: str, head: Head, *, removed: bool) -> _Change | None:
        oldest = milliseconds(self._clock() - self._memory_ttl)
        seal = len(head.pending) >= SEAL_AT
        gone = {ref for ref in head.pending if not _stays(head, Ref.parse(ref), oldest)}
        unclean, read = self._unclean(owner, head, oldest, removed=removed)
        if not seal and not unclean and not gone and not head.forgetting:
            return None
        settled, found = self._read_pending(owner, head) if seal else (set[str](), dict[str, Exchange]())
        fresh = _analysed(found)
        stay = tuple(segment for segment in head.segments if segment not in unclean)
        stay, tail = _tail(stay, len(settled)) if fresh else (stay, ())
        rewritten = [each for each in (*unclean, *tail) if _stays_partly(head, each, oldest)]
        missing = [segment for segment in rewritten if segment.seq not in read]
        packed = {**read, **self._archive.segments(owner, missing)}
        unpacked = {segment: self._unpack(owner, packed.get(segment.seq)) for segment in rewritten}
        kept = {
            each.id: each
            for each in (*chain.from_iterable(filter(None, unpacked.values())), *fresh)
            if _stays(head, Ref.parse(ref_of(each.id)), oldest)
        }
        new = list(_segments(list(kept.values())))
        rewrite = Rewrite(
            head=head,
            # The largest first: those at the end are what the next ones are merged with.
            segments=tuple(sorted((*stay, *(each for each, _ in new)), key=lambda each: -each.exchanges)),
            packed={segment.seq: packed for segment, packed in new},
            settled=frozenset(settled | gone),
            finished=head.forgetting,
            outdated=outdated(head.forgotten, self._clock()),
            sweeps=removed,
        )
        lost = tuple(segment for segment, analyses in unpacked.items() if analyses is None)
        held = set(map(ref_of, kept))
        return _Change(rewrite, lost, tuple(found[ref].request_id for ref in found if ref in held))

    def _unclean(
        self, owner: str, head: Head, oldest: int, *, removed: bool
    ) -> tuple[tuple[Segment, ...], Mapping[int, bytes]]:
        """Return the segments that hold what has to go, or that another version analysed.

        And what was read of the segments to find that out.
        """
        found = [each for each in head.segments if each.version != version() or _due(each, oldest)]
        rest = [each for each in head.segments if each not in found]
        if not head.forgetting:  # what is past its time may have come to light
            rest = [each for each in rest if removed and each.oldest <= oldest]
        doubtful = [each for each in rest if _stays_partly(head, each, oldest)]
        read = self._archive.segments(owner, doubtful) if doubtful else {}
        for segment in rest:
            refs = names_in(read.get(segment.seq, b""))
            if (
                refs is None
                or not all(head.holds(ref) for ref in refs)
                or (removed and _alone(segment, [ref.at for ref in refs], oldest))
            ):
                found.append(segment)
        return tuple(found), read

    def _read_pending(self, owner: str, head: Head) -> tuple[set[str], dict[str, Exchange]]:
        """Return the names that need not wait any more, and their exchanges."""
        waiting = sorted(head.pending, key=lambda ref: Ref.parse(ref).at)[:MOST_SETTLED]
        found = dict(self._read(owner, waiting))
        lost = milliseconds(self._clock() - LOST_AFTER)
        settled = {ref for ref in waiting if ref in found or Ref.parse(ref).at <= lost}
        return settled, found

    def _unpack(self, owner: str, packed: bytes | None) -> list[Analysis] | None:
        """Return what a segment holds; None where not even its names can be read."""
        refs = names_in(packed or b"")
        if packed is None or refs is None:
            return None
        try:
            return unpack(packed)
        except Exception:  # noqa: BLE001 - whatever these bytes are, they are no segment of this version
            return _analysed(dict(self._read(owner, list(map(str, refs)))))

    def _read(self, owner: str, refs: Sequence[str]) -> Iterator[tuple[str, Exchange]]:
        for start in range(0, len(refs), MOST_READ):
            yield from self._archive.exchanges(owner, refs[start : start + MOST_READ]).items()


def _analysed(exchanges: Mapping[str, Exchange]) -> list[Analysis]:
    in_time = sorted(exchanges, key=lambda ref: (exchanges[ref].at, exchanges[ref].turn))
    return [analysis for ref in in_time for analysis in _analyses_of(ref, exchanges[ref])]


def _analyses_of(ref: str, exchange: Exchange) -> list[Analysis]:
    if is_silent(ref):  # in a segment only so that it can be found by whoever forgets
        return [Analysis(message_id(ref, "user"), Ref.parse(ref).session, exchange.at, "user", ())]
    return [analyse(message) for message in messages_of(ref, exchange)]


def _stays(head: Head, ref: Ref, oldest: int) -> bool:
    return ref.at > oldest and head.holds(ref)


def _stays_partly(head: Head, segment: Segment, oldest: int) -> bool:
    """Tell whether a segment may hold anything that stays, by its newest exchange."""
    return segment.newest > max(oldest, head.forgot_everything)


def _alone(segment: Segment, times: Iterable[int], oldest: int) -> bool:
    """Tell whether what is past its time goes now or never: nothing goes after it while it may wait."""
    return segment.oldest <= oldest and not any(oldest < at <= _patience_ends(segment) for at in times)


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
    return _patience_ends(segment) <= oldest


def _patience_ends(segment: Segment) -> int:
    return segment.oldest + min((segment.newest - segment.oldest) // 8, _DAY)


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
