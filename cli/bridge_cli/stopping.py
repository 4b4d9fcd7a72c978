"""Ctrl-C and SIGTERM while an answer comes: the first one cancels it, the next one leaves at once."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Iterator
from typing import Any

from bridge_cli.client import BridgeClient
from bridge_cli.errors import BridgeError, Interrupted, Terminated

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopping:
    """What was asked for by signals. `by` is the first one, None where there was none; `left` after a second.

    A program that is told to end (SIGTERM) has its answer cancelled as Ctrl-C does. One whose terminal goes
    away (SIGHUP) just goes: its answer is kept, and the bridge has it.
    """

    def __init__(self, bridge: BridgeClient, request_id: str, task: asyncio.Task[Any]) -> None:
        self.by: signal.Signals | None = None
        self.left = False
        self._bridge = bridge
        self._request_id = request_id
        self._task = task

    def stop(self, by: signal.Signals) -> None:
        """Cancel the answer; the second time, or where nothing was asked yet, end the task."""
        first, self.by = self.by is None, self.by or by
        if first and self._bridge.stop(self._request_id):
            return
        self.left = True
        self._bridge.abandon()
        self._task.cancel()

    def error(self, why: BridgeError | None = None, *, hint: str = "") -> Interrupted:
        """Return how the program ends where there is no answer to end with."""
        kind = Terminated if self.by is signal.SIGTERM else Interrupted
        return kind(why.message, hint=why.hint) if why else kind("interrupted", hint=hint)


@contextlib.contextmanager
def stopped_by_signals(stopping: Stopping) -> Iterator[None]:
    """Have signals stop the answer while the block runs.

    Where a loop cannot take signals (on Windows) they do what they did before: Ctrl-C cancels the task that
    asks, and so the answer, too.
    """
    loop = asyncio.get_running_loop()
    before: dict[signal.Signals, Any] = {}
    for number in _SIGNALS:
        handler = signal.getsignal(number)
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(number, stopping.stop, number)
            before[number] = handler
    try:
        yield
    finally:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            if handler is not None:  # else it is not one of Python's
                signal.signal(number, handler)
