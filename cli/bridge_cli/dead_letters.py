"""The dead-letter queue: turns that could not even be recorded as failed. Looked at, and put back in line.

SQS has no way to look without receiving: what is looked at is hidden from others for a moment, and each look
counts as a delivery. A FIFO queue shows at most ten messages of a session before one of them is removed.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from bridge_cli.aws import code_of, in_words
from bridge_cli.errors import BridgeError

HIDDEN = 60
"""Seconds for which what is looked at is hidden at most, should the look end without a word."""

PAUSE = 1.0
"""Seconds between two looks at how far a move is."""

_AT_ONCE = 10  # messages; SQS gives and takes no more
_PATIENCE = 1  # seconds that SQS looks through all its servers, where it should have more
_UNDER_WAY = {"RUNNING", "CANCELLING"}
_UNKNOWN = {"InvalidAction", "AWS.SimpleQueueService.UnsupportedOperation", "UnknownOperationException"}

_LOOKING = "It takes sqs:GetQueueAttributes, sqs:ReceiveMessage and sqs:ChangeMessageVisibility on it."
_MOVING = (
    "It takes sqs:StartMessageMoveTask, sqs:ListMessageMoveTasks, sqs:GetQueueAttributes, sqs:ReceiveMessage "
    "and sqs:DeleteMessage on it, and sqs:SendMessage on the queue that it belongs to."
)


@dataclass(frozen=True)
class DeadLetter:
    """A turn that stands in the dead-letter queue.

    `message_id` is SQS's. What its body does not tell is None: `accepted` and `received` (when it was first
    delivered) are ISO 8601. `deliveries` counts this look and earlier ones in.
    """

    message_id: str
    owner: str | None
    session_id: str | None
    request_id: str | None
    accepted: str | None
    received: str | None
    deliveries: int
    text: str | None = field(repr=False)

    def as_json(self, *, show_text: bool) -> dict[str, Any]:
        """Return what `--json` prints of it."""
        told = {name: value for name, value in vars(self).items() if name != "text"}
        return told | ({"text": self.text} if show_text else {})


@dataclass(frozen=True)
class Move:
    """How far SQS is with moving messages, as far as it tells; `started` is in milliseconds."""

    status: str
    moved: int
    of: int
    started: int
    reason: str


class DeadLetters:
    """The dead-letter queue at a URL; `client` is SQS's. Whatever it asks may raise NotConfigured."""

    def __init__(self, client: Any, url: str) -> None:
        self._client = client
        self._url = url

    def look(self, limit: int) -> tuple[list[DeadLetter], int]:
        """Return what stands there, at most `limit`, and about how many more do; hide none of it for long."""
        _, visible, hidden = self._state()
        found: dict[str, dict[str, Any]] = {}
        with in_words("the dead-letter queue", _LOOKING), self._shown_again(found):
            while len(found) < limit:
                more = self._client.receive_message(
                    QueueUrl=self._url,
                    MaxNumberOfMessages=min(_AT_ONCE, limit - len(found)),
                    VisibilityTimeout=HIDDEN,
                    WaitTimeSeconds=_PATIENCE if len(found) < visible else 0,
                    MessageSystemAttributeNames=["All"],
                ).get("Messages", [])
                new = {message["MessageId"]: message for message in more}
                if not new.keys() - found.keys():
                    break  # or it took so long that what came first comes again
                found |= new
        return [_read(message) for message in found.values()], max(visible + hidden - len(found), 0)

    def move_back(self) -> Callable[[], Move | None] | None:
        """Have SQS move everything back to the queue that it came from; return what tells how far that is.

        Nothing is tried, and None returned, where the queue is empty. Raises BridgeError where all is hidden,
        or a move is under way.
        """
        arn, visible, hidden = self._state()
        if not visible and not hidden:
            return None
        before = self._newest_move(arn)
        if before is not None and before.status in _UNDER_WAY:
            raise _already(before)
        if not visible:
            raise _hidden(hidden)
        try:
            with in_words("the dead-letter queue", _MOVING), _known():
                self._client.start_message_move_task(SourceArn=arn)
        except BridgeError:
            newest = self._newest_move(arn)
            if newest is not None and newest.status in _UNDER_WAY:  # somebody was faster
                raise _already(newest) from None
            raise

        def look() -> Move | None:
            newest = self._newest_move(arn)
            return None if before is not None and newest == before else newest

        return look

    def _state(self) -> tuple[str, int, int]:
        """Return the queue's ARN, and about how many messages it shows and hides."""
        shown, hidden = "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"
        with in_words("the dead-letter queue", _LOOKING):
            told = self._client.get_queue_attributes(
                QueueUrl=self._url, AttributeNames=["QueueArn", shown, hidden]
            )["Attributes"]
        return told["QueueArn"], int(told[shown]), int(told[hidden])

    def _newest_move(self, arn: str) -> Move | None:
        with in_words("the dead-letter queue", _MOVING), _known():
            told = self._client.list_message_move_tasks(SourceArn=arn, MaxResults=10)
        moves = [
            Move(
                status=one.get("Status", ""),
                moved=int(one.get("ApproximateNumberOfMessagesMoved") or 0),
                of=int(one.get("ApproximateNumberOfMessagesToMove") or 0),
                started=int(one.get("StartedTimestamp") or 0),
                reason=one.get("FailureReason") or "",
            )
            for one in told.get("Results", [])
        ]
        return max(moves, key=lambda move: move.started, default=None)

    @contextmanager
    def _shown_again(self, found: dict[str, dict[str, Any]]) -> Iterator[None]:
        """Show the messages to everybody again, whatever happens."""
        try:
            yield
        finally:
            handles = [message["ReceiptHandle"] for message in found.values()]
            for start in range(0, len(handles), _AT_ONCE):
                self._client.change_message_visibility_batch(
                    QueueUrl=self._url,
                    Entries=[
                        {"Id": str(number), "ReceiptHandle": handle, "VisibilityTimeout": 0}
                        for number, handle in enumerate(handles[start : start + _AT_ONCE])
                    ],
                )


