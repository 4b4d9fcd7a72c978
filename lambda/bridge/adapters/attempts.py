"""When a call to Claude is tried again, whoever is asked: only while nothing of its answer was heard."""

from __future__ import annotations

import random
from collections.abc import Callable, Generator, Iterator

from bridge.errors import BridgeError
from bridge.interruption import Interrupted, Interruption
from bridge.ports.claude import Completed, Piece, Text

ATTEMPTS = 4
"""How often a call is tried in all while no text came; no provider knows a call again, so never after."""

MAX_WAIT = 60.0
"""Seconds that a call waits at most before it is tried again, as in the vendor's SDK."""


class Transient(Exception):
    """A call that may be tried again after ``wait`` seconds; None: after the usual backoff."""

    def __init__(self, error: BridgeError, wait: float | None = None) -> None:
        super().__init__(error.message)
        self.error = error
        self.wait = wait


def tried(attempt: Callable[[], Iterator[Piece]], interruption: Interruption) -> Generator[Piece, None, None]:
    """Yield the pieces of a call, which is tried again where ``attempt`` raises `Transient`.

    Raises the `BridgeError` of the last attempt, and `Interrupted` where the ``interruption`` was asked for:
    a socket that is shut down may fail in any way.
    """
    for number in range(1, ATTEMPTS + 1):
        begun = False
        if interruption.asked:  # nothing is sent that nobody is going to hear
            raise Interrupted
        try:
            for piece in attempt():
                if interruption.asked and not isinstance(piece, Completed):
                    raise Interrupted
                begun = begun or isinstance(piece, Text)
                yield piece
        except Transient as failed:
            wait = _backoff(number) if failed.wait is None else failed.wait
            if interruption.asked:  # which is why the call failed
                raise Interrupted from failed
            if begun or number == ATTEMPTS or wait > MAX_WAIT:
                raise failed.error from failed
            interruption.wait(wait)
        except Exception as failed:
            if not interruption.asked:
                raise
            raise Interrupted from failed
        else:
            return


def _backoff(attempt: int) -> float:
    """Return the seconds before the next attempt: 0.5, 1, 2 … up to 8, less up to a quarter."""
    return float(min(0.5 * 2 ** (attempt - 1), 8) * random.uniform(0.75, 1))  # noqa: S311 - jitter
