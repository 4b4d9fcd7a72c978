"""Takes messages from the queue and hands them to the answer function, as Lambda's own pollers do in AWS.

The emulator has a poller too, but it sleeps for a second when idle and works on one message at a time. Here
several workers poll long, hand a message on, and poll again at once; the queue itself lets only one message
of a group be under way. A new message wakes them, and so does one that is done (waking.py). One that shows up
because its time-out is over is seen at the emulator's next look into the queue, every 100 ms from a poll's
beginning: so the polls begin evenly spread over those 100 ms.
"""

from __future__ import annotations

import http.client
import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from bridge_local.aws import REGION, CallFailed, Connection
from bridge_local.invoking import Invokers

_POLLERS = 5
_EMULATOR_LOOKS_SECONDS = 0.1
_POLL_SECONDS = 10
_CONCURRENCY = 32
_PAUSE_SECONDS = 0.5

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Source:
    """What the feeder stands between."""

    port: int
    queue_url: str
    queue_arn: str
    function: str


@dataclass
class Fed:
    """How many messages were answered, and how many failed and will be delivered again."""

    succeeded: int = 0
    failed: int = 0


class Feeder:
    """The pollers, from `start` to `stop`."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.fed = Fed()
        self._invokers = Invokers(source.port, _CONCURRENCY)

    def start(self) -> None:
        """Begin to poll."""
        for number in range(_POLLERS):
            name = f"poll-{number}"
            threading.Thread(target=self._poll, args=(number / _POLLERS,), name=name, daemon=True).start()

    def stop(self, patience: float = 0) -> None:
        """Take no more messages, and give the answers under way `patience` seconds to end.

        What has not ended by then is delivered again, once its message shows up in the queue.
        """
        self._invokers.stop(patience)

    @property
    def busy(self) -> bool:
        """Tell whether an answer is under way."""
        return self._invokers.busy

    def _poll(self, phase: float) -> None:
        poller = self._invokers.connection(timeout=_POLL_SECONDS + 20)
        stopping = self._invokers.stopping
        request = {
            "QueueUrl": self.source.queue_url,
            "MaxNumberOfMessages": 1,
            "WaitTimeSeconds": _POLL_SECONDS,
            "MessageSystemAttributeNames": ["All"],
            "MessageAttributeNames": ["All"],
        }
        while True:
            self._invokers.wait_for_room()  # no message is taken that nobody could work on
            _until(phase)
            if stopping.is_set():
                poller.close()
                return
            try:
                messages = poller.call("sqs", "ReceiveMessage", request).get("Messages", [])
            except (OSError, http.client.HTTPException, ValueError, CallFailed) as e:
                _log.debug("poll: %s", e)
                stopping.wait(_PAUSE_SECONDS)
                continue
            for message in messages:
                self._invokers.begin(partial(self._work_on, message))

    def _work_on(self, message: Mapping[str, Any], connection: Connection) -> None:
        try:
            succeeded, returned = connection.invoke(
                self.source.function, event(message, self.source.queue_arn)
            )
            if succeeded and not failures(returned):
                receipt = {"QueueUrl": self.source.queue_url, "ReceiptHandle": message["ReceiptHandle"]}
                connection.call("sqs", "DeleteMessage", receipt)
                self.fed.succeeded += 1
                return
            _log.warning("the answer function failed for message %s: %.500s", message["MessageId"], returned)
            self.fed.failed += 1
        except (OSError, http.client.HTTPException, ValueError, CallFailed) as e:
            if not self._invokers.stopping.is_set():
                _log.warning("message %s will be delivered again: %s", message["MessageId"], e)
                self.fed.failed += 1


def event(message: Mapping[str, Any], queue_arn: str) -> dict[str, Any]:
    """Return the event that Lambda's pollers make of a message as ReceiveMessage returns it."""
    record: dict[str, Any] = {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": dict(message.get("Attributes", {})),
        "messageAttributes": {
            name: _attribute(value) for name, value in message.get("MessageAttributes", {}).items()
        },
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": queue_arn.split(":")[3] if queue_arn.count(":") >= 5 else REGION,  # noqa: PLR2004
    }
    if digest := message.get("MD5OfMessageAttributes"):
        record["md5OfMessageAttributes"] = digest
    return {"Records": [record]}


def _attribute(value: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {"dataType": value["DataType"], "stringListValues": [], "binaryListValues": []}
    if "StringValue" in value:
        made["stringValue"] = value["StringValue"]
    if "BinaryValue" in value:
        made["binaryValue"] = value["BinaryValue"]
    return made


def failures(returned: object) -> list[Any]:
    """Return the partial failures that a function reported; for a batch of one, any is the whole."""
    found = returned.get("batchItemFailures") if isinstance(returned, Mapping) else None
    return list(found) if isinstance(found, list) else []


def _until(phase: float) -> None:
    """Sleep until the clock stands at `phase` (0 to 1) of the emulator's interval."""
    now = time.monotonic() / _EMULATOR_LOOKS_SECONDS
    time.sleep(((phase - now) % 1) * _EMULATOR_LOOKS_SECONDS)
