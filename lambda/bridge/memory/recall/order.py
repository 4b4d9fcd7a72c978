"""In which order a session's messages stand, whenever and from wherever they come."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import TypeAlias

_NUMBERS = re.compile(r"(\d+)", re.ASCII)
_BRIDGE = re.compile(r".*#(\d+)#[0-9a-z]+#([ua])", re.ASCII | re.DOTALL)
_EPOCH = datetime(1970, 1, 1)
_MICROSECOND = timedelta(microseconds=1)

Turn: TypeAlias = tuple[str | int, ...]


def turn(id_: str) -> Turn:
    """Return what orders messages of one session and moment: the numbers in their ids, as numbers.

    Of an exchange in the bridge the question comes before the answer.
    """
    found = _BRIDGE.fullmatch(id_)
    if found is not None:
        return ("", int(found[1][-_LONGEST:]), "" if found[2] == "u" else "answer")
    return tuple(int(part[-_LONGEST:]) if n % 2 else part for n, part in enumerate(_NUMBERS.split(id_)))


_LONGEST = 18
"""Digits that are read as a number: of longer ones the last; Python refuses those of thousands."""


def local_microseconds(at: datetime) -> int:
    """Return a moment's clock and calendar, wherever it was read, in microseconds since 1970 began."""
    return (at.replace(tzinfo=None) - _EPOCH) // _MICROSECOND


def offset_microseconds(at: datetime) -> int | None:
    """Return how far a moment's clock is before UTC's, or None where it does not say."""
    offset = at.utcoffset()
    return None if offset is None else offset // _MICROSECOND


def moment(microseconds: int, offset: int | None) -> datetime:
    """Return the moment with this clock and calendar: what the two functions above were given."""
    at = _EPOCH + timedelta(microseconds=microseconds)
    if offset is None:
        return at
    return at.replace(tzinfo=timezone(timedelta(microseconds=offset)) if offset else UTC)
