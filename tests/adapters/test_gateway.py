"""Posts to clients over real HTTP, with the client that the functions use: its retries are part of it."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from bridge.adapters import aws
from bridge.adapters.gateway import ApiGateway
from bridge.errors import ClientGone
from tests.messages_server import MessagesServer, Reply, failing

FRAME = '{"text":"é中😀"}'
TEXT = {"text": "é中😀"}
SENT = Reply((b"",), chunked=False)
FULL = failing(429, x_amzn_ErrorType="LimitExceededException")


def post(server: MessagesServer) -> None:
    client = aws.client("apigatewaymanagementapi", endpoint_url=f"{server.url}/prod")
    ApiGateway(client).post("abc=", FRAME)


@pytest.fixture
def gateway(moto: None, server: MessagesServer) -> MessagesServer:
    return server


def test_a_frame_is_posted_as_utf_8(gateway: MessagesServer, waits: list[float]) -> None:
    gateway.reply(SENT)
    post(gateway)
    (asked,) = gateway.asked
    assert asked.path == "/prod/@connections/abc%3D"
    assert asked.body == TEXT
    assert waits == []


def test_a_closed_connection_is_a_client_that_is_gone(gateway: MessagesServer, waits: list[float]) -> None:
    gateway.reply(failing(410, x_amzn_ErrorType="GoneException"))
    with pytest.raises(ClientGone):
        post(gateway)
    assert waits == []


def test_a_full_buffer_is_waited_for_and_nothing_is_skipped(
    gateway: MessagesServer, waits: list[float]
) -> None:
    gateway.reply(FULL, FULL, FULL, SENT)
    post(gateway)
    assert len(waits) == 3
    assert [asked.body for asked in gateway.asked] == [TEXT] * 4


def test_a_buffer_that_stays_full_is_given_up_after_about_a_minute_at_most(
    gateway: MessagesServer, waits: list[float]
) -> None:
    gateway.reply(*[FULL] * aws.ATTEMPTS)
    with pytest.raises(ClientError):
        post(gateway)
    assert len(gateway.asked) == aws.ATTEMPTS
    assert sum(waits) <= 1 + 2 + 4 + 8 + 16 + 20 + 20


def test_any_other_error_goes_on(gateway: MessagesServer, waits: list[float]) -> None:
    gateway.reply(failing(403, x_amzn_ErrorType="ForbiddenException"))
    with pytest.raises(ClientError):
        post(gateway)
    assert waits == []
