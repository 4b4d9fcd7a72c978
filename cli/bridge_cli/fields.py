"""Fields of a frame that need not be there, each checked as it is read: pure."""

from __future__ import annotations

import math
from typing import Any, TypeVar

Kind = TypeVar("Kind", str, int)


def optional(told: dict[str, Any], name: str, kind: type[Kind]) -> Kind | None:
    """Return a field, None where it is absent or null. Raises TypeError where it is of another type."""
    value = told.get(name)
    if value is None or type(value) is kind:  # True is no number
        return value
    raise TypeError(f"`{name}` is {type(value).__name__}, not {kind.__name__}")


def seconds(told: dict[str, Any], name: str) -> float | None:
    """Return a field that says how long, None where it is absent or null.

    Raises TypeError where it is no number, ValueError where nobody can wait so long.
    """
    value: float | None = told.get(name)
    if value is None:
        return None
    if type(value) not in {int, float}:
        raise TypeError(f"`{name}` is {type(value).__name__}, not a number")
    if not 0 <= value < math.inf:
        raise ValueError(f"`{name}` is no time")
    return value


def failure(told: dict[str, Any], name: str) -> dict[str, Any] | None:
    """Return a field that says what went wrong, None where nothing did.

    Raises TypeError where it is no object, or its code or message is no text.
    """
    value = told.get(name)
    if not value:
        return None
    if not isinstance(value, dict):
        raise TypeError(f"`{name}` is {type(value).__name__}, not an object")
    for part in ("code", "message"):
        optional(value, part, str)
    return value
