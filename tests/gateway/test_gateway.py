"""The model of API Gateway itself: a wrong one would prove nothing."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.gateway.conftest import Functions
from tests.gateway.model import FRAME_BYTES, IDLE_SECONDS, LIFETIME_SECONDS, Gateway
from tests.gateway.routing import INTEGRATION_SECONDS

SECONDS = 30


def closed(socket: ClientConnection) -> tuple[int, str]:
    """Return how the gateway closes the connection."""
    with pytest.raises(ConnectionClosed) as ended:
        socket.recv(timeout=SECONDS)
    return (ended.value.rcvd.code, ended.value.rcvd.reason) if ended.value.rcvd else (1006, "")


def told(socket: ClientConnection) -> dict[str, Any]:
    frame: dict[str, Any] = json.loads(socket.recv(timeout=SECONDS))
    return frame


def test_a_message_goes_to_its_route_and_what_the_route_returns_comes_back(
    gateway: Gateway, functions: Functions
) -> None:
    with connect(gateway.websocket_url, user_agent_header="me") as socket:
        for text in ('{"action": "sing"}', "no json", "[]", '{"action": 7}'):
            socket.send(text)
            assert socket.recv(timeout=SECONDS) == text
    handshake, message, *_ = functions.events
    assert handshake["requestContext"]["eventType"] == "CONNECT"
    assert handshake["headers"]["User-Agent"] == "me"
    assert message["requestContext"]["routeKey"] == "$default"
    assert message["requestContext"]["connectionId"] == handshake["requestContext"]["connectionId"]
    assert re.fullmatch(r"[\w-]{15}=", message["requestContext"]["connectionId"])


def test_a_route_without_a_response_sends_nothing(gateway: Gateway) -> None:
    with connect(gateway.websocket_url) as socket:
        socket.send('{"action": "silent"}')
        socket.send("loud")
        assert socket.recv(timeout=SECONDS) == "loud"


def test_connect_may_refuse(gateway: Gateway, functions: Functions) -> None:
    functions.admit = {"statusCode": 401, "body": "Who are you?"}
    with pytest.raises(InvalidStatus) as refused, connect(gateway.websocket_url):
        pass
    assert refused.value.response.status_code == 401
    assert refused.value.response.body == b"Who are you?"
    assert gateway.refusals == ["Who are you?"]


def test_an_unknown_stage_is_forbidden(gateway: Gateway) -> None:
    with pytest.raises(InvalidStatus) as refused, connect(gateway.websocket_url + "x"):
        pass
    assert refused.value.response.status_code == 403


def test_a_subprotocol_is_confirmed_by_what_connect_returns(gateway: Gateway, functions: Functions) -> None:
    functions.admit = {"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": "bridge"}}
    with connect(gateway.websocket_url, subprotocols=["bridge", "token"]) as socket:  # type: ignore[list-item]
        assert socket.subprotocol == "bridge"
    functions.admit = {"statusCode": 200}
    with connect(gateway.websocket_url, subprotocols=["bridge", "token"]) as socket:  # type: ignore[list-item]
        assert socket.subprotocol is None


def test_an_integration_has_29_seconds(gateway: Gateway, functions: Functions) -> None:
    with connect(gateway.websocket_url) as socket:
        socket.send('{"action": "wait"}')
        socket.send("meanwhile")
        assert socket.recv(timeout=SECONDS) == "meanwhile"
        gateway.advance(INTEGRATION_SECONDS)
        frame = told(socket)
        assert frame["message"] == "Endpoint request timed out"
        assert set(frame) == {"message", "connectionId", "requestId"}
        functions.go_on.set()  # whose late answer goes nowhere
        socket.send("and on")
        assert socket.recv(timeout=SECONDS) == "and on"


def test_a_function_that_fails_is_told_without_its_reason(gateway: Gateway) -> None:
    with connect(gateway.websocket_url) as socket:
        socket.send('{"action": "fail"}')
        assert told(socket)["message"] == "Internal server error"


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param(["x" * FRAME_BYTES], id="a-frame-of-32-kb"),
        pytest.param(["x" * FRAME_BYTES] * 4, id="a-message-of-128-kb"),
    ],
)
def test_what_fits_passes(gateway: Gateway, pieces: list[str]) -> None:
    with connect(gateway.websocket_url) as socket:
        socket.send(pieces)
        assert socket.recv(timeout=SECONDS) == "".join(pieces)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        pytest.param("x" * (FRAME_BYTES + 1), 1009, id="a-frame-over-32-kb"),
        pytest.param(["x" * FRAME_BYTES] * 4 + ["x"], 1009, id="a-message-over-128-kb"),
        pytest.param(b"\x00", 1003, id="binary"),
    ],
)
def test_what_does_not_fit_closes_the_connection(gateway: Gateway, message: Any, code: int) -> None:
    with connect(gateway.websocket_url) as socket:
        socket.send(message)
        assert closed(socket)[0] == code


def test_a_connection_without_messages_ends_after_ten_minutes(gateway: Gateway) -> None:
    with connect(gateway.websocket_url) as socket:
        for _ in range(3):
            gateway.advance(IDLE_SECONDS - 30)
            socket.send("still here")
            assert socket.recv(timeout=SECONDS) == "still here"
        gateway.advance(IDLE_SECONDS)
        assert closed(socket) == (1001, "Going away")


def test_a_connection_lives_two_hours_at_most(gateway: Gateway, functions: Functions) -> None:
    with connect(gateway.websocket_url) as socket:
        for _ in range(int(LIFETIME_SECONDS / IDLE_SECONDS)):
            gateway.advance(IDLE_SECONDS - 1)
            socket.send("still here")
            assert socket.recv(timeout=SECONDS) == "still here"
        gateway.advance(IDLE_SECONDS - 1)
        assert closed(socket)[0] == 1001
    assert functions.disconnected.wait(SECONDS)
    assert functions.events[-1]["requestContext"]["disconnectStatusCode"] == 1001


def test_a_dropped_connection_ends_without_a_word(gateway: Gateway, functions: Functions) -> None:
    with connect(gateway.websocket_url) as socket:
        gateway.drop(gateway.connections()[0])
        assert closed(socket) == (1006, "")
    assert functions.disconnected.wait(SECONDS)


def test_a_stalled_connection_looks_open_and_carries_nothing(gateway: Gateway, functions: Functions) -> None:
    with connect(gateway.websocket_url, ping_interval=None, close_timeout=0) as socket:
        gateway.stall(gateway.connections()[0])
        socket.send("anybody there?")
        with pytest.raises(TimeoutError):
            socket.recv(timeout=0.2)
        assert len(functions.events) == 1
        assert gateway.connections()


def test_every_message_is_recorded(gateway: Gateway) -> None:
    with connect(gateway.websocket_url) as socket:
        socket.send("hello")
        socket.recv(timeout=SECONDS)
        assert [(each.direction, each.text) for each in gateway.frames] == [("in", "hello"), ("out", "hello")]
