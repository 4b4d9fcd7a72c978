"""Titles of sessions that outlive what they were taken from.

A title is the beginning of a session's first message. A session that is used day after day keeps its
header for longer than its first exchange is kept: then the title has to become that of the oldest that
is.
"""

from __future__ import annotations

from typing import Any

from bridge.adapters import items
from bridge.conversation import Exchange, Session, SessionKey, title_of
from bridge.ports.speaking import Clock

TRIES = 3
"""How often a title is put right again where a turn wrote the header meanwhile."""


class DynamoTitles:
    """The titles in the sessions' headers."""

    def __init__(self, client: Any, table: str, clock: Clock) -> None:
        self._client = client
        self._table = table
        self._clock = clock

    def renew(self, key: SessionKey) -> None:
        """Have a session's title tell of nothing that is past its time.

        Raises where turns write the header again and again.
        """
        for _ in range(TRIES):
            session = self._header(key)
            if session is None:
                return
            oldest = self._oldest(session)
            if oldest is not None and oldest.turn == session.first_turn:
                return
            title = "" if oldest is None else title_of(oldest.question)
            if title == session.title or self._written(session, title):
                return
        raise RuntimeError("the session's header was changed by others again and again")

    def _header(self, key: SessionKey) -> Session | None:
        reply = self._client.get_item(
            TableName=self._table, Key=items.key_of(key, items.HEADER_SEQ), ConsistentRead=True
        )
        item = reply.get("Item", {})
        return None if items.expired_or_gone(item, self._clock()) else items.header_of(item)

    def _oldest(self, session: Session) -> Exchange | None:
        """Return the oldest exchange of a session that is not past its time."""
        query = {
            "TableName": self._table,
            "KeyConditionExpression": "session_id = :session AND seq >= :first",
            "FilterExpression": "#ttl > :now",
            "ExpressionAttributeNames": {"#ttl": "ttl"},
            "ExpressionAttributeValues": items.to_item(
                {
                    ":session": str(session.key),
                    ":first": session.first_turn,
                    ":now": int(self._clock().timestamp()),
                }
            ),
            "ConsistentRead": True,
            "Limit": 1,
        }
        for page in self._client.get_paginator("query").paginate(**query):
            for item in page["Items"]:
                return items.exchange_of(item)
        return None

    def _written(self, session: Session, title: str) -> bool:
        try:
            self._client.update_item(
                TableName=self._table,
                Key=items.key_of(session.key, items.HEADER_SEQ),
                # A turn under way has the old title: by the version it sees that its header is not the one
                # that it read, and the next turn counts its exchange in.
                UpdateExpression="SET title = :title, version = :next",
                ConditionExpression="version = :read",
                ExpressionAttributeValues=items.to_item(
                    {":title": title, ":next": session.version + 1, ":read": session.version}
                ),
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True
