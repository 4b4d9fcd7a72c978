"""How passages stand beside each other, and how much of a term each has with its neighbours' shares.

Answers seldom repeat what was asked, so a passage borrows its neighbours' terms in its session. All is
in tenths of what a passage says itself, so that sums are exact in whatever order they come.
"""

from __future__ import annotations

import itertools
from bisect import bisect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

from bridge.memory.recall.analysis import ASKED, ASKS

NOWHERE = -1


@dataclass(slots=True)
class Shares:
    """What a term lends, in tenths: where it stands in a statement, and where in a question.

    A question is about its terms, but the answer has what is looked for.
    """

    own: tuple[int, int] = (10, 5)
    to_next: tuple[int, int] = (5, 10)
    to_previous: tuple[int, int] = (3, 0)
    to_second_next: tuple[int, int] = (3, 3)
    to_second_next_if_asked: tuple[int, int] = (5, 5)
    """Where the passage between asks: what follows goes on with this one."""
    to_second_previous: tuple[int, int] = (1, 1)

    def of(self, count: int) -> tuple[int, ...]:
        """Return what a term of this count lends, in the order of the fields."""
        asked, told = divmod(count, ASKED)
        return tuple(
            share[0] * told + share[1] * asked
            for share in (getattr(self, each.name) for each in fields(self))
        )


SHARES = Shares()


class Chains:
    """Passages, numbered as they come, linked by session."""

    def __init__(self) -> None:
        self.traits: list[int] = []
        self.told: list[int] = []
        self.asked: list[int] = []
        self.length: list[int] = []
        """A passage's terms and its share of its neighbours', in tenths."""
        self.total_length = 0
        self._before: list[int] = []
        self._after: list[int] = []
        self._sessions: dict[int, list[int]] = {}
        self._shares: dict[int, tuple[int, ...]] = {}

    def append(self, traits: Iterable[int], told: Iterable[int], asked: Iterable[int]) -> None:
        """Take in the passages of one or more messages, which are not linked yet."""
        known = len(self.traits)
        self.traits += traits
        self.told += told
        self.asked += asked
        new = len(self.traits) - known
        self.length += [0] * new
        self._before += [NOWHERE] * new
        self._after += [NOWHERE] * new

    def begin(self, session: int, messages: Sequence[int], passages: range) -> None:
        """Link a session that is new: its messages, and their passages, in order."""
        self._sessions[session] = list(messages)
        before, after = self._before, self._after
        start, stop = passages.start, passages.stop
        before[start:stop] = [NOWHERE, *range(start, stop - 1)]
        after[start:stop] = [*range(start + 1, stop), NOWHERE]
        for passage in passages:
            self._measure(passage)

    def insert(
        self, session: int, message: int, place: Callable[[int], Any], passages_of: Callable[[int], range]
    ) -> None:
        """Link one more message into its session. ``place`` is what a session's messages are ordered by."""
        messages = self._sessions.setdefault(session, [])
        at = bisect(messages, place(message), key=place) if messages else 0
        previous = passages_of(messages[at - 1])[-1] if at else NOWHERE
        following = passages_of(messages[at])[0] if at < len(messages) else NOWHERE
        messages.insert(at, message)
        chain = [previous, *passages_of(message), following]
        for one, other in itertools.pairwise(chain):
            if one != NOWHERE:
                self._after[one] = other
            if other != NOWHERE:
                self._before[other] = one
        if previous != NOWHERE:
            chain.append(self._before[previous])
        if following != NOWHERE:
            chain.append(self._after[following])
        for passage in chain:
            if passage != NOWHERE:
                self._measure(passage)

    def before(self, passage: int) -> int:
        """Return the passage before this one in its session, or NOWHERE."""
        return self._before[passage]

    def spread(self, postings: dict[int, int]) -> dict[int, int]:
        """Return passages with how much of a term they have, in tenths, of those that hold it themselves."""
        after, before, traits, shares = self._after, self._before, self.traits, self._shares
        found: dict[int, int] = {}
        get = found.get
        for passage, count in postings.items():
            if (lent := shares.get(count)) is None:
                lent = shares[count] = SHARES.of(count)
            own, to_next, to_previous, to_second, to_second_if_asked, to_second_previous = lent
            found[passage] = get(passage, 0) + own
            if (other := after[passage]) >= 0:
                found[other] = get(other, 0) + to_next
                if (second := after[other]) >= 0:
                    found[second] = get(second, 0) + (
                        to_second_if_asked if traits[other] & ASKS else to_second
                    )
            if (other := before[passage]) >= 0:
                if to_previous:
                    found[other] = get(other, 0) + to_previous
                if (second := before[other]) >= 0:
                    found[second] = get(second, 0) + to_second_previous
        return found

    def _measure(self, passage: int) -> None:
        told, asked, before, after = self.told, self.asked, self._before, self._after
        length = _lent(SHARES.own, told[passage], asked[passage])
        if (other := before[passage]) >= 0:
            length += _lent(SHARES.to_next, told[other], asked[other])
            if (second := before[other]) >= 0:
                asks = self.traits[other] & ASKS
                share = SHARES.to_second_next_if_asked if asks else SHARES.to_second_next
                length += _lent(share, told[second], asked[second])
        if (other := after[passage]) >= 0:
            length += _lent(SHARES.to_previous, told[other], asked[other])
            if (second := after[other]) >= 0:
                length += _lent(SHARES.to_second_previous, told[second], asked[second])
        self.total_length += length - self.length[passage]
        self.length[passage] = length


def _lent(share: tuple[int, int], told: int, asked: int) -> int:
    return share[0] * told + share[1] * asked
