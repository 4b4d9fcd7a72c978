"""Forgetting a session: everything that hangs on it goes, at once."""

from __future__ import annotations

from bridge.conversation import SessionKey
from bridge.ports import Archive, Eraser
from bridge.remembering import Remembering


class Forgetting:
    """Forgets sessions. Where it dies on the way, the remember function finishes its work."""

    def __init__(self, eraser: Eraser, archive: Archive, remembering: Remembering) -> None:
        self._eraser = eraser
        self._archive = archive
        self._remembering = remembering

    def forget(self, key: SessionKey) -> int:
        """Remove a session and what is remembered of it; return how many exchanges it had."""
        # First of all nobody may be reminded of it any more; then it may take its time.
        until = self._archive.forget(key.owner, key.name)
        erased = self._eraser.erase(key)
        if erased.newest > until:  # kept by a function whose clock is ahead of this one's
            self._archive.forget(key.owner, key.name, erased.newest)
        self._remembering.tend(key.owner)
        return erased.exchanges
