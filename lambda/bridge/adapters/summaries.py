"""Sessions' summaries in DynamoDB, each an item beside its session's.

Not in the header, which every turn writes anew: a summary there would cost its size each time.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from bridge.adapters import items
from bridge.adapters.conflicts import outlast, reasons
from bridge.conversation import Session, SessionKey, format_time
from bridge.memory.summary import Summary
from bridge.ports.sessions import Taken
from bridge.ports.speaking import Clock


class DynamoSummaries:
    """The summaries. ``memory_ttl`` runs from the oldest that one tells of.

    Past it the summary is written anew, from what is still kept.
    """

    def __init__(self, client: Any, table: str, memory_ttl: timedelta, clock: Clock) -> None:
        self._client = client
        self._table = table
        self._memory_ttl = memory_ttl
        self._clock = clock

    def keep(self, session: Session, before: Summary | None, summary: Summary, taken: Taken) -> bool:
        """Put a summary in the place of the one ``before``, and count what it took, in one transaction.

        Not on condition of the header's very version, which every turn changes: the session has to be
        the same, with its window cut at least as far as the summary reaches. One that was forgotten,
        and its name given again, counts its versions anew.
        """
        actions = [
            {"Put": self._put(session, before, summary)},
            {"Update": self._count(session, summary, taken)},
        ]
        try:
            outlast(self._client, lambda: self._client.transact_write_items(TransactItems=actions))
        except self._client.exceptions.TransactionCanceledException as canceled:
            if "ConditionalCheckFailed" not in reasons(canceled):
                raise
            return False
        return True

    def drop(self, key: SessionKey) -> None:
        """Remove the summary of a session that is no more."""
        self._client.delete_item(TableName=self._table, Key=items.key_of(key, items.SUMMARY_SEQ))

    def _put(self, session: Session, before: Summary | None, summary: Summary) -> dict[str, Any]:
        # One that covers less than the session's first turn is an earlier session's of that name.
        condition = "attribute_not_exists(session_id) OR covers < :first OR #ttl <= :now"
        now = int(self._clock().timestamp())
        values: dict[str, Any] = {":first": session.first_turn, ":now": now}
        names = {"#ttl": "ttl"}
        if before is not None:
            condition, values, names = "covers = :before", {":before": before.covers}, {}
        plain = {
            "session_id": str(session.key),
            "seq": items.SUMMARY_SEQ,
            "covers": summary.covers,
            "text": summary.text,
            "since": format_time(summary.since),
            "ttl": items.expiry(summary.since, self._memory_ttl),
        }
        return {
            "TableName": self._table,
            "Item": items.to_item(plain),
            "ConditionExpression": condition,
            "ExpressionAttributeValues": items.to_item(values),
            **({"ExpressionAttributeNames": names} if names else {}),
        }

    def _count(self, session: Session, summary: Summary, taken: Taken) -> dict[str, Any]:
        counts = {name: count for name, count in taken.usage.as_dict().items() if count} | {"count": 1}
        if taken.cost is not None:
            counts["cost"] = taken.cost.nanodollars
            counts["uncached_cost"] = taken.cost.uncached_nanodollars
        additions = ", ".join(f"{items.SUMMARY_PREFIX}{name} :{name}" for name in counts)
        values = {":covers": summary.covers, ":first": session.first_turn, ":read": session.version}
        return {
            "TableName": self._table,
            "Key": items.key_of(session.key, items.HEADER_SEQ),
            "UpdateExpression": f"ADD {additions}",
            "ConditionExpression": "first_turn = :first AND window_start > :covers AND version >= :read",
            "ExpressionAttributeValues": items.to_item(
                values | {f":{name}": count for name, count in counts.items()}
            ),
        }
