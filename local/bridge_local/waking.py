"""Wakes the emulator's long polls when there may be a message, as SQS does; by itself it looks every 100 ms.

It reaches into MiniStack at two names of `ministack.services.sqs`: `esm_wake`, which is set for every message
sent, and the `asyncio` whose `sleep` a long poll calls between two looks.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any


class Waking:
    """Stands in for `esm_wake` and for the module `asyncio` at once."""

    def __init__(self, esm_wake: Any) -> None:
        self._esm_wake = esm_wake
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended = False
        self._sleepers: set[asyncio.Future[None]] = set()

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)

    def set(self) -> None:
        """Note that there is a message."""
        self._esm_wake.set()
        if self._loop:
            self._loop.call_soon_threadsafe(self.wake)

    async def sleep(self, seconds: float) -> None:
        """Sleep until there is a message, at most `seconds`; at the end, break the poll off."""
        if self._ended:
            raise asyncio.CancelledError
        self._loop = asyncio.get_running_loop()
        sleeper = self._loop.create_future()
        self._sleepers.add(sleeper)
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await sleeper
        finally:
            self._sleepers.discard(sleeper)

    def end(self) -> None:
        """Break off every long poll: the server would wait for them before it stops."""
        self._ended = True
        self.wake()

    def wake(self) -> None:
        """Let every long poll look into its queue again. Only on the loop's own thread."""
        for sleeper in self._sleepers:
            if not sleeper.done():
                sleeper.set_result(None)


def install() -> Waking:
    """Put it in MiniStack's place."""
    from ministack.services import sqs

    waking = Waking(sqs.esm_wake)
    sqs.esm_wake = sqs.asyncio = waking
    return waking
