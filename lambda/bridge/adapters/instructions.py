"""Sessions' own instructions in DynamoDB, each an item beside its session's.

Not in the header, which every turn writes anew: they would cost their size each time. The header says that
there are some, so that nobody looks for those of a session that has none. See docs/decisions/.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from aws_lambda_powertools import Logger
from botocore.exceptions import ClientError

from bridge.adapters import items
from bridge.adapters.conflicts import outlast
from bridge.adapters.items import Item
from bridge.conversation import Exchange, Instructions, Session, SessionKey, format_time
from bridge.ports.speaking import Clock

SPARE_SHARE = 0.25
LEAST_SPARE = timedelta(hours=2)
"""How much longer than their session they are kept: a share of its time, or so long. A session's time begins
anew with each turn; theirs only when the spare time is nearly used up, since it costs what they are long."""

LAST_HOUR = timedelta(hours=1)
"""What must be left of the spare time, so that a session that this turn keeps alive has them to its end. A
turn takes a quarter of an hour at most."""


class DynamoInstructions:
    """The instructions. The header's ``ttl`` rules them, too; ``session_ttl`` is the header's."""

    def __init__(self, client: Any, table: str, session_ttl: timedelta, clock: Clock, logger: Logger) -> None:
        self._client = client
        self._table = table
        self._session_ttl = session_ttl
        self._spare = max(session_ttl * SPARE_SHARE, LEAST_SPARE)
        self._clock = clock
        self._logger = logger

    def of(self, session: Session, *, renew: bool) -> Instructions | None:
        """Return a session's instructions, read consistently; nothing is read where it has none.

        With ``renew`` they go on being kept for as long as the session that has its next turn now.
        """
        # An earlier session's of the same name: the release before begins one without looking at them.
        if session.instructed is None or session.instructed < session.first_turn:
            return None
        key = items.key_of(session.key, items.INSTRUCTIONS_SEQ)
        item = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True).get("Item")
        if item is None:  # forgotten or removed since the header was read
            return None
        if renew:
            self._renew(item)
        plain = items.from_item(item)
        return Instructions(plain["text"], int(plain["turn"]))

    def change(self, exchange: Exchange, key: SessionKey, system: str) -> dict[str, Any]:
        """Return the part of a transaction by which an exchange's message changes the instructions."""
        place = {"TableName": self._table}
        if not system:
            return {"Delete": place | {"Key": items.key_of(key, items.INSTRUCTIONS_SEQ)}}
        plain = {
            "session_id": str(key),
            "seq": items.INSTRUCTIONS_SEQ,
            "text": system,
            "turn": exchange.turn,
            "since": format_time(exchange.at),
            "ttl": items.expiry(exchange.at, self._session_ttl + self._spare),
        }
        return {"Put": place | {"Item": items.to_item(plain)}}

    def take_back(self, exchange: Exchange, key: SessionKey) -> None:
        """Remove what an exchange's message named, unless another has named others since."""
        outlast(
            self._client,
            lambda: self._client.delete_item(
                TableName=self._table,
                Key=items.key_of(key, items.INSTRUCTIONS_SEQ),
                ConditionExpression="attribute_not_exists(session_id) OR (turn = :turn AND since = :since)",
                ExpressionAttributeValues=items.to_item(
                    {":turn": exchange.turn, ":since": format_time(exchange.at)}
                ),
            ),
        )

    def _renew(self, item: Item) -> None:
        now = self._clock()
        if int(item["ttl"]["N"]) >= items.expiry(now, self._session_ttl + LAST_HOUR):
            return
        try:
            self._client.update_item(
                TableName=self._table,
                Key={name: item[name] for name in ("session_id", "seq")},
                UpdateExpression="SET #ttl = :ttl",
                ConditionExpression="since = :since",
                ExpressionAttributeNames={"#ttl": "ttl"},
                ExpressionAttributeValues={
                    **items.to_item({":ttl": items.expiry(now, self._session_ttl + self._spare)}),
                    ":since": item["since"],
                },
            )
        except ClientError:  # there is time left, and every turn tries it
            self._logger.warning("a session's instructions could not be renewed", exc_info=True)
