"""A clock that tests move: what would take hours happens at once."""

from __future__ import annotations

import asyncio
import contextlib
import time


class MovableClock:
    """Seconds that pass as everywhere, and more of them whenever a test says so. For one event loop."""

    def __init__(self) -> None:
        self._ahead = 0.0
        self._moved = asyncio.Event()

    def now(self) -> float:
        """Return the seconds since some point in the past."""
        return time.monotonic() + self._ahead

    async def sleep(self, seconds: float) -> None:
        """Sleep until ``seconds`` have passed on this clock."""
        due = self.now() + seconds
        while (left := due - self.now()) > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._moved.wait()

    def advance(self, seconds: float) -> None:
        """Let ``seconds`` have passed. Only on the loop's own thread."""
        self._ahead += seconds
        self._moved.set()
        self._moved = asyncio.Event()
