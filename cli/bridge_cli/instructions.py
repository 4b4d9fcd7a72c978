"""A session's own instructions, as `--system` names them: a text, or a file's."""

from __future__ import annotations

from pathlib import Path

from bridge_cli.errors import NotConfigured, UsageError
from bridge_cli.events import Answer
from bridge_cli.frames import well_formed
from bridge_cli.question import as_text
from bridge_cli.terminal import notice

MOST_BYTES = 8_000
"""The longest instructions that a bridge takes, in UTF-8."""

_FILE = "@"
_MOST_READ = 1_000_000  # bytes; a file that goes on is read no further


def read_instructions(given: str | None) -> str | None:
    """Return the instructions: the text that was given, or that of the file whose name follows an `@`.

    An empty text removes a session's instructions; None leaves them as they are. Raises UsageError where they
    are too long or no text, NotConfigured where the file cannot be read.
    """
    if given is None:
        return None
    text = _of_file(given.removeprefix(_FILE)) if given.startswith(_FILE) else given
    text = well_formed(text).strip()
    size = len(text.encode())
    if size > MOST_BYTES:
        raise UsageError(
            f"the instructions have {size:,} bytes in UTF-8, and a bridge takes {MOST_BYTES:,}",
            hint="Shorten them, or say in a message what is needed only once.",
        )
    return text


def untold(given: str | None, answer: Answer) -> str:
    """Return what to tell where Claude was not told what they gave: an older bridge takes no notice of it."""
    if not given or answer.memory is None or answer.memory.system is not None:
        return ""
    return "This bridge knows no instructions of a session's, and told Claude none: it needs an update."


def tell_if_untold(given: str | None, answer: Answer) -> None:
    """Tell the person, on standard error."""
    if told := untold(given, answer):
        notice(told)


def _of_file(name: str) -> str:
    if not name:
        raise UsageError("`@` names no file", hint="Say `--system @FILE`, or the text itself.")
    try:
        with Path(name).open("rb") as file:
            raw = file.read(_MOST_READ + 1)
    except OSError as error:
        raise NotConfigured(
            f"{name} cannot be read: {error.strerror or error}",
            hint="`--system @FILE` takes the instructions from a file, `--system TEXT` as they are.",
        ) from error
    if len(raw) > _MOST_READ:
        raise UsageError(
            f"{name} has over {_MOST_READ:,} bytes, and a bridge takes instructions of {MOST_BYTES:,}",
            hint="Is it the right file?",
        )
    text = as_text(raw, name)
    if not text.strip():
        raise UsageError(f"{name} is empty", hint='`--system ""` removes a session\'s instructions.')
    return text
