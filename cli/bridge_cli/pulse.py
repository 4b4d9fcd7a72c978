"""Whether this machine slept: a connection then may be dead without having said so."""

from __future__ import annotations

import time
from collections.abc import Callable

_LEAP = 5.0
"""Seconds by which the clocks may part before that counts as sleep; a clock that is set costs one ping."""


class Pulse:
    """Compares the wall's clock with the one that timers go by, which on Linux and macOS stands in sleep."""

    def __init__(
        self, wall: Callable[[], float] = time.time, steady: Callable[[], float] = time.monotonic
    ) -> None:
        self._wall = wall
        self._steady = steady
        self._apart = wall() - steady()

    def slept(self) -> bool:
        """Tell whether it slept since this was asked last."""
        before, self._apart = self._apart, self._wall() - self._steady()
        return self._apart - before > _LEAP
