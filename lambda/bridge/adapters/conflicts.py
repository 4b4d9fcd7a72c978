"""Writes that meet a transaction on the same item: DynamoDB refuses them, and the SDK tries none again.

The transaction is one that keeps a summary, or a turn with its session's instructions. It is over in
milliseconds, and a second attempt most often finds the way free.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any, TypeVar

ATTEMPTS = 6
"""How often a write is attempted: with the pauses between for more than half a second."""

_Reply = TypeVar("_Reply")


def outlast(client: Any, write: Callable[[], _Reply]) -> _Reply:
    """Return what ``write`` returns; while only a transaction is in its way, attempt it again."""
    for attempt in range(1, ATTEMPTS):
        try:
            return write()
        except client.exceptions.TransactionConflictException:
            _pause(attempt)
        except client.exceptions.TransactionCanceledException as canceled:
            if reasons(canceled) != {"TransactionConflict"}:
                raise
            _pause(attempt)
    return write()


def reasons(canceled: Any) -> set[str]:
    """Return why a transaction was canceled, as codes."""
    codes = {reason.get("Code") for reason in canceled.response["CancellationReasons"]}
    return codes - {None, "None"}


def _pause(attempt: int) -> None:
    time.sleep(0.02 * 2**attempt * random.uniform(0.5, 1))  # noqa: S311 - jitter
