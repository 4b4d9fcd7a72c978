"""Markdown rendered as it comes, without flicker and without losing scrollback.

A block (paragraph, list, code, table) that is finished is printed for good. Only the last, unfinished one is
redrawn, and of it no more than fits the screen: a terminal can take back what is on the screen, not what
scrolled off.
"""

from __future__ import annotations

import sys
import time

from markdown_it import MarkdownIt
from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.markdown import Markdown
from rich.segment import Segment

from bridge_cli.terminal import harmless, notice

_REDRAW = 0.08  # seconds between two redraws at least
_PARSER = MarkdownIt().enable("strikethrough").enable("table")  # as rich sets it up


def finished_length(text: str) -> int:
    """Return how many characters of `text` belong to blocks that more text can no longer change.

    Those are all before the last block that begins on a complete line.
    """
    complete = text.rfind("\n") + 1
    tokens = _PARSER.parse(text[:complete])
    starts = [token.map[0] for token in tokens if token.level == 0 and token.nesting >= 0 and token.map]
    if len(starts) <= 1:
        return 0
    return sum(len(line) + 1 for line in text[:complete].split("\n")[: starts[-1]])


class _Unfinished:
    """The last block, as much of its end as fits the screen."""

    def __init__(self, text: str, *, gap: bool) -> None:
        self._text = text
        self._gap = gap

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        lines = console.render_lines(Markdown(self._text), options.update(height=None), pad=False)
        if self._gap:
            lines.insert(0, [])
        for line in lines[-max(1, console.height - 2) :]:
            yield from line
            yield Segment.line()


class MarkdownAnswer:
    """An answer on a terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._pending = ""
        self._printed = False
        self._drawn = 0.0
        self._live: Live | None = None

    def show(self, text: str) -> None:
        """Show the next piece."""
        self._pending += harmless(text)
        if self._live is None:
            self._live = Live(
                console=self._console,
                auto_refresh=False,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
                vertical_overflow="crop",
            )
            self._live.start()
        now = time.monotonic()
        if now - self._drawn >= _REDRAW:
            self._draw(now)

    def notice(self, line: str) -> None:
        """Tell the person something, above what is still being drawn."""
        if sys.stderr.isatty():
            self._console.print(line, style="dim", markup=False, highlight=False)
        else:
            notice(line)

    def finish(self) -> None:
        """Print what is left for good."""
        live, self._live = self._live, None
        if live is None:
            return
        live.update("", refresh=True)
        live.stop()
        if self._pending.strip():
            self._print(self._pending)
        self._pending = ""

    def _draw(self, now: float) -> None:
        self._drawn = now
        finished = finished_length(self._pending)
        if self._live is None:
            return
        if finished:
            done, self._pending = self._pending[:finished], self._pending[finished:]
            self._live.update("")  # so that what is printed now is not drawn again below itself
            self._print(done)
        self._live.update(_Unfinished(self._pending, gap=self._printed), refresh=True)

    def _print(self, text: str) -> None:
        if self._printed:
            self._console.print()
        self._console.print(Markdown(text))
        self._printed = True
