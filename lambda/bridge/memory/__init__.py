"""What Claude is told: which part of a conversation, and in which order.

The recall's names are imported when they are first asked for: a function that needs only the window
does not pay for the recall's tables at its cold start.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bridge.memory.recall import (
        Analysis,
        Hit,
        Message,
        RecallIndex,
        StaleSegment,
        analyse,
        pack,
        unpack,
    )

__all__ = ["Analysis", "Hit", "Message", "RecallIndex", "StaleSegment", "analyse", "pack", "unpack"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("bridge.memory.recall"), name)
