"""Reading and removing many items at once, until DynamoDB has taken all of them."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from typing import Any

from bridge.adapters.items import Item

READ_AT_ONCE = 100
REMOVED_AT_ONCE = 25
"""DynamoDB's limits of a batch, in items."""

ROUNDS = 8
"""How often what a batch left over is asked for again, after pauses that double up to a second."""


class BatchFailed(Exception):
    """DynamoDB goes on leaving items out of its batches: the table is throttled."""


def get(
    client: Any,
    table: str,
    keys: Sequence[Item],
    *,
    consistent: bool,
    rounds: int = ROUNDS,
    only: str | None = None,
) -> list[Item]:
    """Return the items that are there, in no order. Each key may come only once.

    ``only`` names an attribute where no other is wanted. Raises `BatchFailed` where some were left out in
    so many ``rounds``.
    """
    found: list[Item] = []
    for start in range(0, len(keys), READ_AT_ONCE):
        asked: dict[str, Any] = {"Keys": keys[start : start + READ_AT_ONCE], "ConsistentRead": consistent}
        if only is not None:
            asked["ProjectionExpression"] = only
        left = {table: asked}
        for attempt in range(rounds):
            reply = client.batch_get_item(RequestItems=left)
            found += reply["Responses"].get(table, ())
            left = reply.get("UnprocessedKeys", {})
            if not left:
                break
            _pause(attempt)
        else:
            raise BatchFailed(table)
    return found


def remove(client: Any, table: str, keys: Sequence[Item]) -> None:
    """Remove items; one that is not there is no error."""
    for start in range(0, len(keys), REMOVED_AT_ONCE):
        batch = keys[start : start + REMOVED_AT_ONCE]
        left: dict[str, Any] = {table: [{"DeleteRequest": {"Key": key}} for key in batch]}
        for attempt in range(ROUNDS):
            left = client.batch_write_item(RequestItems=left).get("UnprocessedItems", {})
            if not left:
                break
            _pause(attempt)
        else:
            raise BatchFailed(table)


def _pause(attempt: int) -> None:
    time.sleep(min(0.05 * 2**attempt, 1) * random.uniform(0.5, 1))  # noqa: S311 - jitter
