"""moto's SQS with the two operations that it lacks, as AWS documents them: moving messages out of a DLQ.

They are added to moto's own dispatcher, so that the client's serialization and its errors are the real ones.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.core.responses import ActionResult
from moto.sqs.exceptions import SQSException
from moto.sqs.models import Message, Queue
from moto.sqs.responses import SQSResponse


@dataclass
class Mover:
    """What the moves do: each look moves `at_once` messages; after the last one a task ends as `ending`."""

    at_once: int = 2
    ending: str = "COMPLETED"
    reason: str | None = None
    tasks: list[dict[str, Any]] = field(default_factory=list)
    refuse: str | None = None
    looks: int = 0

    def start(self, response: SQSResponse) -> ActionResult:
        if self.refuse is not None:
            raise ClientError({"Error": {"Code": self.refuse}}, "StartMessageMoveTask")
        source = _queue(response)
        if any(task["Status"] == "RUNNING" for task in self.tasks):
            raise SQSException("InvalidParameterValue", "There is already a task running.")
        to_move = len(source.messages)
        self.tasks.insert(0, {
            "SourceArn": source.queue_arn,
            "Status": "RUNNING",
            "ApproximateNumberOfMessagesMoved": 0,
            "ApproximateNumberOfMessagesToMove": to_move,
            "StartedTimestamp": 1_700_000_000_000 + len(self.tasks),
        })  # fmt: skip
        return ActionResult({"TaskHandle": "a-handle"})

    def list(self, response: SQSResponse) -> ActionResult:
        source = _queue(response)
        self.looks += 1
        for task in self.tasks:
            if task["Status"] == "RUNNING":
                self._go_on(response, source, task)
        return ActionResult({"Results": self.tasks[: int(response._get_param("MaxResults") or 1)]})

    def _go_on(self, response: SQSResponse, source: Queue, task: dict[str, Any]) -> None:
        target = next(
            queue
            for queue in response.sqs_backend.queues.values()
            if queue.redrive_policy and queue.redrive_policy["deadLetterTargetArn"] == source.queue_arn
        )
        for old in list(source.messages)[: self.at_once]:
            source._messages.remove(old)
            new = Message(f"new-{old.id}", old.body)
            new.group_id, new.deduplication_id = old.group_id, old.deduplication_id
            new.mark_sent()
            target._messages.append(new)
            task["ApproximateNumberOfMessagesMoved"] += 1
        if not source.messages or self.ending != "COMPLETED":
            task["Status"] = self.ending
            if self.reason:
                task["FailureReason"] = self.reason


def _queue(response: SQSResponse) -> Queue:
    name = str(response._get_param("SourceArn")).rpartition(":")[2]
    return response.sqs_backend.get_queue(name)


def install(monkeypatch: pytest.MonkeyPatch) -> Mover:
    """Teach moto to move messages."""
    mover = Mover()

    def start(response: SQSResponse) -> ActionResult:
        return mover.start(response)

    def list_(response: SQSResponse) -> ActionResult:
        return mover.list(response)

    monkeypatch.setattr(SQSResponse, "start_message_move_task", start, raising=False)
    monkeypatch.setattr(SQSResponse, "list_message_move_tasks", list_, raising=False)
    return mover
