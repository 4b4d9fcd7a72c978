"""SQS FIFO in this process: a queue with a group for each session, and the one for dead letters behind it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from tests.simulated.strands import Clock

MAX_RECEIVES = 3
"""As `claude_context_bridge.queue` has it."""

REPEATS_WITHIN = 300
"""Seconds in which SQS takes a message of the same deduplication id and group for the same."""


@dataclass(slots=True)
class Message:
    """A message, whose ``place`` says when it got in line, and whose last receipt is its ``handle``.

    It is ``held`` once whoever received it has said how long it is hidden.
    """

    place: int
    group: str
    body: str
    sent: float
    receives: int = 0
    visible: float = 0
    handle: str | None = None
    held: bool = False


class Line:
    """A queue; ``dead`` is where it puts what was received too often."""

    def __init__(self, clock: Clock, visibility: float, dead: Line | None = None) -> None:
        self._clock = clock
        self._visibility = visibility
        self._dead = dead
        self.messages: list[Message] = []
        self._sent: dict[tuple[str, str], float] = {}
        self._place = 0
        self.on_send: Callable[[Message], None] = lambda _: None

    def send(self, group: str, once: str, body: str) -> None:
        """Put a message at the end, unless it was sent just now."""
        now = self._clock()
        if now - self._sent.get((group, once), -REPEATS_WITHIN) < REPEATS_WITHIN:
            return
        self._sent[group, once] = now
        self.add(group, body, now)

    def add(self, group: str, body: str, sent: float) -> None:
        """Put a message at the end."""
        self._place += 1
        message = Message(self._place, group, body, sent)
        self.messages.append(message)
        self.on_send(message)

    def ready(self) -> list[Message]:
        """Return the first message of each group, unless it is hidden: it hides those behind it, too."""
        first: dict[str, Message] = {}
        for message in self.messages:
            first.setdefault(message.group, message)
        return [message for message in first.values() if message.visible <= self._clock()]

    def receive(self, message: Message) -> Message | None:
        """Hand a message over; None where that was too often, and it went to the dead letters instead."""
        if self._dead is not None and message.receives >= MAX_RECEIVES:
            self.messages.remove(message)
            self._dead.add(message.group, message.body, message.sent)
            return None
        message.receives += 1
        message.visible, message.held = self._clock() + self._visibility, False
        message.handle = hashlib.sha256(f"{message.place}/{message.receives}".encode()).hexdigest()
        return message

    def held(self, handle: str) -> Message:
        """Return the message of a receipt that holds. Raises `ClientError` where it does not, as SQS does."""
        for message in self.messages:
            if message.handle == handle and message.visible > self._clock():
                return message
        raise ClientError({"Error": {"Code": "InvalidParameterValue", "Message": "expired"}}, "SQS")

    def redrive(self, into: Line) -> None:
        """Put everything at the end of another line."""
        for message in self.messages:
            into.add(message.group, message.body, self._clock())
        self.messages.clear()


class Lines:
    """SQS as its client has it; ``lines`` are known by their URLs."""

    def __init__(self, lines: dict[str, Line]) -> None:
        self._lines = lines

    def send_message(
        self,
        QueueUrl: str,  # noqa: N803
        MessageBody: str,  # noqa: N803
        MessageGroupId: str,  # noqa: N803
        MessageDeduplicationId: str,  # noqa: N803
    ) -> None:
        self._lines[QueueUrl].send(MessageGroupId, MessageDeduplicationId, MessageBody)

    def change_message_visibility(self, QueueUrl: str, ReceiptHandle: str, VisibilityTimeout: float) -> None:  # noqa: N803
        line = self._lines[QueueUrl]
        message = line.held(ReceiptHandle)
        message.visible, message.held = line._clock() + VisibilityTimeout, True

    def change_message_visibility_batch(self, QueueUrl: str, Entries: list[dict[str, Any]]) -> None:  # noqa: N803
        for each in Entries:
            self.change_message_visibility(QueueUrl, each["ReceiptHandle"], each["VisibilityTimeout"])

    def delete_message(self, QueueUrl: str, ReceiptHandle: str) -> None:  # noqa: N803
        line = self._lines[QueueUrl]
        line.messages.remove(line.held(ReceiptHandle))

    def delete_message_batch(self, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        for each in Entries:
            self.delete_message(QueueUrl, each["ReceiptHandle"])
        return {}

    def receive_message(
        self,
        QueueUrl: str,  # noqa: N803
        MaxNumberOfMessages: int,  # noqa: N803
        VisibilityTimeout: float,  # noqa: N803
        **_: object,
    ) -> dict[str, Any]:
        line = self._lines[QueueUrl]
        found = list(self._some(line, MaxNumberOfMessages))
        for message in found:
            line.receive(message)
            message.visible = line._clock() + VisibilityTimeout
        return {"Messages": [{"Body": each.body, "ReceiptHandle": each.handle} for each in found]}

    @staticmethod
    def _some(line: Line, most: int) -> Iterator[Message]:
        groups = {message.group for message in line.ready()}
        for message in line.messages:
            if message.group in groups and most > 0:
                if message.visible > line._clock():
                    groups.discard(message.group)
                    continue
                most -= 1
                yield message
