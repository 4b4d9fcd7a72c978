"""The line of turns in SQS FIFO: one message group per session, and how a turn looks in it."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from aws_lambda_powertools import Logger

from bridge.conversation import SessionKey, Turn

HOLD_SECONDS = 90
"""Seconds for which a running answer hides its message: a killed one is taken up again after that."""

RENEWALS = 3
"""How often it is renewed in that time: two renewals may fail before the message shows up again."""

HELD_WITHIN = 2.0
"""Seconds for which the work waits for its message to be held: one that is killed before blocks its session
for the queue's visibility timeout. Where SQS does not answer, it goes on without."""

RETRY_SECONDS = 5
"""Seconds until a turn that could not even be recorded as failed is delivered again."""


def encode(turn: Turn) -> str:
    """Return the turn as its message's body, in the characters that SQS takes: XML's.

    Not all in ASCII, which would double what most alphabets take. JSON escapes the controls; the
    two noncharacters that SQS refuses besides can only stand within a string.
    """
    plain = asdict(turn)
    if turn.system is None:  # so that a function of the release before goes on reading all other turns
        del plain["system"]
    body = json.dumps(plain, ensure_ascii=False, separators=(",", ":"))
    return body.replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")


def decode(body: str) -> Turn:
    """Return the turn that `encode` wrote."""
    plain = json.loads(body)
    return Turn(**{**plain, "key": SessionKey(**plain["key"])})


class SqsTurnQueue:
    """The FIFO queue between the message and the answer function."""

    def __init__(self, client: Any, url: str, logger: Logger, hold_seconds: int = HOLD_SECONDS) -> None:
        self._client = client
        self._url = url
        self._logger = logger
        self._hold_seconds = hold_seconds

    def send(self, turn: Turn) -> None:
        """Put a turn at the end of its session's line. SQS drops what the SDK sends again.

        Not what a client sends again: a request that was taken in before is recognized by its record,
        and one whose session was forgotten has to get through also within SQS's five minutes.
        """
        self._client.send_message(
            QueueUrl=self._url,
            MessageBody=encode(turn),
            MessageGroupId=_digest(str(turn.key)),
            MessageDeduplicationId=_digest(f"{turn.key}/{turn.request_id}/{turn.accepted}"),
        )

    @contextmanager
    def hold(self, receipt_handle: str) -> Iterator[None]:
        """Hide a message while its turn is worked on, a short time at a time.

        The queue's own visibility timeout covers the function's longest run; after a kill it
        would block the session for that long. Where the work raises, the message shows up soon.
        """
        held, done = threading.Event(), threading.Event()
        keeper = threading.Thread(
            target=self._renew, args=(receipt_handle, held, done), name="hold", daemon=True
        )
        keeper.start()
        held.wait(HELD_WITHIN)
        try:
            yield
        except BaseException:
            done.set()
            keeper.join()
            self._hide(receipt_handle, RETRY_SECONDS)
            raise
        finally:
            done.set()
            keeper.join()

    def _renew(self, receipt_handle: str, held: threading.Event, done: threading.Event) -> None:
        while not done.is_set():
            self._hide(receipt_handle, self._hold_seconds)
            held.set()
            done.wait(self._hold_seconds / RENEWALS)

    def _hide(self, receipt_handle: str, seconds: int) -> None:
        try:
            self._client.change_message_visibility(
                QueueUrl=self._url, ReceiptHandle=receipt_handle, VisibilityTimeout=seconds
            )
        except Exception:  # the hold is a courtesy to the next turn: this one goes on without it
            self._logger.warning("could not hold the message", exc_info=True)


def _digest(text: str) -> str:
    """Return an id that SQS takes, whatever characters and length ``text`` has."""
    return hashlib.sha256(text.encode()).hexdigest()
