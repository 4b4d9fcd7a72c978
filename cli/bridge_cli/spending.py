"""Tokens and dollars, as the wire tells them, and their sums: pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

INPUT_KINDS = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
"""The kinds that add up to all that Claude was told."""

KINDS = (*INPUT_KINDS, "output_tokens")

_SMALLEST = 0.0001  # dollars that are shown
_LARGE = 100  # dollars from which on cents will do


@dataclass(frozen=True)
class Cost:
    """Dollars by the environment's prices, and what the same would have cost without the prompt cache.

    `unpriced_turns` is how many turns are in neither: the settings have no price for their model.
    """

    dollars: float = 0
    uncached_dollars: float = 0
    unpriced_turns: int = 0

    @classmethod
    def from_wire(cls, told: dict[str, Any] | None) -> Cost | None:
        """Read a `cost`; None where the bridge knows none."""
        if not told:
            return None
        dollars = float(told["dollars"])
        uncached = told.get("uncached_dollars")
        return cls(
            dollars,
            dollars if uncached is None else float(uncached),
            int(told.get("unpriced_turns") or 0),
        )

    def as_json(self) -> dict[str, float]:
        """Return it as the wire tells it of one turn."""
        return {"dollars": self.dollars, "uncached_dollars": self.uncached_dollars}

    @property
    def saved(self) -> float:
        """What the cache saved; negative where writing to it cost more than reading from it saved."""
        return self.uncached_dollars - self.dollars

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.dollars + other.dollars,
            self.uncached_dollars + other.uncached_dollars,
            self.unpriced_turns + other.unpriced_turns,
        )


@dataclass(frozen=True)
class SummaryUsage:
    """What a session's summaries took; `dollars` is None where their model has no price."""

    input_tokens: int
    output_tokens: int
    dollars: float | None


@dataclass(frozen=True)
class SessionUsage:
    """What a session took. `summary_usage` is told only of a session that was asked for by name."""

    session_id: str
    title: str
    turns: int
    last_updated: str
    usage: dict[str, int] = field(default_factory=dict)
    cost: Cost | None = None
    summary_usage: SummaryUsage | None = None

    @classmethod
    def from_wire(cls, entry: dict[str, Any]) -> SessionUsage:
        """Read an entry of a `usage` frame."""
        summary = entry.get("summary_usage")
        return cls(
            session_id=str(entry["session_id"]),
            title=str(entry.get("title") or ""),
            turns=int(entry.get("turns") or 0),
            last_updated=str(entry.get("last_updated") or ""),
            usage=tokens(entry.get("usage")),
            cost=Cost.from_wire(entry.get("cost")),
            summary_usage=_summary_usage(summary) if summary else None,
        )

    @property
    def is_priced(self) -> bool:
        """Whether anything of it is in the dollars."""
        return self.cost is not None and (self.turns == 0 or self.cost.unpriced_turns < self.turns)

    def as_json(self) -> dict[str, Any]:
        """Return it as the wire tells it, with the cache's share of the input."""
        return vars(self) | {
            "cost": vars(self.cost) if self.cost else None,
            "summary_usage": vars(self.summary_usage) if self.summary_usage else None,
            "cache_share": cache_share(self.usage),
        }


@dataclass(frozen=True)
class Total:
    """What several sessions took together, without what their summaries took."""

    sessions: int
    turns: int
    usage: dict[str, int]
    cost: Cost

    def as_json(self) -> dict[str, Any]:
        """Return it with the names that a session's usage has."""
        return vars(self) | {"cost": vars(self.cost), "cache_share": cache_share(self.usage)}


def tokens(usage: dict[str, Any] | None) -> dict[str, int]:
    """Read tokens by kind; what is no number is of a later version, and left out."""
    counted = (usage or {}).items()
    return {str(kind): int(count) for kind, count in counted if isinstance(count, int | float)}


def all_input(usage: dict[str, int]) -> int:
    """Return all tokens that Claude was told, cached or not."""
    return sum(usage.get(kind, 0) for kind in INPUT_KINDS)


def cache_share(usage: dict[str, int]) -> float | None:
    """Return the share of the input that was read from the cache, 0 to 1; None where there was no input."""
    told = all_input(usage)
    return usage.get("cache_read_input_tokens", 0) / told if told else None


def total(sessions: Iterable[SessionUsage]) -> Total:
    """Return the sum."""
    summed: Counter[str] = Counter()
    cost, turns, count = Cost(), 0, 0
    for one in sessions:
        summed.update(one.usage)
        cost += one.cost or Cost(unpriced_turns=one.turns)
        turns += one.turns
        count += 1
    return Total(count, turns, dict(summed), cost)


def in_dollars(amount: float) -> str:
    """Return an amount for people: to a hundredth of a cent, and never nothing for something."""
    if 0 < amount < _SMALLEST / 2:
        return f"<${_SMALLEST}"
    return f"${amount:,.{2 if amount >= _LARGE else 4}f}"


def _summary_usage(told: dict[str, Any]) -> SummaryUsage:
    dollars = told.get("dollars")
    return SummaryUsage(
        int(told.get("input_tokens") or 0),
        int(told.get("output_tokens") or 0),
        None if dollars is None else float(dollars),
    )
