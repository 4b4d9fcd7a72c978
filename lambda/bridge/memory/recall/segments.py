"""Analysed messages as bytes and back, so that what was worked out once need not be again.

A segment is an inverted file, which is searched as it lies: it has for each term the passages that hold
it, and a term's are decoded when it is first asked for. Terms of the vocabulary of `meaning` are numbers
there, others are spelled. Deterministic: the same messages give the same bytes, in whatever order they
come; they are kept by session, in the order in which they were said.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, pairwise
from lzma import LZMAError
from typing import Any

from bridge.memory.recall.analysis import ASKED, Analysis, Passage
from bridge.memory.recall.columns import Columns
from bridge.memory.recall.ids import compress, cut, decompress, join, pack_ids, unpack_ids
from bridge.memory.recall.meaning import vocabulary
from bridge.memory.recall.order import local_microseconds, moment, offset_microseconds, turn

VERSION = 5
"""Of the format and of the analysis: whatever changes terms, dates or traits makes segments stale."""


class StaleSegment(ValueError):
    """The segment was written by another version: its messages have to be analysed again."""


def pack(analyses: Iterable[Analysis]) -> bytes:
    """Return a segment that holds ``analyses``; of those with one id the first."""
    once: dict[str, Analysis] = {}
    for each in analyses:
        once.setdefault(each.id, each)
    rows = sorted(once.values(), key=_place)
    passages = [passage for each in rows for passage in each.passages]
    known = vocabulary()
    terms: dict[str, list[tuple[int, int]]] = {}
    spoken_of: dict[str, list[int]] = {}
    for number, passage in enumerate(passages):
        for term, count in passage.counts.items():
            terms.setdefault(term, []).append((number, count))
        for date in passage.dates:
            spoken_of.setdefault(date, []).append(number)
    numbered = sorted(known.numbers[term] for term in terms.keys() & known.numbers.keys())
    spelled = sorted(terms.keys() - known.numbers.keys())
    postings = [terms[term] for term in (*map(known.terms.__getitem__, numbered), *spelled)]
    counts = Counter(count for found in postings for _, count in found)
    kinds = sorted(counts, key=lambda count: (-counts[count], count))
    kind = {count: number for number, count in enumerate(kinds)}
    zones = sorted({offset_microseconds(each.at) for each in rows}, key=lambda zone: (zone is not None, zone))
    speakers = sorted({each.speaker for each in rows})
    packed_ids = pack_ids([each.id for each in rows], [each.session_id for each in rows])
    times = [
        local_microseconds(each.at) - 1000 * time
        for each, time in zip(rows, unpack_ids(packed_ids)[3], strict=True)
    ]
    unit = math.gcd(*times) or 1
    columns = Columns()
    columns.write(len(each.passages) for each in rows)
    columns.write_steps(time // unit for time in times)
    columns.write(zones.index(offset_microseconds(each.at)) for each in rows)
    columns.write(speakers.index(each.speaker) for each in rows)
    columns.write(passage.traits for passage in passages)
    columns.write(passage.end - passage.start for passage in passages)
    columns.write(sum(count % ASKED for count in passage.counts.values()) for passage in passages)
    columns.write(sum(count // ASKED for count in passage.counts.values()) for passage in passages)
    columns.write_rising(numbered)
    _write_lists(columns, [[number for number, _ in found] for found in postings], len(passages))
    columns.write(kind[count] for found in postings for _, count in found)
    dates = sorted(spoken_of)
    _write_lists(columns, [spoken_of[date] for date in dates], len(passages))
    rest = compress([unit, zones, speakers, kinds, spelled, dates], columns)
    return join(VERSION, known.checksum, packed_ids, rest)


def unpack(segment: bytes) -> list[Analysis]:
    """Return what ``pack`` was given, by session in the order of time.

    Raises StaleSegment where another version packed it.
    """
    read = Segment(segment)
    counts: list[dict[str, int]] = [{} for _ in read.traits]
    for term in read.terms:
        for passage, count in read.postings(term):
            counts[passage][term] = count
    dates: list[list[str]] = [[] for _ in read.traits]
    for date, passages in read.dates():
        for passage in passages:
            dates[passage].append(date)
    analyses, at = [], 0
    for number, id_ in enumerate(read.ids):
        parts, start = [], 0
        for passage in range(at, at + read.passages[number]):
            end = start + read.sizes[passage]
            traits = read.traits[passage]
            parts.append(Passage(counts[passage], tuple(dates[passage]), traits, start, end))
            start = end
        at += read.passages[number]
        session, speaker = read.sessions[read.session[number]], read.speakers[read.speaker[number]]
        when = moment(read.times[number], read.zones[read.zone[number]])
        analyses.append(Analysis(id_, session, when, speaker, tuple(parts)))
    return analyses


class Segment:
    """A segment, read as far as searching it needs. Raises StaleSegment where another version packed it.

    ``sessions``, ``speakers`` and ``zones`` (microseconds before UTC, or None) are lists that ``session``,
    ``speaker`` and ``zone`` point into, for each message; ``times`` are microseconds of the local clock.
    ``traits``, ``sizes`` (in characters), ``told`` and ``asked`` (in terms) are of each passage.
    """

    def __init__(self, segment: bytes) -> None:
        known = vocabulary()
        try:
            version, checksum, packed_ids, rest = cut(segment)
            if (version, checksum) != (VERSION, known.checksum):
                raise StaleSegment(f"version {version}, where {VERSION} is read, or another vocabulary")
            self.ids, self.sessions, self.session, bases = unpack_ids(packed_ids)
            meta, columns = decompress(rest)
        except (LZMAError, ValueError) as error:
            if isinstance(error, StaleSegment):
                raise
            raise StaleSegment("no segment, or a damaged one") from error
        unit, self.zones, self.speakers, self._kinds, spelled, self._dates = meta
        self.passages = columns.read()
        self.times = [
            step * unit + 1000 * base for step, base in zip(columns.read_steps(), bases, strict=True)
        ]
        self.zone = columns.read()
        self.speaker = columns.read()
        self.traits = columns.read()
        self.sizes = columns.read()
        self.told = columns.read()
        self.asked = columns.read()
        self.terms: list[str] = [*map(known.terms.__getitem__, columns.read_rising()), *spelled]
        self._number = dict(zip(self.terms, range(len(self.terms)), strict=True))
        self._starts, self._found = _read_lists(columns)
        self._counts = columns.read()
        self._date_starts, self._dated = _read_lists(columns)

    def postings(self, term: str) -> Iterator[tuple[int, int]]:
        """Return the passages that hold ``term``, with its count in each."""
        number = self._number.get(term)
        if number is None:
            return iter(())
        start, end = self._starts[number : number + 2]
        base = number * len(self.traits)
        passages = [found - base for found in self._found[start:end]]
        return zip(passages, map(self._kinds.__getitem__, self._counts[start:end]), strict=True)

    def stated(self) -> list[list[str]]:
        """Return the terms of each passage."""
        stated: list[list[str]] = [[] for _ in self.traits]
        base = 0
        for term, (start, end) in zip(self.terms, pairwise(self._starts), strict=True):
            for found in self._found[start:end]:
                stated[found - base].append(term)
            base += len(self.traits)
        return stated

    def dates(self) -> Iterator[tuple[str, list[int]]]:
        """Return the dates that are spoken of, each with the passages that do."""
        for number, (start, end) in enumerate(pairwise(self._date_starts)):
            base = number * len(self.traits)
            yield self._dates[number], [found - base for found in self._dated[start:end]]


def _place(analysis: Analysis) -> Any:
    at = local_microseconds(analysis.at) - (offset_microseconds(analysis.at) or 0)
    return analysis.session_id, at, turn(analysis.id), analysis.id


def _write_lists(columns: Columns, lists: Sequence[Sequence[int]], below: int) -> None:
    """Append lists of rising numbers ``below`` a bound as one: each list's numbers that much higher."""
    columns.write(map(len, lists))
    columns.write_rising(number * below + each for number, list_ in enumerate(lists) for each in list_)


def _read_lists(columns: Columns) -> tuple[list[int], list[int]]:
    """Return where each list begins and ends, and all numbers as they were written."""
    return list(accumulate(columns.read(), initial=0)), columns.read_rising()
