"""@connections in the model of API Gateway, as the functions' own adapter meets it."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Thread

import pytest
from botocore.exceptions import ClientError, ConnectionError, HTTPClientError
from websockets.sync.client import ClientConnection, connect

from bridge.adapters import aws
from bridge.adapters.gateway import ApiGateway
from bridge.errors import ClientGone
from tests.gateway.model import Gateway
from tests.gateway.posts import POST_BYTES, Post
from tests.gateway.traps import Held, Trap, cut, failing, slowly

SECONDS = 30
FUNCTION = "claude-context-bridge-prod-BridgeAnswer0123456789-abc"


@pytest.fixture
def socket(gateway: Gateway) -> Iterator[ClientConnection]:
    with connect(gateway.websocket_url) as socket:
        yield socket


@pytest.fixture
def client_id(gateway: Gateway, socket: ClientConnection) -> str:
    return gateway.connections()[0]


@pytest.fixture
def functions_way(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> ApiGateway:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", FUNCTION)
    return ApiGateway(aws.client("apigatewaymanagementapi", endpoint_url=gateway.url, attempts=3))


def anything(_: Post) -> bool:
    return True


def test_a_post_reaches_its_client(
    gateway: Gateway, functions_way: ApiGateway, socket: ClientConnection, client_id: str
) -> None:
    functions_way.post(client_id, "grüß dich")
    assert socket.recv(timeout=SECONDS) == "grüß dich"
    (post,) = gateway.posts
    assert (post.status, post.text) == (200, "grüß dich")
    assert post.function == FUNCTION[-50:]


def test_a_closed_connection_is_gone(
    gateway: Gateway, functions_way: ApiGateway, socket: ClientConnection, client_id: str
) -> None:
    gateway.drop(client_id)
    with pytest.raises(ClientGone):
        functions_way.post(client_id, "too late")


def test_a_post_has_128_kb_at_most(
    functions_way: ApiGateway, socket: ClientConnection, client_id: str
) -> None:
    functions_way.post(client_id, "x" * POST_BYTES)
    assert len(socket.recv(timeout=SECONDS)) == POST_BYTES
    with pytest.raises(ClientError) as refused:
        functions_way.post(client_id, "x" * (POST_BYTES + 1))
    assert refused.value.response["Error"]["Code"] == "PayloadTooLargeException"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413


def test_a_full_buffer_is_waited_for(
    gateway: Gateway, functions_way: ApiGateway, socket: ClientConnection, client_id: str
) -> None:
    trap = gateway.traps.set(Trap(anything, failing(429, "LimitExceededException"), times=2))
    functions_way.post(client_id, "third time lucky")
    assert socket.recv(timeout=SECONDS) == "third time lucky"
    assert [post.status for post in gateway.posts] == [429, 429, 200]
    assert len(trap.caught) == 2


def test_a_post_may_fail_though_the_client_has_it(
    gateway: Gateway, functions_way: ApiGateway, socket: ClientConnection, client_id: str
) -> None:
    gateway.traps.set(Trap(anything, failing(500, "InternalServerError"), when="after"))
    functions_way.post(client_id, "twice")
    assert [socket.recv(timeout=SECONDS) for _ in range(2)] == ["twice", "twice"]


def test_a_connection_may_be_called_gone_while_it_is_open(
    gateway: Gateway, functions_way: ApiGateway, client_id: str
) -> None:
    gateway.traps.set(Trap(lambda post: post.connection_id == client_id, failing(410, "GoneException")))
    with pytest.raises(ClientGone):
        functions_way.post(client_id, "hello")


def test_a_post_may_be_cut_off(gateway: Gateway, functions_way: ApiGateway, client_id: str) -> None:
    gateway.traps.set(Trap(anything, cut, times=None))
    with pytest.raises((ConnectionError, HTTPClientError)):
        functions_way.post(client_id, "hello")
    gateway.traps.clear()
    functions_way.post(client_id, "hello")


def test_a_post_may_be_held_back(
    gateway: Gateway, functions_way: ApiGateway, socket: ClientConnection, client_id: str
) -> None:
    held = Held()
    trap = gateway.traps.set(Trap(anything, held.act))
    posting = Thread(target=functions_way.post, args=(client_id, "at last"))
    posting.start()
    assert trap.wait().text == "at last"
    with pytest.raises(TimeoutError):
        socket.recv(timeout=0.1)
    held.release()
    assert socket.recv(timeout=SECONDS) == "at last"
    posting.join()


def test_a_slow_post_arrives(
    gateway: Gateway, functions_way: ApiGateway, socket: ClientConnection, client_id: str
) -> None:
    gateway.traps.set(Trap(anything, slowly(0.05)))
    functions_way.post(client_id, "slow")
    assert socket.recv(timeout=SECONDS) == "slow"
