"""AWS in this process, by moto: the tables as the construct makes them, and a count of the calls."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext
from moto import mock_aws

REGION = "eu-central-1"
ACCOUNT = "123456789012"
SESSIONS_TABLE = "claude-context-sessions-test"
HASHES_TABLE = "claude-context-hashes-test"
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_SESSION_TOKEN": "testing",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_REGION": REGION,
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/nowhere",
    "AWS_SHARED_CREDENTIALS_FILE": "/nowhere",
}


class Context(LambdaContext):
    """Lambda's context, as far as Powertools looks at it."""

    def __init__(self) -> None:
        self._function_name = "bridge"
        self._memory_limit_in_mb = 512
        self._invoked_function_arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:bridge"
        self._aws_request_id = "52fdfc07-2182-454f-963f-5f0f9a621d72"

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        return 29_000


@functools.cache
def _session() -> boto3.Session:
    """Keep one session: reading the services' descriptions anew is most of what a test would take."""
    return boto3.Session(region_name=REGION)


@contextmanager
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Run moto, with an environment in which nothing else can be meant."""
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_LAMBDA_INITIALIZATION_TYPE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", _session())
    with mock_aws(config={"core": {"reset_boto3_session": False}}):
        yield


def create_tables() -> None:
    """Create both tables with the keys and indexes of the construct's storage."""
    client = boto3.client("dynamodb", region_name=REGION)
    client.create_table(
        TableName=SESSIONS_TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": "session_id", "AttributeType": "S"},
            {"AttributeName": "seq", "AttributeType": "N"},
            {"AttributeName": "owner", "AttributeType": "S"},
            {"AttributeName": "last_updated", "AttributeType": "S"},
        ],
        KeySchema=[
            {"AttributeName": "session_id", "KeyType": "HASH"},
            {"AttributeName": "seq", "KeyType": "RANGE"},
        ],
        GlobalSecondaryIndexes=[
            _index(
                "sessions-by-owner",
                "owner",
                {
                    "ProjectionType": "INCLUDE",
                    "NonKeyAttributes": [
                        "title",
                        "turns",
                        "ttl",
                        "usage",
                        "cost",
                        "uncached_cost",
                        "unpriced_turns",
                    ],
                },
            ),
        ],
    )
    client.create_table(
        TableName=HASHES_TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "hash", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "hash", "KeyType": "HASH"}],
    )


def create_queue(name: str = "turns.fifo") -> str:
    """Create a FIFO queue and return its URL."""
    client = boto3.client("sqs", region_name=REGION)
    queue = client.create_queue(QueueName=name, Attributes={"FifoQueue": "true"})
    return str(queue["QueueUrl"])


def create_secret(value: str) -> str:
    """Create a secret and return its ARN."""
    client = boto3.client("secretsmanager", region_name=REGION)
    return str(client.create_secret(Name=f"secret-{value[:8]}", SecretString=value)["ARN"])


def _index(name: str, partition: str, projection: dict[str, Any]) -> dict[str, Any]:
    return {
        "IndexName": name,
        "KeySchema": [
            {"AttributeName": partition, "KeyType": "HASH"},
            {"AttributeName": "last_updated", "KeyType": "RANGE"},
        ],
        "Projection": projection,
    }


class Calls:
    """A client's calls by operation; refuses what DynamoDB refuses and moto lets through."""

    def __init__(self, client: Any) -> None:
        self.made: Counter[str] = Counter()
        client.meta.events.register("provide-client-params.*.*", self._note)

    def _note(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        self.made[model.name] += 1
        values = params.get("ExpressionAttributeValues", {})
        if ":first" in values and ":last" in values:
            first, last = (int(values[name]["N"]) for name in (":first", ":last"))
            assert first <= last, "DynamoDB takes no BETWEEN whose upper bound is the lower one"
        key = params.get("ExclusiveStartKey", {}).get("session_id", {}).get("S", "x")
        assert 1 <= len(key.encode()) <= 2048, "DynamoDB takes no such key"

    def clear(self) -> None:
        self.made.clear()
