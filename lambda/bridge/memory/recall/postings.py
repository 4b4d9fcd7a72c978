"""Who said which term where: the inverted index over all messages that were taken in."""

from __future__ import annotations

import math
from bisect import bisect
from collections.abc import Iterable, Sequence
from itertools import accumulate, groupby, islice

from bridge.memory.recall import dates
from bridge.memory.recall.analysis import ASKED, Analysis
from bridge.memory.recall.chains import NOWHERE, Chains
from bridge.memory.recall.meaning import vocabulary
from bridge.memory.recall.order import local_microseconds, offset_microseconds, turn
from bridge.memory.recall.segments import Segment

SAID_ON = 0.5
"""How much the day on which a message was said counts, beside a day that it speaks of."""

_MICROSECONDS_A_DAY = 86_400_000_000
_FIRST_DAY = 719_163
"""The number of 1 January 1970 among all days, as `date.fromordinal` has it."""


class Postings:
    """Messages and their passages, numbered as they come; only ever added to."""

    def __init__(self) -> None:
        self.chains = Chains()
        self.numbers: dict[str, int] = {}
        """The number of each message, by its id."""
        self.ids: list[str] = []
        self.at: list[int] = []
        """When a message was said, in microseconds since 1970 began in UTC."""
        self.newest: tuple[int, int] = (-(1 << 63), 1)
        """The newest message's moment and day."""
        self.speakers: dict[str, int] = {}
        self.message: list[int] = []
        self.session: list[int] = []
        self.speaker: list[int] = []
        self._first: list[int] = [0]
        self._starts: list[int] = []
        self._sessions: dict[str, int] = {}
        self._days: dict[int, list[int]] = {}
        self._mentioned: dict[str, list[int]] = {}
        self._terms: dict[str, dict[int, int]] = {}
        self._stated: list[Sequence[str] | None] = []
        self._known: dict[int, list[int]] = {}
        self._segments: list[tuple[Segment, list[int]]] = []
        """What was loaded, with the numbers that its passages have here; NOWHERE if they were here before."""
        self._bases: list[int] = []
        """The first number of each segment's passages."""
        self._decoded: dict[str, int] = {}
        """Of how many segments a term's postings are in ``_terms`` already."""

    def __len__(self) -> int:
        return len(self.message)

    def add(self, analysis: Analysis) -> None:
        """Take in one message that is not there yet."""
        session = self._sessions.setdefault(analysis.session_id, len(self._sessions))
        speaker = self.speakers.setdefault(analysis.speaker, len(self.speakers))
        first, parts = len(self.message), analysis.passages
        number = self.numbers[analysis.id] = len(self.ids)
        self.ids.append(analysis.id)
        self._first.append(first + len(parts))
        self.message += [number] * len(parts)
        self.session += [session] * len(parts)
        self.speaker += [speaker] * len(parts)
        self._say([local_microseconds(analysis.at)], [offset_microseconds(analysis.at)], number)
        self.chains.append(
            (part.traits for part in parts),
            (sum(count % ASKED for count in part.counts.values()) for part in parts),
            (sum(count // ASKED for count in part.counts.values()) for part in parts),
        )
        for passage, part in enumerate(parts, first):
            self._stated.append(tuple(part.counts))
            self._starts.append(part.start)
            self._starts.append(part.end)
            for term, count in part.counts.items():
                if (found := self._terms.get(term)) is None:
                    self._terms[term] = {passage: count}
                else:
                    found[passage] = count
            self._mention(part.dates, (passage,))
        self.chains.insert(session, number, self._place, self.passages_of)

    def load(self, segment: Segment) -> None:
        """Take in those of a segment's messages that are not there yet."""
        fresh = [number for number, id_ in enumerate(segment.ids) if id_ not in self.numbers]
        if not fresh:
            return
        known = [name in self._sessions for name in segment.sessions]
        numbers = [self._sessions.setdefault(name, len(self._sessions)) for name in segment.sessions]
        speakers = [self.speakers.setdefault(name, len(self.speakers)) for name in segment.speakers]
        first, base = len(self.ids), len(self.message)
        # Passages of a segment are numbered on through it; here those of the fresh messages alone are.
        starts = list(accumulate(segment.passages, initial=0))
        kept = [passage for n in fresh for passage in range(starts[n], starts[n + 1])]
        globals_ = [NOWHERE] * starts[-1]
        for number, passage in enumerate(kept, base):
            globals_[passage] = number
        self.ids += [segment.ids[n] for n in fresh]
        self.numbers.update(zip(self.ids[first:], range(first, len(self.ids)), strict=True))
        sizes = [segment.passages[n] for n in fresh]
        self._first += islice(accumulate(sizes, initial=base), 1, None)
        self.message += [message for message, size in enumerate(sizes, first) for _ in range(size)]
        self.session += [numbers[segment.session[n]] for n in fresh for _ in range(segment.passages[n])]
        self.speaker += [speakers[segment.speaker[n]] for n in fresh for _ in range(segment.passages[n])]
        self._say([segment.times[n] for n in fresh], [segment.zones[segment.zone[n]] for n in fresh], first)
        for n in fresh:
            start = 0
            for passage in range(starts[n], starts[n + 1]):
                end = start + segment.sizes[passage]
                self._starts += (start, end)
                start = end
        self._append(segment, kept)
        for session, group in groupby(enumerate(fresh, first), key=lambda each: segment.session[each[1]]):
            messages = [message for message, _ in group]
            if known[session]:
                for message in messages:
                    self.chains.insert(numbers[session], message, self._place, self.passages_of)
            else:
                passages = range(self._first[messages[0]], self._first[messages[-1] + 1])
                self.chains.begin(numbers[session], messages, passages)
        for date, speaking in segment.dates():
            self._mention((date,), [globals_[each] for each in speaking if globals_[each] >= 0])
        self._segments.append((segment, globals_))
        self._bases.append(base)

    def postings(self, term: str) -> dict[int, int]:
        """Return the passages that hold ``term``, with its count in each."""
        found = self._terms.get(term)
        decoded = self._decoded.get(term, 0)
        if decoded == len(self._segments):
            return found or {}
        found = {} if found is None else found
        for segment, globals_ in self._segments[decoded:]:
            for passage, count in segment.postings(term):
                if (number := globals_[passage]) >= 0:
                    found[number] = count
        self._decoded[term] = len(self._segments)
        if found:
            self._terms[term] = found
        return found

    def telling(self, found: int) -> float:
        """Return how much a term tells that so many passages have.

        It is BM25's inverse document frequency in the form that is never negative.
        """
        passages = len(self.message)
        return math.log(1 + (passages - found + 0.5) / (found + 0.5))

    def stated(self, passage: int) -> Sequence[str]:
        """Return the terms of a passage."""
        terms = self._stated[passage]
        if terms is None:
            segment, globals_ = self._segments[bisect(self._bases, passage) - 1]
            for number, each in zip(globals_, segment.stated(), strict=True):
                if number >= 0:
                    self._stated[number] = each
            terms = self._stated[passage]
        return terms or ()

    def known(self, passage: int) -> Sequence[int]:
        """Return the numbers, in the vocabulary, of those of a passage's terms that it has."""
        found = self._known.get(passage)
        if found is None:
            numbers = vocabulary().numbers
            found = self._known[passage] = [numbers[term] for term in self.stated(passage) if term in numbers]
        return found

    def dated(self, asked: Iterable[str]) -> Iterable[tuple[str, dict[int, float]]]:
        """Return for each date that is asked for the passages said then (SAID_ON) or speaking of it (1)."""
        for term in asked:
            found: dict[int, float] = {}
            for day, passages in self._days.items():
                if term in dates.of(day):
                    found.update(dict.fromkeys(passages, SAID_ON))
            found.update(dict.fromkeys(self._mentioned.get(term, ()), 1.0))
            yield term, found

    def place_of(self, passage: int) -> tuple[int, int]:
        """Return where a passage begins and ends in its message's text, in characters."""
        return self._starts[2 * passage], self._starts[2 * passage + 1]

    def first_of(self, passage: int) -> int:
        """Return the first passage of the message that a passage is part of."""
        return self._first[self.message[passage]]

    def passages_of(self, message: int) -> range:
        """Return a message's passages."""
        return range(self._first[message], self._first[message + 1])

    def _say(self, times: Sequence[int], zones: Sequence[int | None], first: int) -> None:
        """Note when messages were said, whose numbers begin at ``first`` and whose passages are known."""
        starts = self._first
        for message, (local, zone) in enumerate(zip(times, zones, strict=True), first):
            at, day = local - (zone or 0), local // _MICROSECONDS_A_DAY + _FIRST_DAY
            self.at.append(at)
            if at >= self.newest[0]:
                self.newest = max(self.newest, (at, day))
            if (found := self._days.get(day)) is None:
                found = self._days[day] = []
            found += range(starts[message], starts[message + 1])

    def _append(self, segment: Segment, kept: list[int]) -> None:
        columns = (segment.traits, segment.told, segment.asked)
        if len(kept) < len(segment.traits):
            columns = tuple([column[each] for each in kept] for column in columns)  # type: ignore[assignment]
        self.chains.append(*columns)
        self._stated += [None] * len(kept)

    def _mention(self, mentioned: Iterable[str], passages: Iterable[int]) -> None:
        for date in mentioned:
            for term in dates.implied(date):
                self._mentioned.setdefault(term, []).extend(passages)

    def _place(self, message: int) -> tuple[object, ...]:
        id_ = self.ids[message]
        return self.at[message], turn(id_), id_
