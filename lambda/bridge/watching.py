"""What is asked of a turn while it is answered: to go on elsewhere, or to end."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from dataclasses import replace
from types import TracebackType
from typing import Self

from bridge.conversation import Turn
from bridge.ports.turns import Standing, Turns

INTERVAL = 0.4
"""Seconds between two looks: with the look itself, whoever cancels waits less than one. A look takes half
a read unit."""


FORGOTTEN_EVERY = 5
"""Every so many looks it is also looked whether the session was forgotten: every two seconds."""


class Watch:
    """Looks at a turn's standing from time to time; a context that ends when nothing more can be asked.

    ``resumed`` and ``cancelled`` are called from its thread, and ``forgotten``, which tells whether the
    turn's session is no more: what is still said would be for nobody. A look that fails is passed over:
    the next one sees as much, and the turn's end is told its standing for certain.
    """

    def __init__(
        self,
        turns: Turns,
        turn: Turn,
        *,
        resumed: Callable[[Standing], None],
        cancelled: Callable[[], None],
        forgotten: Callable[[], bool],
    ) -> None:
        self._turns = turns
        self._turn = turn
        self.seen = Standing()
        self._resumed = resumed
        self._cancelled = cancelled
        self._forgotten = forgotten
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self.failure: Exception | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def notice(self, standing: Standing) -> None:
        """Tell what has been asked since the last look."""
        before = self.seen
        # Whose session is being forgotten loses its record, and is told all the same who ended it.
        self.seen = replace(standing, cancelled_by=standing.cancelled_by or before.cancelled_by)
        if standing.resumes > before.resumes:
            self._resumed(standing)
        if standing.cancelled_by is not None and before.cancelled_by is None:
            self._cancelled()

    def _run(self) -> None:
        for look in itertools.count(1):
            if self._over.wait(INTERVAL):
                return
            try:
                standing = self._turns.look(self._turn)
                if look % FORGOTTEN_EVERY == 0 and self._forgotten():
                    self._cancelled()
            except Exception as failure:  # noqa: BLE001 - whatever it is, the turn goes on
                self.failure = failure
                continue
            if standing.resumes >= self.seen.resumes:  # an old copy of the table tells nothing new
                self.notice(standing)
