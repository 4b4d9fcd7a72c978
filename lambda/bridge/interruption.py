"""Ending what is under way from another thread."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Interrupted(Exception):
    """What was under way was ended on request."""


class Interruption:
    """Asks for an end once. Whoever waits for the network registers how the wait is broken off."""

    def __init__(self) -> None:
        self._asked = threading.Event()
        self._lock = threading.Lock()
        self._breaks: list[Callable[[], object]] = []

    @property
    def asked(self) -> bool:
        """Tell whether an end was asked for."""
        return self._asked.is_set()

    def ask(self) -> None:
        """Ask for an end, and break off what waits."""
        with self._lock:
            self._asked.set()
            breaks = list(self._breaks)
        for each in breaks:
            with contextlib.suppress(Exception):  # it is over already, or fails by itself
                each()

    def wait(self, seconds: float) -> None:
        """Wait; raise `Interrupted` as soon as an end is asked for."""
        if self._asked.wait(seconds):
            raise Interrupted

    @contextmanager
    def breaking(self, off: Callable[[], object]) -> Iterator[None]:
        """Have ``off`` called if an end is asked for inside; raise `Interrupted` if it was before."""
        with self._lock:
            if self._asked.is_set():
                raise Interrupted
            self._breaks.append(off)
        try:
            yield
        finally:
            with self._lock:
                self._breaks.remove(off)
