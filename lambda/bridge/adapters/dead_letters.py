"""The dead-letter queue, as far as what is forgotten may lie in it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from aws_lambda_powertools import Logger

from bridge.adapters.queue import decode
from bridge.conversation import SessionKey

AT_ONCE = 10
"""SQS's limit of a call, in messages."""

MOST_ROUNDS = 50
"""Calls that look through the queue at most: 500 messages in about a second. One that is fuller than
that is its operator's business first; what is put back into the line from it is dropped there."""

HIDDEN_SECONDS = 10
"""How long messages stay hidden that were looked at, should their reader die: whoever looks meanwhile does
not see them. A function that is killed because its time is up has looked long before."""

WAIT_SECONDS = 1
"""How long an empty answer is waited for: one that comes at once does not ask all of SQS's servers."""


class SqsDeadLetters:
    """The turns that could not even be recorded as failed."""

    def __init__(self, client: Any, url: str, logger: Logger) -> None:
        self._client = client
        self._url = url
        self._logger = logger

    def take_out(self, owner: str, session: str | None, before: Callable[[Collection[str]], None]) -> None:
        """Remove the turns of a session, or without one those of all the owner's; let the others lie."""
        others: list[str] = []
        try:
            for _ in range(MOST_ROUNDS):
                messages = self._receive()
                if not messages:
                    return
                wanted: dict[str, str] = {}
                for message in messages:
                    request_id = _request_of(message["Body"], owner, session)
                    if request_id is None:
                        others.append(message["ReceiptHandle"])
                    else:
                        wanted[message["ReceiptHandle"]] = request_id
                if wanted:
                    before(wanted.values())
                    self._delete(list(wanted))
            self._logger.warning("the dead letters could not all be looked through", looked_at=len(others))
        finally:
            self._let_go(others)

    def _receive(self) -> list[dict[str, Any]]:
        reply = self._client.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=AT_ONCE,
            VisibilityTimeout=HIDDEN_SECONDS,
            WaitTimeSeconds=WAIT_SECONDS,
        )
        found: list[dict[str, Any]] = reply.get("Messages", [])
        return found

    def _delete(self, receipts: list[str]) -> None:
        entries = [{"Id": str(number), "ReceiptHandle": each} for number, each in enumerate(receipts)]
        reply = self._client.delete_message_batch(QueueUrl=self._url, Entries=entries)
        if reply.get("Failed"):
            raise RuntimeError("dead letters could not be deleted")

    def _let_go(self, receipts: list[str]) -> None:
        for start in range(0, len(receipts), AT_ONCE):
            entries = [
                {"Id": str(number), "ReceiptHandle": each, "VisibilityTimeout": 0}
                for number, each in enumerate(receipts[start : start + AT_ONCE])
            ]
            try:
                self._client.change_message_visibility_batch(QueueUrl=self._url, Entries=entries)
            except Exception:  # they show up by themselves
                self._logger.warning("dead letters stay hidden for a while", exc_info=True)


def _request_of(body: str, owner: str, session: str | None) -> str | None:
    """Return the request of a turn, if it is one of the session's, or without one of the owner's."""
    try:
        turn = decode(body)
    except (LookupError, TypeError, ValueError):
        return None  # not the bridge's
    wanted = turn.key.owner == owner if session is None else turn.key == SessionKey(owner, session)
    return turn.request_id if wanted else None
