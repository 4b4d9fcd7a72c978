"""What is asked of a memory."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

MOST_RECALLED = 32
"""Messages that are recalled for a turn at most: more than a default budget holds."""


@dataclass(frozen=True, slots=True)
class MemoryQuery:
    """A text, and what may come to mind.

    ``session`` narrows it to what one session said. ``told`` are the exchanges that Claude is told
    anyway. ``budget`` is in tokens, the fence's included; ``limit`` in messages.
    """

    text: str
    session: str | None = None
    told: Collection[str] = ()
    budget: int | None = None
    limit: int = MOST_RECALLED
