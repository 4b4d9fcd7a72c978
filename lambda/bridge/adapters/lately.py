"""What was read lately, kept while a function is warm."""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

from bridge.ports.speaking import Clock

KNOWN_FOR = 60
"""Seconds for which what was read is taken as it was."""

KNOWN_AT_MOST = 1024
"""Entries that are kept; the oldest goes first."""

_Value = TypeVar("_Value")


class Lately(Generic[_Value]):
    """Values by their keys, each for a minute from when it was put.

    By the clock on the wall: a function's own stands still while it is frozen.
    """

    def __init__(self, clock: Clock, most: int = KNOWN_AT_MOST) -> None:
        self._clock = clock
        self._most = most
        self._known: OrderedDict[str, tuple[float, _Value]] = OrderedDict()

    def get(self, key: str) -> _Value | None:
        """Return the value that was put in the last minute; None where none was."""
        if key not in self._known:
            return None
        put_at, value = self._known[key]
        if 0 <= self._clock().timestamp() - put_at < KNOWN_FOR:
            return value
        del self._known[key]
        return None

    def put(self, key: str, value: _Value) -> None:
        """Keep a value from now on."""
        self._known.pop(key, None)
        self._known[key] = (self._clock().timestamp(), value)
        if len(self._known) > self._most:
            self._known.popitem(last=False)
