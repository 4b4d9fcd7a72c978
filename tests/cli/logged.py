"""A stack's logs and queues in moto, as the construct names them, and lines as the functions write them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3

from bridge_cli.deployed_parts import FUNCTIONS
from tests.cli.fake_aws import REGION, STACK, FakeAws

REQUEST = "123e4567-e89b-12d3-a456-426614174000"
CONNECTION = "Fkzx1cOKIAMCJ5w="
NOW = datetime.now(UTC).replace(microsecond=0)


def text(message: str, at: datetime = NOW, level: str = "INFO", **fields: Any) -> str:
    """Return a line as the functions' logger writes it."""
    stamp = at.strftime("%Y-%m-%d %H:%M:%S,") + f"{at.microsecond // 1000:03}+0000"
    told = {"level": level, "location": "handler:1", "message": message, "timestamp": stamp, "service": "b"}
    return json.dumps(told | fields)


def answered(at: datetime = NOW, request_id: str = REQUEST, **changes: Any) -> str:
    """Return the line with which an answer closes."""
    fields: dict[str, Any] = {
        "correlation_id": request_id,
        "turn": 1,
        "model": "claude-sonnet-5-5",
        "stop_reason": "end_turn",
        "code": None,
        "claude_request_id": "req_7",
        "usage": {
            "input_tokens": 100,
            "output_tokens": 20,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 300,
        },
        "dollars": {"input": 0.0002, "output": 0.0002, "cache_write": 0.0, "cache_read": 0.00006},
        "connection_id": CONNECTION,
        "repeated": False,
        "waited_ms": 10,
        "first_token_ms": 800,
        "duration_ms": 2000,
    }
    return text(changes.pop("message", "turn answered"), at, **(fields | changes))


@dataclass
class Logs:
    """The logs of a stack's bridges."""

    client: Any
    names: dict[tuple[str, str], str] = field(default_factory=dict)

    def put(self, function: str, *lines: str, bridge: str = "Bridge", at: datetime = NOW) -> None:
        """Have a function write lines."""
        group, stream = self.names[bridge, function], uuid.uuid4().hex
        self.client.create_log_stream(logGroupName=group, logStreamName=stream)
        events = [{"timestamp": int(at.timestamp() * 1000), "message": line} for line in lines]
        self.client.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)

    def put_turn(self, request_id: str = REQUEST, connection: str = CONNECTION) -> None:
        """Have a turn go through all functions, on a connection that was open for long."""
        long_ago, later = NOW - timedelta(minutes=90), NOW + timedelta(seconds=2)
        self.put("connect", text("connected", long_ago, connection_id=connection), at=long_ago)
        ids = {"connection_id": connection, "correlation_id": request_id}
        self.put("message", text("frame received", NOW, "INFO", action="query", **ids))
        self.put("answer", answered(later, request_id, connection_id=connection), at=later)
        taken = text(
            "exchanges taken into a memory",
            later,
            exchanges=2,
            request_ids=[uuid.UUID(int=1).hex, request_id],
        )
        self.put("remember", taken, at=later)
        self.put("disconnect", text("disconnected", later, connection_id=connection), at=later)


def deploy(aws: FakeAws, bridges: Iterable[str] = ("Bridge",), prefixes: Iterable[str] = ("",)) -> Logs:
    """Make the log groups and queues of a stack with bridges; each one's outputs bear its prefix."""
    logs = Logs(boto3.client("logs", region_name=REGION))
    sqs = boto3.client("sqs", region_name=REGION)
    outputs = aws.stacks.setdefault(STACK, {})
    resources = aws.resources.setdefault(STACK, [])
    for bridge, prefix in zip(bridges, prefixes, strict=True):
        for function in FUNCTIONS:
            name = f"{STACK}-{bridge}-{function}-log"
            logs.client.create_log_group(logGroupName=name)
            logs.names[bridge, function] = name
            made = f"{bridge}Functions{function.capitalize()}"
            resources.append(("AWS::Logs::LogGroup", f"{made}LogE57224DC", name))
            resources.append(("AWS::Lambda::Function", f"{made}Function2E594506", f"{name}-function"))
        outputs[f"{prefix}AnswerFunction"] = f"{STACK}-{bridge}-answer-log-function"
        for queue in ("Turns", "DeadLetters"):
            url = sqs.create_queue(QueueName=f"{bridge}{queue}")["QueueUrl"]
            resources.append(("AWS::SQS::Queue", f"{bridge}Queue{queue}FCF4923A", url))
    return logs
