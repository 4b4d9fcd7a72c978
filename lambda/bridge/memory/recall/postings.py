"""Who said which term where: the inverted index, and how messages stand beside each other.

Passages are numbered as they come. Within a session they form a chain in the order of time, so that
one that comes late (from another segment, say) is linked in without touching more than its neighbours.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable
from itertools import pairwise
from types import EllipsisType

from bridge.memory.recall.analysis import ASKS, Analysis, Passage
from bridge.memory.recall.vectors import Vector, vector

NOWHERE = -1

# What a passage lends to its neighbours, in tenths, so that sums are exact in whatever order they come.
# Answers seldom repeat what was asked: without any of it recall@10 falls by 8.5.
OWN = 10
TO_NEXT = 5
TO_NEXT_IF_ASKING = 10
TO_PREVIOUS = 3
TO_SECOND_NEXT = 3
TO_SECOND_PREVIOUS = 1

SAID_ON = 0.5
"""How much the day on which a message was said counts, beside a day that it speaks of."""


class Postings:
    """Passages by term and date, in chains by session. Only ever added to."""

    def __init__(self) -> None:
        self.terms: dict[str, dict[int, int]] = {}
        self.dates: dict[str, dict[int, float]] = defaultdict(dict)
        self.passages: list[Passage] = []
        self.message: list[int] = []
        self.session: list[int] = []
        self.speaker: list[str] = []
        self.traits: list[int] = []
        self.own = array("l")
        """A passage's own terms."""
        self.length = array("l")
        """A passage's terms and its share of its neighbours', in tenths."""
        self.total_length = 0
        self._at: list[float] = []
        self._before = array("l")
        self._after = array("l")
        self._vectors: list[Vector | EllipsisType | None] = []
        self._sessions: dict[str, int] = {}
        self._last: dict[int, int] = defaultdict(lambda: NOWHERE)

    def __len__(self) -> int:
        return len(self.passages)

    def add(self, analysis: Analysis, message: int, at: float, said_on: Iterable[str]) -> None:
        """Take in a message's passages. ``at`` is in seconds; ``said_on`` are the terms of its date."""
        session = self._sessions.setdefault(analysis.session_id, len(self._sessions))
        last = self._last[session]
        place = last
        while place != NOWHERE and self._at[place] > at:
            place = self._before[place]
        first_new = len(self.passages)
        for passage in analysis.passages:
            self._append(passage, message, session, analysis.speaker, at)
            self._date(len(self.passages) - 1, passage, said_on)
        self._link(place, first_new, session)

    def spread(self, term: str) -> dict[int, int]:
        """Return the passages that hold ``term`` or stand beside one, with how much of it, in tenths."""
        after, before, traits = self._after, self._before, self.traits
        found: dict[int, int] = {}
        get = found.get
        for passage, count in self.terms.get(term, {}).items():
            found[passage] = get(passage, 0) + OWN * count
            if (other := after[passage]) >= 0:
                share = TO_NEXT_IF_ASKING if traits[passage] & ASKS else TO_NEXT
                found[other] = get(other, 0) + share * count
                if (other := after[other]) >= 0:
                    found[other] = get(other, 0) + TO_SECOND_NEXT * count
            if (other := before[passage]) >= 0:
                found[other] = get(other, 0) + TO_PREVIOUS * count
                if (other := before[other]) >= 0:
                    found[other] = get(other, 0) + TO_SECOND_PREVIOUS * count
        return found

    def vector(self, passage: int) -> Vector | None:
        """Return what a passage means; worked out when first asked for, and kept."""
        known = self._vectors[passage]
        if known is ...:
            known = self._vectors[passage] = vector(self.passages[passage].counts)
        return known

    def _append(self, passage: Passage, message: int, session: int, speaker: str, at: float) -> None:
        number = len(self.passages)
        self.passages.append(passage)
        self.message.append(message)
        self.session.append(session)
        self.speaker.append(speaker)
        self.traits.append(passage.traits)
        self.own.append(sum(passage.counts.values()))
        self.length.append(0)
        self._at.append(at)
        self._before.append(NOWHERE)
        self._after.append(NOWHERE)
        self._vectors.append(...)
        for term, count in passage.counts.items():
            if (found := self.terms.get(term)) is None:
                self.terms[term] = {number: count}
            else:
                found[number] = count

    def _date(self, number: int, passage: Passage, said_on: Iterable[str]) -> None:
        for term in said_on:
            self.dates[term][number] = SAID_ON
        for term in passage.dates:
            self.dates[term][number] = 1.0

    def _link(self, place: int, first: int, session: int) -> None:
        """Link the passages from ``first`` on into their session's chain, behind ``place``."""
        following = self._after[place] if place != NOWHERE else self._first(session)
        chain = [place, *range(first, len(self.passages)), following]
        for one, other in pairwise(chain):
            if one != NOWHERE:
                self._after[one] = other
            if other != NOWHERE:
                self._before[other] = one
        if following == NOWHERE:
            self._last[session] = len(self.passages) - 1
        if place != NOWHERE:
            chain.append(self._before[place])
        if following != NOWHERE:
            chain.append(self._after[following])
        for passage in chain:
            if passage != NOWHERE:
                self._measure(passage)

    def _first(self, session: int) -> int:
        passage = self._last[session]
        while passage != NOWHERE and self._before[passage] != NOWHERE:
            passage = self._before[passage]
        return passage

    def _measure(self, passage: int) -> None:
        own, before, after = self.own, self._before, self._after
        length = OWN * own[passage]
        if (other := before[passage]) != NOWHERE:
            length += (TO_NEXT_IF_ASKING if self.traits[other] & ASKS else TO_NEXT) * own[other]
            if (other := before[other]) != NOWHERE:
                length += TO_SECOND_NEXT * own[other]
        if (other := after[passage]) != NOWHERE:
            length += TO_PREVIOUS * own[other]
            if (other := after[other]) != NOWHERE:
                length += TO_SECOND_PREVIOUS * own[other]
        self.total_length += length - self.length[passage]
        self.length[passage] = length
