"""Lines that a person types into a chat: edited on a terminal, read as they are elsewhere."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, Protocol

from bridge_cli import places
from bridge_cli.question import as_text

if TYPE_CHECKING:
    from prompt_toolkit.key_binding import KeyPressEvent

PROMPT = "> "
_CONTINUES = "  "


class Lines(Protocol):
    """Where a chat's lines come from."""

    interactive: bool

    async def read(self) -> str:
        """Return the next message. Raises EOFError at the end, KeyboardInterrupt on Ctrl-C."""


def line_reader() -> Lines:
    """Return an editor on a terminal that can do more than print; else plain reading."""
    on_terminal = sys.stdin.isatty() and sys.stdout.isatty()
    if on_terminal and os.environ.get("TERM", "dumb") not in {"dumb", "unknown"}:
        return EditedLines()
    return PlainLines()


class PlainLines:
    """Lines of standard input, with a prompt where a person types them."""

    def __init__(self) -> None:
        self.interactive = sys.stdin.isatty()

    async def read(self) -> str:
        """Return the next line; the loop waits meanwhile, and takes up again what idles out.

        Raises UsageError where what is piped in is no text.
        """
        if self.interactive:
            sys.stderr.write(PROMPT)
            sys.stderr.flush()
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            line = sys.stdin.readline() if self.interactive else as_text(sys.stdin.buffer.readline())
        finally:
            signal.signal(signal.SIGINT, before)
        if not line:
            raise EOFError
        return line.rstrip("\r\n")


class EditedLines:
    """Lines with editing and history."""

    interactive = True

    def __init__(self) -> None:
        from prompt_toolkit import PromptSession
        from prompt_toolkit.history import FileHistory, InMemoryHistory
        from prompt_toolkit.key_binding import KeyBindings

        bindings = KeyBindings()

        @bindings.add("escape", "enter")
        def _new_line(event: KeyPressEvent) -> None:
            event.current_buffer.insert_text("\n")

        path = places.chat_input_file()
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(path, os.O_CREAT | os.O_APPEND, 0o600))
            history: FileHistory | InMemoryHistory = FileHistory(str(path))
        except OSError:
            history = InMemoryHistory()
        self._session: PromptSession[str] = PromptSession(
            history=history,
            key_bindings=bindings,
            prompt_continuation=lambda width, line, wrapped: _CONTINUES,
        )

    async def read(self) -> str:
        """Return the next message, of one line or several."""
        return await self._session.prompt_async(PROMPT)
