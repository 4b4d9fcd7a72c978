"""Markdown rendered as it comes, without flicker and without losing scrollback.

A block (paragraph, list, code, table) that is finished is printed for good. Only the last, unfinished one is
redrawn, and of it no more than fits the screen: a terminal can take back what is on the screen, not what
scrolled off.
"""

from __future__ import annotations

import sys
import time
from itertools import accumulate, pairwise

from markdown_it import MarkdownIt
from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.markdown import Markdown
from rich.segment import Segment

from bridge_cli.terminal import harmless, notice

_REDRAW = 0.08  # seconds between two redraws at least
_PARSER = MarkdownIt().enable("strikethrough").enable("table")  # as rich sets it up


def block_starts(text: str) -> list[int]:
    """Return where in `text` its blocks begin, in characters."""
    tokens = _PARSER.parse(text)
    lines = [token.map[0] for token in tokens if token.level == 0 and token.nesting >= 0 and token.map]
    offsets = list(accumulate((len(line) + 1 for line in text.split("\n")), initial=0))
    return [offsets[line] for line in lines]


def finished_length(text: str) -> int:
    """Return how many characters of `text` belong to blocks that more text can no longer change.

    Those are all before the last block that begins on a complete line.
    """
    starts = block_starts(text[: text.rfind("\n") + 1])
    return starts[-1] if len(starts) > 1 else 0


def _blocks(text: str) -> list[str]:
    starts = block_starts(text)
    bounds = [0, *starts[1:], len(text)]
    return [text[begin:end] for begin, end in pairwise(bounds)]


def _rendered(console: Console, text: str) -> list[list[Segment]]:
    """Return a block's lines without the empty ones around it, which rich sets by what stands beside it."""
    lines = console.render_lines(Markdown(text), console.options.update(height=None), pad=False)
    while lines and _is_blank(lines[0]):
        lines.pop(0)
    while lines and _is_blank(lines[-1]):
        lines.pop()
    return lines


def _is_blank(line: list[Segment]) -> bool:
    return not any(segment.text.strip() for segment in line)


class _Lines:
    """Rendered lines, to be printed."""

    def __init__(self, lines: list[list[Segment]]) -> None:
        self._lines = lines

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for line in self._lines:
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
        gap: list[list[Segment]] = [[]] if self._printed else []
        lines = gap + _rendered(self._console, self._pending)
        self._live.update(_Lines(lines[-max(1, self._console.height - 2) :]), refresh=True)

    def _print(self, text: str) -> None:
        for block in _blocks(text):
            lines = _rendered(self._console, block)
            if not lines:
                continue
            self._console.print(_Lines([[], *lines] if self._printed else lines), end="")
            self._printed = True
