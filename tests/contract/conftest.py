"""The real handlers over moto, fed with API Gateway's and Lambda's own events."""

from __future__ import annotations

import copy
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.apigatewaymanagementapi.models import apigatewaymanagementapi_backends

from bridge import bootstrap, remembering, telemetry
from bridge.adapters import dead_letters
from bridge.handlers import answer, connect, disconnect, message, remember
from bridge_cli import protocol, tokens
from tests import aws
from tests.messages_server import KEY, MessagesServer, messages_server

EVENTS = Path(__file__).parent / "events"
SIGNING_SECRET = "signing-marker-" + "s" * 49
SEAL_AT = 3
"""Exchanges that make a segment here: fewer than in AWS, since each takes a turn."""
CALLBACK_URL = f"https://abc123.execute-api.{aws.REGION}.amazonaws.com/test"


def golden(name: str) -> dict[str, Any]:
    """Return an event as AWS sends it."""
    event: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    return event


def header_event(*partitions: str) -> dict[str, Any]:
    """Return the stream's event of sessions' headers, each written once."""
    event = golden("stream")
    template = event["Records"][0]
    event["Records"] = [copy.deepcopy(template) for _ in partitions]
    for number, (record, partition) in enumerate(zip(event["Records"], partitions, strict=True)):
        record["dynamodb"]["Keys"]["session_id"]["S"] = partition
        record["dynamodb"]["SequenceNumber"] = sequence_number(number)
    return event


def sequence_number(place: int) -> str:
    """Return the number of a record of `header_event`, by its place in the batch."""
    return str(8640300000000008157640101 + place)


@dataclass
class Deployment:
    """The five functions, what stands behind them, and what they log."""

    claude: MessagesServer
    queue_url: str
    dead_letters_url: str
    log: io.StringIO

    def connect(
        self, headers: dict[str, str] | None = None, connection_id: str | None = None, **identity: str
    ) -> dict[str, Any]:
        """Let the connect function have a handshake; `identity` is what API Gateway knows of the caller."""
        event = golden("connect")
        for name, value in (headers or {}).items():
            event["headers"][name] = value
            event["multiValueHeaders"][name] = [value]
        event["requestContext"]["identity"] |= identity
        if connection_id is not None:
            event["requestContext"]["connectionId"] = connection_id
        return connect.handler(event, aws.Context())

    def disconnect(self) -> dict[str, Any]:
        return disconnect.handler(golden("disconnect"), aws.Context())

    def receive(self, body: str | None, **changes: Any) -> dict[str, Any]:
        """Let the message function have a frame; return what it returned."""
        event = golden("message") | {"body": body, **changes}
        return message.handler(event, aws.Context())

    def send(self, request: protocol.Request) -> protocol.Event:
        """Send a frame of the command line's; return what its reply is to the command line."""
        reply = self.receive(protocol.encode(request))
        assert reply["statusCode"] == 200
        return protocol.decode(reply["body"])

    def work(self, delivery: int = 1) -> list[str]:
        """Let the answer function have what waits in the queue; return what was posted."""
        self.deliver(delivery)
        return self.posted()

    def deliver(self, delivery: int = 1) -> None:
        """Let the answer function have what waits in the queue."""
        sqs = boto3.client("sqs", region_name=aws.REGION)
        received = sqs.receive_message(
            QueueUrl=self.queue_url, AttributeNames=["All"], MaxNumberOfMessages=10
        )
        for waiting in received.get("Messages", []):
            event = golden("turns")
            record = event["Records"][0]
            record |= {"body": waiting["Body"], "receiptHandle": waiting["ReceiptHandle"]}
            record["attributes"] |= waiting["Attributes"] | {"ApproximateReceiveCount": str(delivery)}
            answer.handler(event, aws.Context())
            sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=waiting["ReceiptHandle"])

    def remember(self, *partitions: str) -> list[str]:
        """Let the remember function know of sessions' headers; return the records that failed."""
        return self.follow(header_event(*partitions))

    def follow(self, event: dict[str, Any]) -> list[str]:
        """Let the remember function have an event of the stream; return the records that failed."""
        response = remember.handler(event, aws.Context())
        return [str(failed["itemIdentifier"]) for failed in response["batchItemFailures"]]

    def posted(self) -> list[str]:
        """Return the frames that were posted since this was last asked."""
        connections = apigatewaymanagementapi_backends[aws.ACCOUNT][aws.REGION].connections
        text = "".join(connection.data.decode() for connection in connections.values())
        connections.clear()
        frames = []
        while text:
            _, end = json.JSONDecoder().raw_decode(text)
            frames.append(text[:end])
            text = text[end:]
        return frames

    def events(self) -> list[protocol.Event]:
        """Let the answer function work; return what was posted as the command line reads it."""
        return [protocol.decode(frame) for frame in self.work()]


def bearer(owner: str = "ada", secret: str = SIGNING_SECRET) -> dict[str, str]:
    """Return the header with which the command line connects."""
    return {"Authorization": f"Bearer {tokens.mint(secret, owner)}"}


def _forget() -> None:
    for part in vars(bootstrap).values():
        if hasattr(part, "cache_clear"):
            part.cache_clear()


@pytest.fixture
def deployment(monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployment]:
    log = io.StringIO()
    monkeypatch.setattr(telemetry.logger.registered_handler, "stream", log)
    monkeypatch.setattr(telemetry.metrics.provider, "namespace", "ClaudeContextBridge")
    monkeypatch.setattr(telemetry.metrics.provider, "service", "bridge")
    monkeypatch.setattr(remembering, "SEAL_AT", SEAL_AT)
    monkeypatch.setattr(dead_letters, "WAIT_SECONDS", 0)  # moto is all there is to be asked
    with aws.aws(monkeypatch), messages_server() as claude:
        aws.create_tables()
        queue_url, dead_letters_url = aws.create_queue(), aws.create_queue("dead-letters.fifo")
        environment = {
            "CONTEXT_TABLE": aws.SESSIONS_TABLE,
            "HASH_TABLE": aws.HASHES_TABLE,
            "QUEUE_URL": queue_url,
            "DEAD_LETTER_URL": dead_letters_url,
            "CALLBACK_URL": CALLBACK_URL,
            "AUTH": "token",
            "SIGNING_SECRET_ARN": aws.create_secret(SIGNING_SECRET),
            "ANTHROPIC_SECRET_ARN": aws.create_secret(KEY),
            "ANTHROPIC_BASE_URL": claude.url,
            "ANTHROPIC_VERSION": "2023-06-01",
            "ANTHROPIC_AUTH_HEADER": "x-api-key",
            "MODEL": "claude-sonnet-5-5",
            "ALLOWED_MODELS": "claude-sonnet-5-5,claude-haiku-5-5",
            "MAX_MESSAGE_LENGTH": "60000",
            "MAX_OUTPUT_TOKENS": "8192",
            "CONTEXT_LIMIT": "8000",
            "SESSION_TTL": "86400",
            "MEMORY_TTL": "2592000",
            "SYSTEM_PROMPT": "",
            "RECALL": "owner",
            "RECALL_TOKENS": "1000",
            "SUMMARY_MODEL": "claude-haiku-5-5",
            "PRICES": "claude-sonnet-5-5=2/10,claude-haiku-5-5=0.10/0.50",
        }
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        _forget()
        yield Deployment(claude, queue_url, dead_letters_url, log)
        _forget()


@pytest.fixture
def connected(deployment: Deployment) -> Deployment:
    """A deployment to which ada's command line is connected."""
    assert deployment.connect(bearer()) == {"statusCode": 200}
    return deployment
