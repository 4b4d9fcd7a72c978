"""Putting an exchange once, together with the instructions that its message named."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from bridge.adapters import items
from bridge.adapters.conflicts import outlast
from bridge.adapters.instructions import DynamoInstructions
from bridge.adapters.items import Item
from bridge.conversation import Exchange, SessionKey
from bridge.errors import TurnTaken


class Exchanges:
    """Puts exchanges. ``memory_ttl`` runs from each."""

    def __init__(
        self, client: Any, table: str, memory_ttl: timedelta, instructions: DynamoInstructions
    ) -> None:
        self._client = client
        self._table = table
        self._memory_ttl = memory_ttl
        self._instructions = instructions

    def put(self, exchange: Exchange, key: SessionKey, system: str | None) -> Exchange:
        """Put an exchange unless the turn has one; return what it has.

        Raises `TurnTaken` where that is another turn's. An exchange that changes its session's instructions
        to ``system`` does so in one transaction: they are in force exactly if the turn is kept. Else it is a
        plain write, which costs half.
        """
        put = {
            "TableName": self._table,
            "Item": items.exchange_item(exchange, key, self._memory_ttl),
            "ConditionExpression": "attribute_not_exists(session_id)",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        if exchange.instructed is None or system is None:
            item = self._put(put)
        else:
            item = self._put_both(put, self._instructions.change(exchange, key, system))
        if item is None:
            return exchange
        there = items.exchange_of(item)
        if there.request_id != exchange.request_id:
            raise TurnTaken(str(key))
        # The table has milliseconds: the same one that is put twice is the same.
        return exchange if replace(there, at=exchange.at) == exchange else there

    def _put(self, put: dict[str, Any]) -> Item | None:
        """Put an item; return what was there before, and then it stays."""
        try:
            outlast(self._client, lambda: self._client.put_item(**put))
        except self._client.exceptions.ConditionalCheckFailedException as taken:
            there: Item = taken.response["Item"]
            return there
        return None

    def _put_both(self, put: dict[str, Any], change: dict[str, Any]) -> Item | None:
        actions = [{"Put": put}, change]
        try:
            outlast(self._client, lambda: self._client.transact_write_items(TransactItems=actions))
        except self._client.exceptions.TransactionCanceledException as canceled:
            taken = canceled.response["CancellationReasons"][0]
            if taken["Code"] != "ConditionalCheckFailed":
                raise
            there: Item = taken["Item"]
            return there
        return None