def follow(look: Callable[[], Move | None], progress: Callable[[str], None]) -> int:
    """Wait until a move has ended, and return how many messages were moved.

    Raises BridgeError where it failed or was cancelled.
    """
    told = ""
    while True:
        move = look()
        if move is not None and move.status not in _UNDER_WAY:
            break
        line = f"{move.moved:,} of about {move.of:,} moved …" if move is not None else "It begins …"
        if line != told:
            progress(line)
            told = line
        time.sleep(PAUSE)
    if move.status == "COMPLETED":
        return move.moved
    why = f": {move.reason}" if move.reason else ""
    raise BridgeError(
        f"the move ended as {move.status or 'unknown'} after {move.moved:,} of about {move.of:,}{why}",
        hint=f"What was not moved still stands there: `bridge dead-letters list`. {_MOVING}",
    )


@contextmanager
def _known() -> Iterator[None]:
    """Tell where SQS cannot move messages: the emulator of the local AWS does not know how."""
    import botocore.exceptions

    try:
        yield
    except botocore.exceptions.ClientError as error:
        if code_of(error) not in _UNKNOWN:
            raise
        raise BridgeError(
            "this SQS cannot move messages: the AWS on this machine (MiniStack) has no StartMessageMoveTask",
            hint="Ask again instead; `bridge dead-letters list --show-text` tells what. On AWS it works.",
        ) from error


def _already(move: Move) -> BridgeError:
    return BridgeError(
        f"a move is under way already: {move.moved:,} of about {move.of:,} moved",
        hint="SQS does one at a time. Try again when it has ended: `bridge dead-letters list`.",
    )


def _hidden(count: int) -> BridgeError:
    return BridgeError(
        f"nothing can be moved just now: about {count:,} are hidden, since somebody looks at them",
        hint=f"Try again in {HIDDEN} s.",
    )


def _read(message: dict[str, Any]) -> DeadLetter:
    """Return what a message tells; one that is no turn has its id and its times only."""
    attributes = message.get("Attributes", {})
    try:
        body = json.loads(message["Body"])
    except ValueError:
        body = None
    turn: dict[str, Any] = body if isinstance(body, dict) else {}
    named = turn.get("key")
    key: dict[str, Any] = named if isinstance(named, dict) else {}
    return DeadLetter(
        message_id=message["MessageId"],
        owner=_text(key.get("owner")),
        session_id=_text(key.get("name")),
        request_id=_text(turn.get("request_id")),
        accepted=_time(turn.get("accepted")),
        received=_time(attributes.get("ApproximateFirstReceiveTimestamp")),
        deliveries=int(attributes.get("ApproximateReceiveCount", 0)),
        text=_text(turn.get("message")) if turn else message["Body"],
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _time(milliseconds: object) -> str | None:
    """Return a time as the wire tells times; None where it is none, or not known (0)."""
    try:
        told = int(milliseconds) if isinstance(milliseconds, int | str) else 0
        moment = datetime.fromtimestamp(told / 1000, UTC) if told > 0 else None
    except (ValueError, OverflowError, OSError):
        return None
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z") if moment else None
