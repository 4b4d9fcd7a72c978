"""What a person sees of an answer: Markdown on a terminal, the plain text elsewhere; notices on stderr."""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rich.status import Status

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def harmless(text: str) -> str:
    """Return text without control characters: an answer must not steer the terminal."""
    return _CONTROLS.sub("", text)


def notice(line: str) -> None:
    """Tell the person something that is not part of the answer."""
    print(line, file=sys.stderr, flush=True)


def aside(line: str) -> None:
    """Tell the person something by the way: dim on a terminal that can show that."""
    dims = sys.stderr.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM", "dumb") != "dumb"
    notice(f"\x1b[2m{line}\x1b[0m" if dims else line)


class Shown(Protocol):
    """Where an answer goes as it comes."""

    def show(self, text: str) -> None:
        """Show the next piece."""

    def notice(self, line: str) -> None:
        """Tell the person something beside the answer."""

    def finish(self) -> None:
        """End the answer; harmless when repeated."""


class PlainAnswer:
    """The text as it comes, and a newline at the end."""

    def __init__(self) -> None:
        self._begun = False
        self._finished = False
        self._on_terminal = sys.stdout.isatty()

    def show(self, text: str) -> None:
        """Write the next piece, at once."""
        self._begun = True
        sys.stdout.write(harmless(text) if self._on_terminal else text)
        sys.stdout.flush()

    def notice(self, line: str) -> None:
        """Write a line to standard error, on a line of its own."""
        if self._on_terminal and self._begun and sys.stderr.isatty():
            notice("")
        notice(line)

    def finish(self) -> None:
        """Write the final newline."""
        if self._begun and not self._finished:
            sys.stdout.write("\n")
            sys.stdout.flush()
        self._finished = True


class NoAnswer:
    """For `--json`: nothing is shown as it comes."""

    def show(self, text: str) -> None:
        """Show nothing."""

    def notice(self, line: str) -> None:
        """Write a line to standard error."""
        notice(line)

    def finish(self) -> None:
        """Do nothing."""


class Waiting:
    """A spinner on standard error until the first piece comes; nothing where that is no terminal."""

    def __init__(self, shown: Shown) -> None:
        self._shown = shown
        self._status: Status | None = None
        if not sys.stderr.isatty():
            return
        from rich.console import Console

        console = Console(stderr=True)
        if console.is_terminal and not console.is_dumb_terminal:
            self._status = console.status("", spinner="dots")
            self._status.start()

    def show(self, text: str) -> None:
        """Show the next piece."""
        self._stop()
        self._shown.show(text)

    def notice(self, line: str) -> None:
        """Tell the person something beside the answer; the spinner goes on."""
        if self._status is not None:
            self._status.console.print(line, markup=False, highlight=False)
        else:
            self._shown.notice(line)

    def finish(self) -> None:
        """End the answer."""
        self._stop()
        self._shown.finish()

    def _stop(self) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None


def answer_view(*, plain: bool, as_json: bool) -> Waiting:
    """Return where an answer goes: rendered on a terminal unless `plain`, as it is elsewhere."""
    if as_json:
        return Waiting(NoAnswer())
    if plain or not sys.stdout.isatty():
        return Waiting(PlainAnswer())
    from rich.console import Console

    console = Console()
    if console.is_dumb_terminal:
        return Waiting(PlainAnswer())
    from bridge_cli.markdown import MarkdownAnswer

    return Waiting(MarkdownAnswer(console))


def tell_stop(stop_reason: str) -> None:
    """Tell the person why an answer ended, where that was not the usual end."""
    if stop_reason == "cancelled":
        aside("(cancelled)")
    elif line := stop_notice(stop_reason):
        notice(line)


def stop_notice(stop_reason: str) -> str:
    """Return what a person should know of why an answer ended; empty for the usual end."""
    return {
        "max_tokens": "The answer is cut off: it reached the environment's limit of output tokens.",
        "model_context_window_exceeded": "The answer is cut off: the model's context is full.",
        "refusal": "Claude declined to answer this.",
        "cancelled": "The answer was cancelled: it ends where Claude was stopped.",
    }.get(stop_reason, "")
