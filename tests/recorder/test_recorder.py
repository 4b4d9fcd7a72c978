"""The recorder itself, between the functions' own AWS clients and a server that says yes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from botocore.exceptions import ClientError

from bench.looped import LoopedServer, read_request
from bridge.adapters import aws
from tests.gateway.processes import PROC
from tests.gateway.traps import Held, HttpReply, Trap, cut, failing, kill
from tests.recorder.calls import Access
from tests.recorder.recorder import Recorder

FUNCTION = "a-stack-BridgeMessage-1"


class Yes(LoopedServer):
    """Answers every call with an empty result."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head, body = await read_request(reader)
        self.seen.append(head + body)
        writer.write(HttpReply(200, {"content-type": "application/x-amz-json-1.0"}, b"{}").encoded())


@pytest.fixture
def behind() -> Iterator[Yes]:
    with Yes() as behind:
        yield behind


@pytest.fixture
def recorder(behind: Yes, monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    with Recorder(behind.url) as recorder:
        for name, value in {
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_ENDPOINT_URL": recorder.url,
            "AWS_LAMBDA_FUNCTION_NAME": FUNCTION,
        }.items():
            monkeypatch.setenv(name, value)
        yield recorder


def read(client: Any) -> None:
    client.get_item(TableName="sessions", Key={"session_id": {"S": "ann/plans"}})


KEY = {"session_id": {"S": "ann/plans"}}


@pytest.mark.parametrize(
    ("service", "operation", "request_", "accesses"),
    [
        ("dynamodb", "get_item", {"TableName": "t", "Key": KEY}, {("dynamodb:GetItem", "t")}),
        (
            "dynamodb",
            "query",
            {"TableName": "t", "IndexName": "index", "KeyConditionExpression": "a = b"},
            {("dynamodb:Query", "t/index/index")},
        ),
        (
            "dynamodb",
            "batch_get_item",
            {"RequestItems": {"t": {"Keys": [KEY]}, "u": {"Keys": [KEY]}}},
            {("dynamodb:BatchGetItem", "t"), ("dynamodb:BatchGetItem", "u")},
        ),
        (
            "dynamodb",
            "transact_write_items",
            {
                "TransactItems": [
                    {"Put": {"TableName": "t", "Item": KEY}},
                    {"ConditionCheck": {"TableName": "u", "Key": KEY, "ConditionExpression": "x"}},
                ]
            },
            {("dynamodb:PutItem", "t"), ("dynamodb:ConditionCheckItem", "u")},
        ),
        (
            "sqs",
            "delete_message",
            {"QueueUrl": "http://localhost:4566/000000000000/turns.fifo", "ReceiptHandle": "r"},
            {("sqs:DeleteMessage", "turns.fifo")},
        ),
        (
            "secretsmanager",
            "get_secret_value",
            {"SecretId": "arn:aws:secretsmanager:eu-central-1:1:secret:s"},
            {("secretsmanager:GetSecretValue", "arn:aws:secretsmanager:eu-central-1:1:secret:s")},
        ),
    ],
)
def test_a_call_tells_who_needs_what(
    recorder: Recorder, service: str, operation: str, request_: dict[str, Any], accesses: set[tuple[str, str]]
) -> None:
    client = aws.client(service, attempts=1)
    with contextlib.suppress(ClientError, KeyError):  # an empty answer is not what this client expects
        getattr(client, operation)(**request_)
    call = recorder.calls[0]
    assert call.function == FUNCTION
    assert call.accesses == {Access(*each) for each in accesses}
    assert call.status == 200


def test_a_call_that_fails_before_it_had_an_effect(recorder: Recorder, behind: Yes) -> None:
    refuse = failing(400, "ProvisionedThroughputExceededException")
    trap = recorder.traps.set(Trap(lambda call: call.touches("ann/plans"), refuse))
    read(aws.client("dynamodb"))
    assert [call.status for call in recorder.calls] == [400, 200]
    assert len(trap.caught) == len(behind.seen) == 1


def test_a_call_that_fails_after_it_had_its_effect(recorder: Recorder, behind: Yes) -> None:
    recorder.traps.set(Trap(lambda call: call.service == "dynamodb", cut, when="after"))
    read(aws.client("dynamodb"))
    assert [call.status for call in recorder.calls] == [0, 200]
    assert len(behind.seen) == 2


def test_a_call_waits_as_long_as_it_is_held(recorder: Recorder, behind: Yes) -> None:
    held = Held()
    trap = recorder.traps.set(Trap(lambda call: call.operation == "GetItem", held.act))
    reading = Thread(target=read, args=(aws.client("dynamodb"),))
    reading.start()
    trap.wait()
    assert not behind.seen
    held.release()
    reading.join()
    assert len(behind.seen) == 1


CALLER = """
import http.client, sys
there = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]))
there.request("POST", "/", sys.argv[2], {"X-Amz-Target": "DynamoDB_20120810.PutItem"})
there.getresponse()
"""


@pytest.mark.skipif(not (PROC / "net" / "tcp").exists(), reason="finds the caller by /proc")
@pytest.mark.parametrize(("when", "effects"), [("before", 0), ("after", 1)])
def test_the_caller_is_killed(
    recorder: Recorder, behind: Yes, tmp_path: Path, when: Any, effects: int
) -> None:
    recorder.traps.set(Trap(lambda call: call.operation == "PutItem", kill, when=when))
    script = tmp_path / "_worker.py"
    script.write_text(CALLER)
    port = recorder.url.rpartition(":")[2]
    done = subprocess.run(
        [sys.executable, str(script), port, json.dumps({"TableName": "t"})], check=False, capture_output=True
    )
    assert done.returncode == -9
    assert len(behind.seen) == effects
