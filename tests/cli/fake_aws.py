"""AWS in this process, by moto, as the command line meets it: a stack, and what is behind it."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from botocore.loaders import create_loader
from moto import mock_aws

from tests.aws import HASHES_TABLE, SESSIONS_TABLE, create_tables

STACK = "claude-context-bridge-test"
REGION = "eu-central-1"
SIGNING = "s" * 64


@dataclass
class FakeAws:
    """moto's Secrets Manager and Parameter Store; stacks and Bedrock's models are told as they were made.

    moto's CloudFormation needs packages that nothing else here does, and its Bedrock lists no models.
    """

    secrets: Any
    stacks: dict[str, dict[str, str]] = field(default_factory=dict)
    models: list[dict[str, Any]] = field(default_factory=list)
    resources: dict[str, list[tuple[str, str, str]]] = field(default_factory=dict)
    """The stacks' resources: type, logical id, physical id."""

    def deploy(self, url: str, auth: str = "token") -> Deployed:
        signing = self.secrets.create_secret(Name="signing", SecretString=SIGNING)["ARN"]
        anthropic = self.secrets.create_secret(Name="anthropic", SecretString="unset")["ARN"]
        outputs = {"Url": url, "Auth": auth, "SigningSecretArn": signing, "AnthropicSecretArn": anthropic}
        self.stacks[STACK] = outputs
        return Deployed(signing, anthropic, self.secrets)

    def add_tables(self) -> Any:
        """Add both tables to the stack, and return DynamoDB's client."""
        create_tables()
        names = {"SessionsTable": SESSIONS_TABLE, "HashesTable": HASHES_TABLE}
        self.stacks.setdefault(STACK, {"Auth": "token"}).update(names)
        return boto3.client("dynamodb", region_name=REGION)

    def describe(self, stack: str) -> dict[str, Any]:
        if stack not in self.stacks:
            told = {"Error": {"Code": "ValidationError", "Message": f"Stack with id {stack} does not exist"}}
            raise ClientError(told, "DescribeStacks")
        outputs = [{"OutputKey": key, "OutputValue": value} for key, value in self.stacks[stack].items()]
        return {"Stacks": [{"StackName": stack, "Outputs": outputs}]}

    def list_resources(self, stack: str, page: str = "0") -> dict[str, Any]:
        """Return a page of a stack's resources, a few at a time."""
        if stack not in self.resources:
            told = {"Error": {"Code": "ValidationError", "Message": f"Stack with id {stack} does not exist"}}
            raise ClientError(told, "ListStackResources")
        names = ("ResourceType", "LogicalResourceId", "PhysicalResourceId")
        start, at_once = int(page), 5
        shown = self.resources[stack][start : start + at_once]
        more = {"NextToken": str(start + at_once)} if len(self.resources[stack]) > start + at_once else {}
        return {"StackResourceSummaries": [dict(zip(names, each, strict=True)) for each in shown], **more}


@dataclass
class Deployed:
    """A stack's secrets."""

    signing: str
    anthropic: str
    secrets: Any

    def key(self) -> str:
        return str(self.secrets.get_secret_value(SecretId=self.anthropic)["SecretString"])


_loader = functools.cache(create_loader)
"""Reading the services' descriptions anew, as every session does, is most of what a test would take."""


@contextmanager
def fake_aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeAws]:
    """Run moto, with credentials and a region, and stacks that are described as they were made."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_REGION", REGION)
    monkeypatch.setattr(botocore.session, "create_loader", _loader)
    with mock_aws():
        fake = FakeAws(boto3.client("secretsmanager", region_name=REGION))
        to_moto = BaseClient._make_api_call

        def call(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
            if operation == "DescribeStacks":
                return fake.describe(parameters["StackName"])
            if operation == "ListFoundationModels":
                return {"modelSummaries": fake.models}
            if operation == "ListStackResources":
                return fake.list_resources(parameters["StackName"], parameters.get("NextToken", "0"))
            return to_moto(client, operation, parameters)

        monkeypatch.setattr(BaseClient, "_make_api_call", call)
        yield fake
