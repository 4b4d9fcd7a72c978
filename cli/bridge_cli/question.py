"""The question: from the argument, from standard input, or from both."""

from __future__ import annotations

import os
import select
import stat
import sys

from bridge_cli.errors import UsageError
from bridge_cli.frames import well_formed
from bridge_cli.terminal import notice

_HOW_TO_ASK = '`bridge ask "What does a sort key do?"`, or pipe it in.'
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_PATIENCE = 2.0  # seconds of silence on standard input before the person is told what is waited for


def read_question(argument: str | None, *, what: str = "question", hint: str = _HOW_TO_ASK) -> str:
    """Return what to ask.

    No argument or `-`: standard input. An argument and something piped in: the argument, an empty line,
    and what was piped. Raises UsageError, which calls it `what` and gives the hint, where that is nothing;
    and where what is piped in is no text.
    """
    if argument is None or argument == "-":
        if argument is None and sys.stdin.isatty():
            raise UsageError(f"there is no {what}", hint=hint)
        question = _standard_input()
    else:
        piped = _standard_input() if _is_piped() else ""
        question = f"{argument}\n\n{piped}" if piped.strip() else argument
    question = well_formed(question)
    if not question.strip():
        raise UsageError(f"the {what} is empty", hint=hint)
    return question


def _is_piped() -> bool:
    """Tell whether something was piped or redirected in, and not merely no terminal is there."""
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (OSError, ValueError, AttributeError):  # a stand-in without a file behind it, or closed
        return sys.stdin is not None and not sys.stdin.closed and not sys.stdin.isatty()
    if stat.S_ISFIFO(mode):
        _say_what_is_waited_for()
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode)


def _say_what_is_waited_for() -> None:
    """Tell the person when nothing comes: a program that keeps its pipe open would wait forever."""
    if not select.select([sys.stdin], [], [], _PATIENCE)[0]:
        notice("Waiting for standard input to end (</dev/null leaves it out) …")


def _standard_input() -> str:
    text = as_text(sys.stdin.buffer.read())
    return text.removesuffix("\n").removesuffix("\r")


def as_text(raw: bytes, source: str = "standard input") -> str:
    """Return what a `source` holds. Raises UsageError for what is no text: nobody asked about its remains."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if raw.startswith(_UTF_16):
            raise UsageError(
                f"{source} is UTF-16, and it takes UTF-8",
                hint="Convert it: `iconv -f UTF-16 -t UTF-8 FILE | bridge …`.",
            ) from error
        raise UsageError(
            f"{source} is not text in UTF-8: byte {error.start + 1:,} is 0x{raw[error.start]:02x}",
            hint="Text in another encoding: `iconv -f LATIN1 -t UTF-8 FILE | bridge …`. "
            "Of anything else (a picture, a PDF, an archive) take the text out first.",
        ) from error
    if "\0" in text:
        raise UsageError(
            f"{source} is binary, not text: it holds zero bytes",
            hint="Take the text out of it first; where names end with them (`find -print0`), "
            "`tr '\\0' '\\n'` makes lines.",
        )
    return text
