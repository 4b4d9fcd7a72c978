"""Counts what a turn takes that does not depend on the machine: AWS calls, units, posts.

The functions' real handlers run in this process, against the emulator's tables and a queue of their
own, and every call of their AWS clients is counted on its way out. Only the post to the client is
answered here, since nobody is connected.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import io
import json
import os
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import boto3
from botocore.awsrequest import AWSResponse

from bench.capacity import batch_read_units, read_units
from bench.standin import INSTANT, STEADY, StandIn

QUESTION = "q" * 900
"""With the stand-in's answer of about 90 characters, a turn's text is 1 KB."""

OWNER = "bench"
CONNECTION = "bench-connection"


@dataclass
class Count:
    """What one turn took: calls by operation, units, posts and their bytes."""

    to_accepted: Counter[str] = field(default_factory=Counter)
    queue_to_claude: Counter[str] = field(default_factory=Counter)
    after_claude: Counter[str] = field(default_factory=Counter)
    write_units: float = 0.0
    read_units: float = 0.0
    posts: int = 0
    bytes_posted: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return the count with its calls as plain tables."""
        return {name: dict(v) if isinstance(v, Counter) else v for name, v in vars(self).items()}


class Meter:
    """Hooks of botocore's that count every call of this process's default session."""

    def __init__(self) -> None:
        self.count = Count()
        self.calls = self.count.to_accepted
        boto3.setup_default_session()
        events = boto3.DEFAULT_SESSION.events
        events.register("before-parameter-build.dynamodb", self._ask_for_capacity)
        events.register("after-call", self._called)
        events.register("before-call.apigatewaymanagementapi", self._posted)

    def begin(self) -> Count:
        """Begin the count of another turn."""
        self.count = Count()
        self.calls = self.count.to_accepted
        return self.count

    def count_in(self, calls: Counter[str]) -> None:
        """Count the calls from now on in ``calls``."""
        self.calls = calls

    def _ask_for_capacity(self, params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        params["ReturnConsumedCapacity"] = "TOTAL"
        context["asked"] = params

    def _called(self, model: Any, parsed: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        if model.name == "PostToConnection":
            return
        self.calls[model.name] += 1
        if model.name in ("GetItem", "Query"):
            items = parsed.get("Items") or [i for i in [parsed.get("Item")] if i]
            consistent = context["asked"].get("ConsistentRead", False)
            self.count.read_units += read_units(items, consistent=consistent)
        elif model.name == "BatchGetItem":
            self.count.read_units += batch_read_units(context["asked"], parsed)
        elif "ConsumedCapacity" in parsed:
            consumed = parsed["ConsumedCapacity"]
            tables = consumed if isinstance(consumed, list) else [consumed]
            self.count.write_units += sum(table["CapacityUnits"] for table in tables)

    def _posted(self, params: dict[str, Any], **_: Any) -> tuple[AWSResponse, dict[str, Any]]:
        self.calls["PostToConnection"] += 1
        self.count.posts += 1
        self.count.bytes_posted += len(params["body"])
        return AWSResponse(params["url"], 200, {}, None), {"ResponseMetadata": {"HTTPStatusCode": 200}}


class Functions:
    """The message and the answer function in this process, against a running local AWS.

    ``status`` is that of the local AWS, ``outputs`` those of its stack; they ask ``claude``. ``variables``
    of their environment replace those that they have here. What they print is in ``logged``.
    """

    def __init__(
        self,
        status: dict[str, Any],
        outputs: dict[str, str],
        claude: StandIn,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        os.environ |= {
            "AWS_ENDPOINT_URL": status["aws_endpoint"],
            "AWS_ACCESS_KEY_ID": "000000000000",
            "AWS_SECRET_ACCESS_KEY": "bench",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        self._claude = claude
        self._meter = Meter()
        self._sqs = boto3.client("sqs")
        name = f"bench-{uuid.uuid4().hex}.fifo"
        self._queue = self._sqs.create_queue(QueueName=name, Attributes={"FifoQueue": "true"})["QueueUrl"]
        boto3.client("secretsmanager").put_secret_value(
            SecretId=outputs["AnthropicSecretArn"], SecretString="bench"
        )
        boto3.client("dynamodb").put_item(
            TableName=outputs["SessionsTable"],
            Item={
                "session_id": {"S": f"connection#{CONNECTION}"},
                "seq": {"N": "-1"},
                "owner": {"S": OWNER},
                "ttl": {"N": "9999999999"},
            },
        )
        os.environ |= _environment(outputs, self._queue, claude.url) | dict(variables or {})
        self.logged = io.StringIO()
        with contextlib.redirect_stdout(self.logged):  # to which the logger writes from then on
            self._message = importlib.import_module("bridge.handlers.message").handler
            self._answer = importlib.import_module("bridge.handlers.answer").handler

    def turn(self, session: str, question: str = QUESTION, model: str = INSTANT) -> Count:
        """Let the functions answer a question, and return what that took."""
        count = self._meter.begin()
        self._accept(session, question, model)
        self._meter.calls = Counter()  # the poller's calls are Lambda's, not the bridge's
        record = _receive(self._sqs, self._queue)
        self._meter.calls = count.queue_to_claude
        self._claude.on_request = functools.partial(self._meter.count_in, count.after_claude)
        with contextlib.redirect_stdout(self.logged):  # the metrics of each turn
            self._answer({"Records": [record]}, _context("answer"))
        self._meter.calls = Counter()
        self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=record["receiptHandle"])
        return count

    @staticmethod
    def start_anew() -> None:
        """Let the functions forget all that they keep while they are warm."""
        for part in vars(importlib.import_module("bridge.bootstrap")).values():
            if hasattr(part, "cache_clear"):
                part.cache_clear()

    def _accept(self, session: str, question: str, model: str) -> None:
        frame = {
            "action": "query",
            "request_id": str(uuid.uuid4()),
            "session_id": session,
            "message": question,
            "model": model,
        }
        event = {
            "requestContext": {"connectionId": CONNECTION, "requestId": str(uuid.uuid4())},
            "body": json.dumps(frame),
        }
        reply = json.loads(self._message(event, _context("message"))["body"])
        if reply["type"] != "accepted":
            raise RuntimeError(f"a turn was not accepted: {reply}")


def count_turns(status: dict[str, Any], outputs: dict[str, str], turns: tuple[int, ...]) -> dict[int, Count]:
    """Return the counts of the given turns of one session, warm, against a running local AWS."""
    with StandIn() as claude:
        functions = Functions(status, outputs, claude)
        session = f"bench-{uuid.uuid4().hex[:8]}"
        counts = {turn: functions.turn(session) for turn in range(1, max(turns) + 1)}
    return {turn: counts[turn] for turn in turns}


def _receive(sqs: Any, queue_url: str) -> dict[str, Any]:
    received = sqs.receive_message(
        QueueUrl=queue_url, AttributeNames=["All"], WaitTimeSeconds=5, MaxNumberOfMessages=1
    )["Messages"][0]
    return {
        "body": received["Body"],
        "receiptHandle": received["ReceiptHandle"],
        "attributes": received["Attributes"],
    }


def _environment(outputs: dict[str, str], queue_url: str, claude_url: str) -> dict[str, str]:
    return {
        "CONTEXT_TABLE": outputs["SessionsTable"],
        "HASH_TABLE": outputs["HashesTable"],
        "QUEUE_URL": queue_url,
        "ANTHROPIC_SECRET_ARN": outputs["AnthropicSecretArn"],
        "ANTHROPIC_BASE_URL": claude_url,
        "ANTHROPIC_VERSION": "2023-06-01",
        "ANTHROPIC_AUTH_HEADER": "x-api-key",
        "CALLBACK_URL": "http://127.0.0.1:9/bench",
        "AUTH": "none",
        "MODEL": INSTANT,
        "ALLOWED_MODELS": f"{INSTANT},{STEADY}",
        "MAX_MESSAGE_LENGTH": "60000",
        "MAX_OUTPUT_TOKENS": "1024",
        "CONTEXT_LIMIT": "8000",
        "SESSION_TTL": "86400",
        "MEMORY_TTL": "2592000",
        "RECALL": "owner",
        "RECALL_TOKENS": "1000",
        "PRICES": f"{INSTANT}=2/10",
        "POWERTOOLS_SERVICE_NAME": "bridge",
        "POWERTOOLS_METRICS_NAMESPACE": "Bench",
        "POWERTOOLS_LOG_LEVEL": "ERROR",
    }


def _context(name: str) -> Any:
    return SimpleNamespace(
        function_name=name,
        function_version="$LATEST",
        memory_limit_in_mb=512,
        invoked_function_arn=f"arn:aws:lambda:us-east-1:000000000000:function:{name}",
        aws_request_id=str(uuid.uuid4()),
        get_remaining_time_in_millis=lambda: 60_000,
    )
