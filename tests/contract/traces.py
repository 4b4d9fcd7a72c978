"""Looking for traces: every item of both tables, every message of both queues, and dying on the way."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from moto.dynamodb.models import dynamodb_backends
from moto.sqs.models import Message, Queue, sqs_backends

from bridge.adapters import items
from tests import aws
from tests.contract.conftest import Deployment
from tests.contract.speaking import stored, told_by


def _queue(url: str) -> Queue:
    found: Queue = sqs_backends[aws.ACCOUNT][aws.REGION].queues[url.rpartition("/")[2]]
    return found


def _messages(url: str) -> list[Message]:
    return _queue(url)._messages


def _empty(url: str) -> None:
    """Remove all messages; SQS itself allows that once a minute."""
    _queue(url)._messages.clear()
    _queue(url).pending_messages.clear()


def reappear(url: str) -> None:
    """Let messages be seen again that someone received and died over, as after a while."""
    for message in _messages(url):
        message.visible_at = 0
    _queue(url).pending_messages.clear()


def everywhere(deployment: Deployment) -> str:
    """Return all that can be read of both tables and both queues, hidden messages and segments included."""
    tables = (aws.SESSIONS_TABLE, aws.HASHES_TABLE)
    told = [told_by(item) for table in tables for item in stored(table).values()]
    urls = (deployment.queue_url, deployment.dead_letters_url)
    told += [message.body for url in urls for message in _messages(url)]
    return "\n".join(told).lower()


def waiting(url: str) -> int:
    """Return how many messages a queue has, hidden ones included."""
    return len(_messages(url))


def give_up(deployment: Deployment) -> None:
    """Have all that waits in the queue end among the dead letters, as after three deliveries."""
    sqs = boto3.client("sqs", region_name=aws.REGION)
    for message in list(_messages(deployment.queue_url)):
        sqs.send_message(
            QueueUrl=deployment.dead_letters_url,
            MessageBody=message.body,
            MessageGroupId=message.group_id,
            MessageDeduplicationId=message.deduplication_id,
        )
    _empty(deployment.queue_url)


@dataclass
class Snapshot:
    """What was in both tables and in the dead-letter queue."""

    tables: dict[str, Any]
    dead_letters: list[Message]

    @classmethod
    def of(cls, deployment: Deployment) -> Snapshot:
        tables = dynamodb_backends[aws.ACCOUNT][aws.REGION].tables
        items_of = {name: copy.deepcopy(table.items) for name, table in tables.items()}
        return cls(items_of, copy.deepcopy(_messages(deployment.dead_letters_url)))

    def restore(self, deployment: Deployment) -> None:
        """Put everything back; through moto's own store, since a test may do so a hundred times."""
        for name, table in dynamodb_backends[aws.ACCOUNT][aws.REGION].tables.items():
            table.items = copy.deepcopy(self.tables[name])
        _empty(deployment.dead_letters_url)
        _messages(deployment.dead_letters_url).extend(copy.deepcopy(self.dead_letters))


class Killed(BaseException):
    """The function's process is gone: nothing of it runs any more."""


@contextmanager
def dying(monkeypatch: pytest.MonkeyPatch, after: int) -> Iterator[list[str]]:
    """Let a process live for so many calls to AWS; yield those that it made."""
    made: list[str] = []
    call = BaseClient._make_api_call

    def counted(client: BaseClient, operation: str, parameters: dict[str, Any]) -> Any:
        if len(made) == after:
            raise Killed
        made.append(operation)
        return call(client, operation, parameters)

    with monkeypatch.context() as dead:
        dead.setattr(BaseClient, "_make_api_call", counted)
        yield made


def removed_in_time(now: float) -> list[tuple[str, str]]:
    """Remove what is past its time, as DynamoDB does; return the keys of what went."""
    client = boto3.client("dynamodb", region_name=aws.REGION)
    gone = []
    for key, item in stored().items():
        if item.get("ttl", now + 1) <= now:
            plain = items.to_item({"session_id": item["session_id"], "seq": item["seq"]})
            client.delete_item(TableName=aws.SESSIONS_TABLE, Key=plain)
            gone.append((key[0], key[1]))
    return gone
