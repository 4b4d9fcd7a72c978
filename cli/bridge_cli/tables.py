"""Sessions and exchanges for people: tables and Markdown on a terminal, plain lines in a pipe."""

from __future__ import annotations

import sys
from datetime import datetime

from bridge_cli.events import Session
from bridge_cli.exchanges import Exchange
from bridge_cli.terminal import harmless

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
            console.print(_WHO.get(role, role), style="bold cyan" if role == "user" else "bold")
            console.print(Text(harmless(text)) if role == "user" else Markdown(harmless(text)))
            console.print()
        if exchange.error:
            console.print(Text(_failure(exchange), style="red"))
            console.print()


def local_time(at: str) -> str:
    """Return an ISO 8601 time as this machine's own; what is none, as it is."""
    try:
        return datetime.fromisoformat(at).astimezone().strftime("%Y-%m-%d %H:%M")
    except ValueError:
        return harmless(at)


def _print_plain(exchange: Exchange) -> None:
    for role, text in exchange.context:
        print(f"[{exchange.turn}] {_WHO.get(role, role)}, {exchange.at}")
        print(text)
        print()
    if exchange.error:
        print(_failure(exchange))
        print()


def _failure(exchange: Exchange) -> str:
    error = exchange.error or {}
    return f"[{exchange.turn}] No answer: {error.get('message', '')} ({error.get('code', 'error')})"


def _one_line(text: str) -> str:
    return " ".join(text.split())
