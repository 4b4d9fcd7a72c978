"""How many frames an owner sends in a minute, counted in the sessions table."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from bridge.adapters import items
from bridge.adapters.items import Item
from bridge.errors import QuotaExceeded
from bridge.ports.speaking import Clock

SEQ = -1

KEPT_FOR = timedelta(minutes=10)
"""How long a minute's count is there."""


def key_of(minute: int, owner: str) -> Item:
    """Return the primary key of an owner's count; ``minute`` is since the epoch."""
    return items.to_item({"session_id": f"rate#{minute}#{owner}", "seq": SEQ})


class DynamoRates:
    """Counts frames, and refuses those that are over ``limit`` in a minute of the clock.

    A frame that cannot be counted in the table is let through: the limit keeps a client that runs wild
    from using up what others need, and to refuse everybody where the table is throttled would do just
    that. This function's own count holds all the same, so that a flood is bounded also then: by so many
    functions as run at a time. It also spares the table, once an owner is over, until the minute ends.
    """

    def __init__(self, client: Any, table: str, limit: int, clock: Clock, logger: Logger) -> None:
        self._client = client
        self._table = table
        self._limit = limit
        self._clock = clock
        self._logger = logger
        self._minute = 0
        self._seen: dict[str, int] = {}

    def count(self, owner: str) -> None:
        """Count a frame. Raises `QuotaExceeded` where it is one too many, until the next minute."""
        minute, second = divmod(int(self._clock().timestamp()), 60)
        if minute != self._minute:
            self._minute, self._seen = minute, {}
        seen = self._seen.get(owner, 0) + 1
        if seen <= self._limit:
            seen = max(seen, self._add(minute, owner))
        self._seen[owner] = seen
        if seen > self._limit:
            raise QuotaExceeded(
                f"At most {self._limit} frames a minute are taken. Go on in {60 - second} seconds.",
                retry_after=60 - second,
            )

    def _add(self, minute: int, owner: str) -> int:
        """Count a frame in the table; return how many there were, 0 where it cannot be told."""
        try:
            reply = self._client.update_item(
                TableName=self._table,
                Key=key_of(minute, owner),
                UpdateExpression="ADD frames :one SET #ttl = :ttl",
                ExpressionAttributeNames={"#ttl": "ttl"},
                ExpressionAttributeValues=items.to_item(
                    {":one": 1, ":ttl": items.expiry(self._clock(), KEPT_FOR)}
                ),
                ReturnValues="UPDATED_NEW",
            )
        except (BotoCoreError, ClientError):
            self._logger.warning("a frame could not be counted", exc_info=True)
            return 0
        return int(reply["Attributes"]["frames"]["N"])
