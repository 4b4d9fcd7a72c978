"""The window: the newest exchanges of a session, told to Claude verbatim.

It grows by whole exchanges up to a high mark; at the mark it is cut back to the low one *in one
step*. Between two cuts nothing before the newest exchange changes, so that the provider's prompt
cache goes on hitting; dropping one exchange a turn would lose the cache on every turn.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bridge.conversation import Exchange

LOW_MARK_SHARE = 0.5
"""The low mark as a share of the high one: half, so that a cut buys many turns of cache hits."""


@dataclass(frozen=True, slots=True)
class Window:
    """The exchanges that Claude is told, oldest first, each with its answer."""

    exchanges: tuple[Exchange, ...] = ()

    @classmethod
    def of(cls, exchanges: Iterable[Exchange], limit: int) -> Window:
        """Return the window over a session's exchanges since its last cut, oldest first.

        ``limit`` is the high mark in characters. Failed turns are left out: they have no answer,
        and Claude is told only what it really said. Where even the newest exchange alone is over
        the low mark, it stays while it is under the high one.
        """
        told = tuple(e for e in exchanges if e.answer is not None)
        if sum(e.characters for e in told) <= limit:
            return cls(told)
        low = int(limit * LOW_MARK_SHARE)
        kept = len(told)
        size = 0
        while kept and size + told[kept - 1].characters <= low:
            kept -= 1
            size += told[kept].characters
        if kept == len(told) and told[-1].characters <= limit:
            kept -= 1
        return cls(told[kept:])

    @property
    def characters(self) -> int:
        """Characters of all that is said in the window."""
        return sum(e.characters for e in self.exchanges)

    @property
    def messages(self) -> int:
        """Messages in the window: two for each exchange."""
        return 2 * len(self.exchanges)

    def start(self, next_turn: int) -> int:
        """Return the first turn in the window, or ``next_turn`` where it is empty."""
        return self.exchanges[0].turn if self.exchanges else next_turn
