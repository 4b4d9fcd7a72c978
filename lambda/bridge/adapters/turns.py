"""How far turns are, and their owners' daily tokens, in the sessions table.

A turn's record holds nothing of what is said. It is written when the turn begins and when it ends, so
that a delivery can tell whether another one had begun, and by whoever resumes or cancels it meanwhile.
Where the days of owners have a budget, what a turn is expected to take is set aside in the same step as
it begins, and put right in the same step as it ends: so it is counted once, whoever dies in between.
"""

from __future__ import annotations

import contextlib
import math
import uuid
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from bridge.adapters import items, turn_items
from bridge.adapters.conflicts import outlast
from bridge.adapters.items import Item
from bridge.conversation import Turn
from bridge.errors import QuotaExceeded
from bridge.ports.speaking import Clock
from bridge.ports.turns import Standing

LONGEST_WAIT = timedelta(days=20)
"""A message may wait four days in the queue and 14 in the dead-letter queue: so long it is known whether
its turn had begun."""

_COUNT_KEPT = timedelta(days=1)
"""How long after its day a count is kept: until no turn that began on it can end any more."""

_TRIES = 3
"""How often a record that is past its time, or goes just then, is made way for."""


class DynamoTurns:
    """The turns' records, kept for ``lifetime``; ``daily_tokens`` is what an owner may use (None: all).

    ``hasty`` is a client that soon gives up: a look that hangs may not keep the turn's end waiting.
    """

    def __init__(
        self,
        client: Any,
        hasty: Any,
        table: str,
        lifetime: timedelta,
        daily_tokens: int | None,
        clock: Clock,
    ) -> None:
        self._client = client
        self._hasty = hasty
        self._table = table
        self._lifetime = lifetime
        self._daily_tokens = daily_tokens
        self._clock = clock

    def begin(self, turn: Turn, tokens: int, number: int) -> tuple[Standing, bool]:
        """Mark a turn as begun, once, unless it has ended: one that was refused has, without a beginning."""
        now = self._clock()
        mark = uuid.uuid4().hex  # the SDK repeats a call whose reply was lost: it must know its own again
        values: dict[str, Any] = {
            "session": turn.key.name,
            "began": int(now.timestamp() * 1000),
            "began_by": mark,
            "number": number,
        }
        if self._daily_tokens is None:
            there, made = self._change(turn.key.owner, turn.request_id, values, once=("began", "turn"))
        else:
            day = now.date().isoformat()
            values |= {"reserved": tokens, "day": day}
            there, made = self._begin_within_budget(turn, values, now)
        return turn_items.standing_of(there), made or turn_items.began_by(there) == mark

    def look(self, turn: Turn) -> Standing:
        """Return a turn's standing, from any copy of the table."""
        key = turn_items.key_of(turn.key.owner, turn.request_id)
        there = self._hasty.get_item(TableName=self._table, Key=key).get("Item", {})
        return turn_items.standing_of({} if items.expired_or_gone(there, self._clock()) else there)

    def end(
        self, turn: Turn, standing: Standing, number: int, lengths: tuple[int, ...], spent: int
    ) -> Standing:
        """Mark a turn as ended, once, and count what it took."""
        values = {"turn": number, "lengths": turn_items.packed(lengths), "session": turn.key.name}
        owner, request_id = turn.key.owner, turn.request_id
        if standing.day is None:
            there, _ = self._change(owner, request_id, values, once=("turn",))
            return turn_items.standing_of(there)
        update = self._update(owner, request_id, values, once=("turn",))
        # Whoever forgot the session may have removed the record after another delivery had counted.
        update["ConditionExpression"] += " AND attribute_exists(#began)"
        update["ExpressionAttributeNames"]["#began"] = "began"
        count = self._count(owner, standing.day, spent - standing.reserved)
        self._at_once(update, count)
        return turn_items.standing_of(self._read(owner, request_id))

    def drop(self, owner: str, request_id: str) -> None:
        """Remove a turn's record."""
        self._client.delete_item(TableName=self._table, Key=turn_items.key_of(owner, request_id))

    def resume(self, owner: str, request_id: str, connection_id: str, last_seq: int) -> Standing:
        """Have a turn's answer go to another connection."""
        there, _ = self._change(
            owner, request_id, {"connection_id": connection_id, "last_seq": last_seq}, counting="resumes"
        )
        return turn_items.standing_of(there)

    def cancel(self, owner: str, request_id: str, connection_id: str) -> Standing:
        """Have a turn end."""
        there, _ = self._change(owner, request_id, {"cancelled_by": connection_id})
        return turn_items.standing_of(there)

    def _begin_within_budget(self, turn: Turn, values: dict[str, Any], now: datetime) -> tuple[Item, bool]:
        owner, request_id = turn.key.owner, turn.request_id
        update = self._update(owner, request_id, values, once=("began", "turn"))
        count = self._count(owner, values["day"], values["reserved"], limit=self._daily_tokens)
        for _ in range(_TRIES):
            refused = self._at_once(update, count)
            if not refused:
                return self._read_begun(owner, request_id, values), True
            if 0 not in refused:
                raise _used_up(now)
            there = self._read(owner, request_id)
            if not items.expired_or_gone(there, now):
                return there, False
            self._remove_outdated(owner, request_id)
        raise RuntimeError("the record of a turn is removed again and again")

    def _read_begun(self, owner: str, request_id: str, values: dict[str, Any]) -> Item:
        """Return the record of a turn that has begun just now: that must not fail because of a look."""
        try:
            return self._read(owner, request_id)
        except (BotoCoreError, ClientError):
            return items.to_item(values)

    def _at_once(self, *updates: dict[str, Any]) -> set[int]:
        """Make updates in one step; return which of their conditions stood against it."""
        writes = [{"Update": update} for update in updates]
        try:
            outlast(self._client, lambda: self._client.transact_write_items(TransactItems=writes))
        except self._client.exceptions.TransactionCanceledException as canceled:
            reasons = canceled.response["CancellationReasons"]
            refused = {n for n, each in enumerate(reasons) if each.get("Code") == "ConditionalCheckFailed"}
            if not refused:
                raise
            return refused
        return set()

    def _count(self, owner: str, day: str, tokens: int, limit: int | None = None) -> dict[str, Any]:
        """Return the update that counts an owner's tokens of a day, unless they are used up."""
        ttl = items.expiry(datetime.fromisoformat(f"{day}T00:00:00+00:00"), timedelta(days=1) + _COUNT_KEPT)
        update: dict[str, Any] = {
            "TableName": self._table,
            "Key": turn_items.budget_key(owner, day),
            "UpdateExpression": "ADD used :tokens SET #ttl = :ttl",
            "ExpressionAttributeNames": {"#ttl": "ttl"},
            "ExpressionAttributeValues": {":tokens": tokens, ":ttl": ttl},
        }
        if limit is not None:
            update["ConditionExpression"] = "attribute_not_exists(used) OR used < :limit"
            update["ExpressionAttributeValues"][":limit"] = limit
        update["ExpressionAttributeValues"] = items.to_item(update["ExpressionAttributeValues"])
        return update

    def _change(
        self,
        owner: str,
        request_id: str,
        values: dict[str, Any],
        *,
        once: tuple[str, ...] = (),
        counting: str | None = None,
    ) -> tuple[Item, bool]:
        """Set a record's values, unless it has one of those that are set ``once``.

        Returns what is there then, and whether it was this call that changed it.
        """
        update = self._update(owner, request_id, values, once=once, counting=counting)
        for _ in range(_TRIES):
            try:
                reply = outlast(
                    self._client, lambda: self._client.update_item(**update, ReturnValues="ALL_NEW")
                )
            except self._client.exceptions.ConditionalCheckFailedException:
                there = self._read(owner, request_id)
                if not items.expired_or_gone(there, self._clock()):
                    return there, False
                self._remove_outdated(owner, request_id)
            else:
                return reply["Attributes"], True
        raise RuntimeError("the record of a turn is removed again and again")

    def _update(
        self,
        owner: str,
        request_id: str,
        values: dict[str, Any],
        *,
        once: tuple[str, ...] = (),
        counting: str | None = None,
    ) -> dict[str, Any]:
        now = self._clock()
        values = values | {"ttl": items.expiry(now, self._lifetime)}
        names = {f"#{name}": name for name in (*values, *once, *filter(None, (counting,)))}
        expression = "SET " + ", ".join(f"#{name} = :{name}" for name in values)
        # A record that is past its time is no record, whatever DynamoDB still holds.
        condition = "(attribute_not_exists(#ttl) OR #ttl > :now)"
        bound = {f":{name}": value for name, value in values.items()} | {":now": int(now.timestamp())}
        condition += "".join(f" AND attribute_not_exists(#{name})" for name in once)
        if counting is not None:
            expression += f" ADD #{counting} :one"
            bound[":one"] = 1
        return {
            "TableName": self._table,
            "Key": turn_items.key_of(owner, request_id),
            "UpdateExpression": expression,
            "ConditionExpression": condition,
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": items.to_item(bound),
        }

    def _read(self, owner: str, request_id: str) -> Item:
        reply = self._client.get_item(
            TableName=self._table, Key=turn_items.key_of(owner, request_id), ConsistentRead=True
        )
        item: Item = reply.get("Item", {})
        return item

    def _remove_outdated(self, owner: str, request_id: str) -> None:
        with contextlib.suppress(self._client.exceptions.ConditionalCheckFailedException):
            self._client.delete_item(
                TableName=self._table,
                Key=turn_items.key_of(owner, request_id),
                ConditionExpression="#ttl <= :now",
                ExpressionAttributeNames={"#ttl": "ttl"},
                ExpressionAttributeValues=items.to_item({":now": int(self._clock().timestamp())}),
            )


def _used_up(now: datetime) -> QuotaExceeded:
    midnight = datetime.combine(now.date() + timedelta(days=1), datetime.min.time(), now.tzinfo)
    return QuotaExceeded(
        "Today's tokens are used up. The day ends at midnight UTC.",
        retry_after=math.ceil((midnight - now).total_seconds()),
    )
