"""Forgetting a session, or everything of an owner's: all that hangs on it goes, at once.

What goes: headers, exchanges, summaries, their words and names in the memory, the records of their
requests, and turns among the dead letters. Turns that still wait are dropped when they come up: the
tombstone in the memory's head tells.

What stays of an owner who forgets everything, until its own time is over: marks of what was forgotten
(hashes, and a moment), how many tokens and frames the day and the minute took (numbers), tokens that were
revoked, the records of open connections, and of a request whose turn still waits that it was taken in
(sealed: see `adapters.hashes`).
"""

from __future__ import annotations

import time

from bridge.conversation import SessionKey
from bridge.errors import Internal
from bridge.memory.head import EVERYTHING
from bridge.ports.memory import Archive, Eraser
from bridge.ports.turns import DeadLetters
from bridge.remembering import Remembering

MOST_SECONDS = 13.0
"""How long a forgetting goes on before it stops between two parts of its work: its function has 20 s, and
what it is at has to come to an end, the client to be told."""


class Forgetting:
    """Forgets. Where it dies or stops on the way, the remember function or whoever repeats it goes on."""

    def __init__(
        self,
        eraser: Eraser,
        archive: Archive,
        remembering: Remembering,
        dead_letters: DeadLetters | None = None,
    ) -> None:
        self._eraser = eraser
        self._archive = archive
        self._remembering = remembering
        self._dead_letters = dead_letters

    def forget(self, owner: str, session: str | None) -> int:
        """Remove a session, or everything, and what is remembered of it; return how many exchanges it had.

        Raises `Internal`, retryable, where that takes longer than a function may: sent again it goes on.
        """
        pause = _Patience(MOST_SECONDS)
        # While nothing is marked yet: only here someone looks there, and after a death nobody would.
        if self._dead_letters is not None:
            self._dead_letters.take_out(owner, session, lambda requests: self._eraser.drop(owner, requests))
        if session is None:
            self._archive.forget(owner, EVERYTHING)
            return self._remembering.tend(owner, pause=pause)
        # First of all nobody may be reminded of it any more; then it may take its time.
        until = self._archive.forget(owner, session)
        erased = self._eraser.erase(SessionKey(owner, session), None, pause)
        if erased.newest > until:  # kept by a function whose clock is ahead of this one's
            self._archive.forget(owner, session, erased.newest)
        self._remembering.tend(owner, pause=pause)
        return erased.exchanges


class _Patience:
    """Lets work go on for so many seconds."""

    def __init__(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds

    def __call__(self) -> None:
        if time.monotonic() > self._until:
            raise Internal("There is more to forget than one call may take. Send it again: it goes on.")
