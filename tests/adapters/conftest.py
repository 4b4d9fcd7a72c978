"""The adapters, each against moto or a server of the test's own."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from aws_lambda_powertools import Logger

from bridge.adapters.sessions import DynamoSessions
from bridge.interruption import Interruption
from tests import aws
from tests.adapters.speaking import DAYS, HOURS
from tests.fakes import FakeClock
from tests.messages_server import MessagesServer, messages_server


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


@pytest.fixture
def sessions(dynamodb: Any, calls: aws.Calls, clock: FakeClock, logger: Logger) -> DynamoSessions:
    return DynamoSessions(dynamodb, aws.SESSIONS_TABLE, HOURS, DAYS, clock, logger)


@pytest.fixture(scope="session")
def running() -> Iterator[MessagesServer]:
    with messages_server() as server:
        yield server


@pytest.fixture
def server(running: MessagesServer) -> Iterator[MessagesServer]:
    running.replies.clear()
    running.asked.clear()
    yield running
    assert running.replies == []


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    waited: list[float] = []
    monkeypatch.setattr(time, "sleep", waited.append)
    monkeypatch.setattr(Interruption, "wait", lambda _, seconds: waited.append(seconds))
    return waited


@pytest.fixture
def key_is_nowhere(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level(logging.DEBUG)
    yield
    assert "marker" not in caplog.text
