"""Sessions, exchanges, memories and usage for people: rendered on a terminal, plain lines in a pipe."""

from __future__ import annotations

import sys
from datetime import datetime

from bridge_cli.events import Session
from bridge_cli.exchanges import Exchange
from bridge_cli.memory import Memory
from bridge_cli.spending import KINDS, Cost, SessionUsage, Total, all_input, cache_share, in_dollars
from bridge_cli.terminal import harmless, notice

_WHO = {"user": "You", "assistant": "Claude"}


def print_sessions(sessions: list[Session]) -> None:
    """Print a table, or tab-separated lines: session, turns, last use, title."""
    if not sys.stdout.isatty():
        for one in sessions:
            print(one.session_id, one.turns, one.last_updated, _one_line(one.title), sep="\t")
        return
    if not sessions:
        print('There are no sessions yet. Begin one: bridge ask "…"')
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("Session", no_wrap=True)
    table.add_column("Turns", justify="right")
    table.add_column("Last used", no_wrap=True)
    table.add_column("Title")  # the only one that may wrap, so the only one that is made narrower
    for one in sessions:
        # Text, not markup: a title is what somebody typed
        title = Text(harmless(_one_line(one.title)), no_wrap=True, overflow="ellipsis")
        table.add_row(Text(one.session_id), str(one.turns), local_time(one.last_updated), title)
    Console().print(table)


def print_exchanges(exchanges: list[Exchange]) -> None:
    """Print what was said, each part under a line that names who, the turn and when."""
    if not sys.stdout.isatty():
        for exchange in exchanges:
            _print_plain(exchange)
        return
    if not exchanges:
        print("Nothing was said in this session yet.")
        return
    from rich.console import Console
    from rich.markdown import Markdown
    from rich.text import Text

    console = Console()
    for exchange in exchanges:
        console.rule(Text(f"{exchange.turn} · {local_time(exchange.at)}"), align="left", style="dim")
        for role, text in exchange.context:
            console.print(who(role), style="bold cyan" if role == "user" else "bold")
            console.print(Text(harmless(text)) if role == "user" else Markdown(harmless(text)))
            console.print()
        if exchange.error:
            console.print(Text(_failure(exchange), style="red"))
            console.print()
        elif exchange.cancelled:
            console.print(Text(_cancelled(exchange), style="dim"))
            console.print()


def print_memories(memories: list[Memory]) -> None:
    """Print passages, each under a line that names its session, turn, who said it, when, and its score."""
    if not sys.stdout.isatty():
        if not memories:
            notice("Nothing that bears on this is remembered.")
        for one in memories:
            print(f"[{one.session_id} {one.turn}] {who(one.role)}, {one.at}, score {one.score:.2f}")
            print(one.text)
            print()
        return
    if not memories:
        print("Nothing that bears on this is remembered.")
        return
    from rich.console import Console
    from rich.padding import Padding
    from rich.text import Text

    console = Console()
    for one in memories:
        said = f" · turn {one.turn} · {who(one.role)} · {local_time(one.at)} · score {one.score:.2f}"
        console.print(Text.assemble((harmless(one.session_id), "bold cyan"), (said, "dim")))
        console.print(Padding(Text(harmless(one.text)), (0, 0, 1, 2)))


def print_usage(used: list[SessionUsage], summed: Total) -> None:
    """Print a table with its sum, or tab-separated lines with the sum beside them; and what it lacks."""
    if not sys.stdout.isatty():
        for one in used:
            share = cache_share(one.usage)
            amounts = (one.cost.dollars, one.cost.uncached_dollars) if one.cost and one.is_priced else ()
            dollars = [f"{amount:.6f}" for amount in amounts] or ["", ""]
            counts = [one.usage.get(kind, 0) for kind in KINDS]
            cached = "" if share is None else f"{share:.4f}"
            print(one.session_id, one.turns, *counts, cached, *dollars, _one_line(one.title), sep="\t")
        if len(used) > 1:
            notice(_sum(summed))
    elif not used:
        print('There are no sessions yet. Begin one: bridge ask "…"')
    else:
        _print_usage_table(used, summed)
    for one in used:
        if took := one.summary_usage:
            cost = "at no known price" if took.dollars is None else in_dollars(took.dollars)
            notice(
                f"Its summaries took another {took.input_tokens:,} tokens of input, "
                f"{took.output_tokens:,} of output: {cost}."
            )
    if summed.cost.unpriced_turns:
        notice(
            f"Turns without a price: {summed.cost.unpriced_turns:,}. The dollars do not include them; the "
            "environment's setting `prices` tells the prices of models."
        )


def _print_usage_table(used: list[SessionUsage], summed: Total) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("Session", overflow="fold")  # the only one that may be made narrower
    for name in ("Turns", "New", "Written", "Read", "Out", "Cached", "Cost", "Uncached"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in used:
        cost = one.cost if one.is_priced else None
        table.add_row(Text(harmless(one.session_id)), *_numbers(one.turns, one.usage, cost))
    if len(used) > 1:
        numbers = _numbers(summed.turns, summed.usage, summed.cost)
        table.add_row(f"{summed.sessions} sessions", *numbers, style="bold")
    Console().print(table)


def _numbers(turns: int, usage: dict[str, int], cost: Cost | None) -> list[str]:
    share = cache_share(usage)
    return [
        f"{turns:,}",
        *(_short(usage.get(kind, 0)) for kind in KINDS),
        "" if share is None else f"{share:.0%}",
        in_dollars(cost.dollars) if cost else "?",
        in_dollars(cost.uncached_dollars) if cost else "?",
    ]


def _sum(summed: Total) -> str:
    share = cache_share(summed.usage)
    return (
        f"Together: {counted(summed.sessions, 'session')}, {counted(summed.turns, 'turn')}, "
        f"{all_input(summed.usage):,} tokens of input"
        f"{'' if share is None else f' ({share:.0%} from the cache)'}, "
        f"{summed.usage.get('output_tokens', 0):,} of output: {in_dollars(summed.cost.dollars)}; "
        f"without the cache {in_dollars(summed.cost.uncached_dollars)}."
    )


def _short(count: int) -> str:
    """Return a count in at most six characters."""
    for size, unit in ((1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")):
        if count >= 10 * size:
            return f"{count / size:,.1f}{unit}" if count < 100 * size else f"{count // size:,}{unit}"
    return f"{count:,}"


def counted(number: int, noun: str) -> str:
    """Return a number of things in words."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def who(role: str) -> str:
    """Return who speaks in a role, as a person is told it."""
    return _WHO.get(role, harmless(role))


def local_time(at: str) -> str:
    """Return an ISO 8601 time as this machine's own; what is none, as it is."""
    try:
        return datetime.fromisoformat(at).astimezone().strftime("%Y-%m-%d %H:%M")
    except ValueError:
        return harmless(at)


def _print_plain(exchange: Exchange) -> None:
    for role, text in exchange.context:
        print(f"[{exchange.turn}] {who(role)}, {exchange.at}")
        print(text)
        print()
    if exchange.error or exchange.cancelled:
        print(_failure(exchange) if exchange.error else _cancelled(exchange))
        print()


def _failure(exchange: Exchange) -> str:
    error = exchange.error or {}
    return f"[{exchange.turn}] No answer: {error.get('message', '')} ({error.get('code', 'error')})"


def _cancelled(exchange: Exchange) -> str:
    said = "" if exchange.answer else " before Claude said anything"
    return f"[{exchange.turn}] Cancelled{said}."


def _one_line(text: str) -> str:
    return " ".join(text.split())
