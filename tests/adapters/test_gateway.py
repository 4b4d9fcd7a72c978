"""Posts to clients, over a stubbed API Gateway."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from bridge.adapters.gateway import LIMIT_WAITS, ApiGateway
from bridge.errors import ClientGone

SENT = {"ConnectionId": "abc=", "Data": "é".encode()}


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    waited: list[float] = []
    monkeypatch.setattr(time, "sleep", waited.append)
    return waited


@pytest.fixture
def stub(moto: None) -> Iterator[Stubber]:
    client = boto3.client(
        "apigatewaymanagementapi", region_name="eu-central-1", endpoint_url="https://x.test"
    )
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def refuse(stub: Stubber, code: str, status: int) -> None:
    stub.add_client_error("post_to_connection", code, http_status_code=status, expected_params=SENT)


def post(stub: Stubber) -> None:
    client: Any = stub.client
    ApiGateway(client).post("abc=", "é")


def test_a_frame_is_posted_as_utf_8(stub: Stubber, waits: list[float]) -> None:
    stub.add_response("post_to_connection", {}, SENT)
    post(stub)
    assert waits == []


def test_a_closed_connection_is_a_client_that_is_gone(stub: Stubber, waits: list[float]) -> None:
    refuse(stub, "GoneException", 410)
    with pytest.raises(ClientGone):
        post(stub)
    assert waits == []


def test_a_full_buffer_is_waited_for_and_nothing_is_skipped(stub: Stubber, waits: list[float]) -> None:
    for _ in range(3):
        refuse(stub, "LimitExceededException", 429)
    stub.add_response("post_to_connection", {}, SENT)
    post(stub)
    assert len(waits) == 3
    assert waits == sorted(waits)


def test_a_buffer_that_stays_full_is_given_up(stub: Stubber, waits: list[float]) -> None:
    for _ in range(LIMIT_WAITS + 1):
        refuse(stub, "LimitExceededException", 429)
    with pytest.raises(ClientError):
        post(stub)
    assert len(waits) == LIMIT_WAITS
    assert 20 < sum(waits) < 40


def test_any_other_error_goes_on(stub: Stubber, waits: list[float]) -> None:
    refuse(stub, "ForbiddenException", 403)
    with pytest.raises(ClientError):
        post(stub)
    assert waits == []
