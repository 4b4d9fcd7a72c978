"""The adapters, each against moto or a server of the test's own."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from aws_lambda_powertools import Logger

from tests import aws
from tests.fakes import FakeClock


@pytest.fixture
def moto(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with aws.aws(monkeypatch):
        yield


@pytest.fixture
def dynamodb(moto: None) -> Any:
    aws.create_tables()
    return boto3.client("dynamodb", region_name=aws.REGION)


@pytest.fixture
def calls(dynamodb: Any) -> aws.Calls:
    return aws.Calls(dynamodb)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def logger() -> Logger:
    return Logger(service="test", level=logging.CRITICAL)
