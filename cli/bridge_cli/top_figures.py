"""What happened lately, counted from the functions' own lines. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from bridge_cli.log_lines import Line, at_least

KINDS = ("input", "output", "cache_write", "cache_read")
"""What tokens and dollars are told apart by."""

_ENDS = {"turn answered": "answered", "turn cancelled": "cancelled", "turn failed": "failed"}
_SUMMARIES = ("summary written", "summary came too late")
_TOKENS = {
    "input": "input_tokens",
    "output": "output_tokens",
    "cache_write": "cache_creation_input_tokens",
    "cache_read": "cache_read_input_tokens",
}


@dataclass(frozen=True)
class TurnSeen:
    """A turn that ended: `end` is how, times are in milliseconds, `dollars` is None where it has no price."""

    at: datetime
    request_id: str
    end: str
    model: str
    turn: int
    stop_reason: str
    code: str | None
    tokens: Mapping[str, int]
    dollars: Mapping[str, float] | None
    first_token: float | None
    took: float


@dataclass(frozen=True)
class Figures:
    """What happened in a window of time; `turns` are those that ended in it, oldest first.

    Times are in milliseconds, None where there are none. `tokens` and `dollars` are of turns and summaries,
    by kind; `unpriced` of them have no price. `errors` are counted by their codes, `alarming` by functions:
    lines as grave as an error.
    """

    turns: Sequence[TurnSeen]
    summaries: int
    first_token: tuple[float, float] | None
    took: tuple[float, float] | None
    tokens: Mapping[str, int]
    dollars: Mapping[str, float]
    unpriced: int
    errors: Mapping[str, int]
    alarming: Mapping[str, int]

    @property
    def ends(self) -> Mapping[str, int]:
        """How many turns ended how."""
        return Counter(turn.end for turn in self.turns)

    @property
    def cache_share(self) -> float | None:
        """The share of the input that was read from the prompt cache; None where nothing was read."""
        return share_read(self.tokens)

    def as_json(self) -> dict[str, Any]:
        """Return what `--json` prints of it."""
        return {
            "turns": dict(self.ends),
            "summaries": self.summaries,
            "first_token_ms": _percentiles_json(self.first_token),
            "duration_ms": _percentiles_json(self.took),
            "tokens": dict(self.tokens),
            "dollars": {kind: round(dollars, 9) for kind, dollars in self.dollars.items()},
            "unpriced": self.unpriced,
            "cache_share": self.cache_share,
            "errors": dict(self.errors),
            "lines_of_errors": dict(self.alarming),
        }


@dataclass
class Lately:
    """The lines of the last `window`; older ones are dropped."""

    window: timedelta
    _lines: list[Line] = field(default_factory=list)

    def figures(self, lines: Iterable[Line], now: datetime) -> Figures:
        """Take in lines that are new, and return what happened up to `now`."""
        self._lines = [line for line in (*self._lines, *lines) if line.at >= now - self.window]
        return figures_of(self._lines)


def figures_of(lines: Sequence[Line]) -> Figures:
    """Return what lines tell. A turn that was only told once more counts for nothing."""
    turns = [turn for line in lines if (turn := turn_of(line)) is not None]
    summaries = [line.fields for line in lines if line.function == "remember" and line.message in _SUMMARIES]
    tokens = [turn.tokens for turn in turns] + [_tokens(fields) for fields in summaries]
    dollars = [turn.dollars for turn in turns] + [_dollars(fields) for fields in summaries]
    priced = list(zip(tokens, dollars, strict=True))
    return Figures(
        turns=sorted(turns, key=lambda turn: turn.at),
        summaries=len(summaries),
        first_token=_percentiles([turn.first_token for turn in turns if turn.first_token is not None]),
        took=_percentiles([turn.took for turn in turns if turn.end != "failed"]),
        tokens={kind: sum(one[kind] for one in tokens) for kind in KINDS},
        dollars={kind: math.fsum(one[kind] for one in dollars if one is not None) for kind in KINDS},
        unpriced=sum(cost is None and any(used.values()) for used, cost in priced),
        errors=Counter(code for line in lines if (code := _code(line)) is not None),
        alarming=Counter(line.function for line in lines if at_least(line, "error")),
    )


def turn_of(line: Line) -> TurnSeen | None:
    """Return the turn whose end a line tells; None where it tells of something else."""
    fields = line.fields
    if line.function != "answer" or line.message not in _ENDS or fields.get("repeated") is True:
        return None
    first = fields.get("first_token_ms")
    code = fields.get("code")
    return TurnSeen(
        at=line.at,
        request_id=line.request_id or "",
        end=_ENDS[line.message],
        model=str(fields.get("model", "")),
        turn=int(_number(fields.get("turn"))),
        stop_reason=str(fields.get("stop_reason", "")),
        code=code if isinstance(code, str) else None,
        tokens=_tokens(fields),
        dollars=_dollars(fields),
        first_token=None if first is None else _number(first),
        took=_number(fields.get("waited_ms")) + _number(fields.get("duration_ms")),
    )


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest of some values that is not exceeded by so great a share of them."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def share_read(tokens: Mapping[str, int]) -> float | None:
    """Return which share of the input came from the prompt cache; None where there was no input."""
    whole = sum(tokens[kind] for kind in ("input", "cache_write", "cache_read"))
    return tokens["cache_read"] / whole if whole else None


def _percentiles(values: Sequence[float]) -> tuple[float, float] | None:
    return (percentile(values, 0.5), percentile(values, 0.95)) if values else None


def _percentiles_json(values: tuple[float, float] | None) -> dict[str, float] | None:
    return None if values is None else {"p50": values[0], "p95": values[1]}


def _code(line: Line) -> str | None:
    told = line.fields.get("code")
    if not isinstance(told, str) or line.fields.get("repeated") is True:
        return None
    return f"summary: {told}" if line.function == "remember" else told


def _tokens(fields: Mapping[str, Any]) -> dict[str, int]:
    told = fields.get("usage")
    usage = told if isinstance(told, dict) else {}
    return {kind: int(_number(usage.get(name))) for kind, name in _TOKENS.items()}


def _dollars(fields: Mapping[str, Any]) -> dict[str, float] | None:
    told = fields.get("dollars")
    return {kind: _number(told.get(kind)) for kind in KINDS} if isinstance(told, dict) else None


def _number(told: object) -> float:
    is_one = isinstance(told, int | float) and not isinstance(told, bool)
    return float(told) if is_one and math.isfinite(told) else 0.0  # type: ignore[arg-type]
