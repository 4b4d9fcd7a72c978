"""Tokens that are void before they expire: an item of the sessions table for each owner who has any.

It is `revoked#{owner}`, -1: `before` (in seconds since the epoch) voids whatever was issued earlier, `tokens`
are the ids of single ones. The bridge looks at each handshake, and on open connections within a minute.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from bridge_cli.aws import in_words

KEPT = 10 * 365 * 86_400
"""Seconds for which a revocation is kept after its last change: longer than any token lives."""

_SEQ = "-1"
_NEEDS = "It takes dynamodb:GetItem and dynamodb:UpdateItem on the sessions table."


@dataclass(frozen=True)
class Revoked:
    """What is void of an owner's tokens; `before` is None where single ones are at most."""

    before: int | None
    tokens: tuple[str, ...]


class Revocations:
    """The revocations in a sessions table; `client` is DynamoDB's. All raise NotConfigured."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def revoke(self, owner: str, token_ids: Collection[str]) -> None:
        """Void single tokens by their ids; those that were void stay so."""
        self._update(
            owner,
            "SET #ttl = :ttl ADD #tokens :tokens",
            {"#tokens": "tokens"},
            {":tokens": {"SS": sorted(set(token_ids))}},
        )

    def revoke_before(self, owner: str, moment: int) -> int:
        """Void all tokens that were issued before a moment, and return from when on they are good.

        That is later where a later moment was set already: it never goes back.
        """
        try:
            self._update(
                owner,
                "SET #ttl = :ttl, #before = :before",
                {"#before": "before"},
                {":before": {"N": str(moment)}},
                ConditionExpression="attribute_not_exists(#before) OR #before < :before",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._client.exceptions.ConditionalCheckFailedException as later:
            return int(later.response["Item"]["before"]["N"])
        return moment

    def read(self, owner: str) -> Revoked:
        """Return what is void of an owner's tokens."""
        with in_words(f"the table {self._table}", _NEEDS):
            reply = self._client.get_item(TableName=self._table, Key=_key(owner), ConsistentRead=True)
        item = reply.get("Item", {})
        before = item.get("before")
        return Revoked(
            int(before["N"]) if before else None, tuple(sorted(item.get("tokens", {}).get("SS", ())))
        )

    def _update(
        self, owner: str, expression: str, names: dict[str, str], values: dict[str, Any], **more: Any
    ) -> None:
        with in_words(f"the table {self._table}", _NEEDS):
            self._client.update_item(
                TableName=self._table,
                Key=_key(owner),
                UpdateExpression=expression,
                ExpressionAttributeNames={"#ttl": "ttl"} | names,
                ExpressionAttributeValues={":ttl": {"N": str(int(time.time()) + KEPT)}} | values,
                **more,
            )


def _key(owner: str) -> dict[str, Any]:
    return {"session_id": {"S": f"revoked#{owner}"}, "seq": {"N": _SEQ}}
