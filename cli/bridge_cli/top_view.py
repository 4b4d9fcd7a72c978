"""What `bridge top` shows: lines of plain text, for a terminal and for a pipe alike."""

from __future__ import annotations

from datetime import datetime

from bridge_cli.queue_depths import Depths
from bridge_cli.spending import in_dollars
from bridge_cli.terminal import harmless
from bridge_cli.top_figures import KINDS, Figures, TurnSeen, share_read

_NAMES = {"input": "New", "cache_write": "Written", "cache_read": "Read", "output": "Out"}
_MODEL = 24  # characters
_SECOND = 1000  # milliseconds
_HEADER = (
    f"{'Time':<9}{'Request':<9}  {'Model':<{_MODEL}}{'Turn':>6}{'In':>9}{'Cached':>8}{'Out':>8}"
    f"{'First':>9}{'Took':>9}  End"
)


def lines_of(title: str, now: datetime, depths: Depths, figures: Figures, last: int) -> list[str]:
    """Return the view: figures of a window, and the `last` turns that ended in it, newest first."""
    shown = [
        f"{title} · {now.astimezone():%H:%M:%S}",
        "",
        f"{'Queue':<13}{depths.in_work:,} in work · {depths.waiting:,} waiting · "
        f"{depths.dead_letters:,} in the dead-letter queue",
        f"{'Turns':<13}{_ends(figures)}",
        f"{'First token':<13}{_times(figures.first_token)}",
        f"{'Whole turn':<13}{_times(figures.took)}",
        *_kinds(figures),
        f"{'Errors':<13}{_errors(figures)}",
        "",
        _HEADER,
    ]
    newest = list(reversed(figures.turns))[:last]
    return shown + ([_turn(turn) for turn in newest] or ["(no turn ended yet)"])


def _ends(figures: Figures) -> str:
    ends = [f"{count:,} {end}" for end, count in sorted(figures.ends.items())]
    return " · ".join([*(ends or ["0"]), f"summaries: {figures.summaries:,}"])


def _times(percentiles: tuple[float, float] | None) -> str:
    if percentiles is None:
        return "-"
    return f"p50 {_time(percentiles[0]):>8}   p95 {_time(percentiles[1]):>8}"


def _kinds(figures: Figures) -> list[str]:
    share = figures.cache_share
    order = sorted(KINDS, key=list(_NAMES).index)
    together = in_dollars(sum(figures.dollars.values()))
    unpriced = f" ({figures.unpriced:,} without a price)" if figures.unpriced else ""
    return [
        f"{'':<13}" + "".join(f"{_NAMES[kind]:>12}" for kind in order),
        f"{'Tokens':<13}"
        + "".join(f"{figures.tokens[kind]:>12,}" for kind in order)
        + ("" if share is None else f"   {share:.0%} of the input from the cache"),
        f"{'Dollars':<13}"
        + "".join(f"{in_dollars(figures.dollars[kind]):>12}" for kind in order)
        + f"   {together} together{unpriced}",
    ]


def _errors(figures: Figures) -> str:
    counts = sorted(figures.errors.items(), key=lambda item: (-item[1], item[0]))
    codes = [f"{count:,} {harmless(code)}" for code, count in counts]
    alarming = [f"{count:,} logged by {function}" for function, count in sorted(figures.alarming.items())]
    return " · ".join([*codes, *alarming]) or "none"


def _turn(turn: TurnSeen) -> str:
    whole = sum(turn.tokens[kind] for kind in ("input", "cache_write", "cache_read"))
    share = share_read(turn.tokens)
    end = turn.code or turn.stop_reason
    return harmless(
        f"{turn.at.astimezone():%H:%M:%S} {turn.request_id[:8]:<9}  {turn.model[: _MODEL - 1]:<{_MODEL}}"
        f"{turn.turn:>6,}{whole:>9,}{'-' if share is None else f'{share:.0%}':>8}{turn.tokens['output']:>8,}"
        f"{'-' if turn.first_token is None else _time(turn.first_token):>9}{_time(turn.took):>9}  {end}"
    ).replace("\n", " ")


def _time(milliseconds: float) -> str:
    return f"{milliseconds:,.0f} ms" if milliseconds < _SECOND else f"{milliseconds / _SECOND:,.1f} s"
