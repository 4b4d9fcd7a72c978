"""Bad input over the wire: each gets its error, and changes nothing."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

import jwt
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from bench.standin import INSTANT
from tests.e2e.deployed import Deployed
from tests.e2e.wire import Wire

REQUEST = str(uuid.uuid4())
QUERY = {"action": "query", "request_id": REQUEST, "message": "hello", "model": INSTANT}


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        pytest.param("not json", "bad_request", id="not-json"),
        pytest.param('["a"]', "bad_request", id="no-object"),
        pytest.param("{}", "bad_request", id="no-action"),
        pytest.param({"action": "sing"}, "unknown_action", id="unknown-action"),
        pytest.param({"action": 7}, "bad_request", id="action-type"),
        pytest.param({"action": "query", "request_id": REQUEST}, "bad_request", id="no-message"),
        pytest.param({**QUERY, "message": " \n"}, "bad_request", id="empty-message"),
        pytest.param({**QUERY, "message": "x" * 60_001}, "too_large", id="long-message"),
        pytest.param({**QUERY, "message": ["hello"]}, "bad_request", id="message-type"),
        pytest.param({**QUERY, "session_id": "a/b"}, "bad_request", id="session-slash"),
        pytest.param({**QUERY, "session_id": ""}, "bad_request", id="session-empty"),
        pytest.param({**QUERY, "session_id": "x" * 129}, "bad_request", id="session-long"),
        pytest.param({**QUERY, "session_id": 5}, "bad_request", id="session-type"),
        pytest.param({**QUERY, "request_id": "42"}, "bad_request", id="request-id"),
        pytest.param({**QUERY, "model": "gpt"}, "bad_request", id="model"),
        pytest.param({"action": "history"}, "bad_request", id="history-of-nothing"),
        pytest.param({"action": "history", "session_id": "nobody-knows-it"}, "not_found", id="not-found"),
        pytest.param({"action": "sessions", "limit": 0}, "bad_request", id="limit"),
        pytest.param({"action": "sessions", "before": "x"}, "bad_request", id="cursor"),
    ],
)
def test_bad_input_gets_its_error(wire: Wire, frame: Any, code: str) -> None:
    error = wire.request(frame)
    assert (error["type"], error["code"]) == ("error", code)
    assert error["message"]
    assert error["retryable"] is False
    if isinstance(frame, dict) and frame.get("request_id") == REQUEST:
        assert error["request_id"] == REQUEST
    assert wire.request({"action": "ping"}) == {"type": "pong"}


@pytest.mark.parametrize(
    ("message", "code"),
    [pytest.param(b"\x00\xff", 1003, id="binary"), pytest.param("x" * 129 * 1024, 1009, id="129-kb")],
)
def test_what_api_gateway_does_not_carry_ends_the_connection(wire: Wire, message: Any, code: int) -> None:
    wire.send(message)
    with pytest.raises(ConnectionClosed) as closed:
        wire.receive()
    assert closed.value.rcvd
    assert closed.value.rcvd.code == code


def test_bad_input_leaves_no_session_behind(bridge: Deployed) -> None:
    with bridge.connect(f"owner-{uuid.uuid4().hex}") as wire:
        wire.request({**QUERY, "message": "", "session_id": "never"})
        assert wire.request({"action": "sessions"})["sessions"] == []


@pytest.mark.parametrize("kind", ["missing", "garbage", "expired", "forged", "unsigned", "no-expiry"])
def test_a_bad_token_is_refused_at_the_door(bridge: Deployed, kind: str) -> None:
    claims = {"sub": "mallory", "exp": int(time.time()) + 600}
    tokens = {
        "missing": None,
        "garbage": "garbage",
        "expired": bridge.token("mallory", expires=-10),
        "forged": jwt.encode(claims, "another key, just as long as a real one is", algorithm="HS256"),
        "unsigned": jwt.encode(claims, "", algorithm="none"),
        "no-expiry": jwt.encode({"sub": "mallory"}, bridge.signing_key, algorithm="HS256"),
    }
    with pytest.raises(InvalidStatus) as refused, Wire(bridge.url, tokens[kind]):
        pass
    assert refused.value.response.status_code in (401, 403)


def test_a_token_that_expires_on_the_way_is_refused_per_message(bridge: Deployed) -> None:
    with bridge.connect():
        pass  # a cold function may take longer than the token lives
    expires = int(time.time()) + 5
    token = jwt.encode({"sub": "ann", "exp": expires}, bridge.signing_key, algorithm="HS256")
    with Wire(bridge.url, token) as wire:
        sent, frame = time.time(), wire.request({"action": "ping"})
        while frame == {"type": "pong"}:
            assert sent < expires
            time.sleep(0.1)
            sent, frame = time.time(), wire.request({"action": "ping"})
    assert frame["code"] == "unauthorized"
    assert "token" in json.dumps(frame)
