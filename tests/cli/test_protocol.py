"""The wire, seen from the client."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge_cli import protocol
from bridge_cli.errors import UnexpectedFrame
from bridge_cli.protocol import Answer, Failure, HistoryPage, Ping, Query, Sessions, decode, encode

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda children: (
        st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=3)
    ),
)


def test_fields_that_are_none_are_left_out_and_unicode_stays() -> None:
    told = encode(Query(request_id="r", message="né", session_id=None, model="m"))
    assert told == '{"action":"query","request_id":"r","message":"né","model":"m"}'
    assert json.loads(encode(Ping(request_id="p"))) == {"action": "ping", "request_id": "p"}
    assert json.loads(encode(Sessions(request_id="s", limit=3)))["limit"] == 3


def test_an_answer_is_read() -> None:
    told = {
        "type": "answer",
        "request_id": "r",
        "session_id": "s",
        "turn": 2,
        "stop_reason": "end_turn",
        "model": "m",
        "usage": {"input_tokens": 1},
        "memory": {"window_messages": 2},
        "of a later version": True,
    }
    assert decode(json.dumps(told)) == Answer(
        "r", "s", 2, "end_turn", "m", {"input_tokens": 1}, {"window_messages": 2}
    )


def test_an_error_is_read_with_what_it_advises() -> None:
    event = decode(
        '{"type":"error","code":"upstream_overloaded","message":"m","retryable":true,"retry_after":3}'
    )
    assert event == Failure("upstream_overloaded", "m", None, retryable=True, retry_after=3)


def test_a_frame_of_the_gateway_itself_is_an_error() -> None:
    event = decode('{"message":"Internal server error","connectionId":"c=","requestId":"aws-1"}')
    assert isinstance(event, Failure)
    assert event.code == "internal"
    assert "Internal server error" in event.message
    assert "aws-1" in event.message


def test_an_unknown_type_is_no_error() -> None:
    assert decode('{"type":"memories","request_id":"r"}') == protocol.Unknown("memories", "r")


def test_history_and_sessions_are_read() -> None:
    page = decode(
        json.dumps(
            {
                "type": "history",
                "session_id": "s",
                "before": None,
                "request_id": "r",
                "exchanges": [{"turn": 1, "at": "t", "context": [{"role": "user", "content": "hi"}]}],
            }
        )
    )
    assert isinstance(page, HistoryPage)
    assert page.exchanges[0].context == (("user", "hi"),)
    listed = decode(
        '{"type":"sessions","sessions":[{"session_id":"s","turns":2,"last_updated":null}],"before":"b"}'
    )
    assert isinstance(listed, protocol.SessionsPage)
    assert listed.sessions[0] == protocol.Session("s", "", 2, "")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no json",
        "[]",
        "1",
        "{}",
        '{"type":"delta","request_id":"r"}',
        '{"type":"history","exchanges":3}',
        b"\xff",
    ],
)
def test_what_is_no_frame_of_the_bridge_is_told_so(text: str | bytes) -> None:
    with pytest.raises(UnexpectedFrame):
        decode(text)


@given(
    st.sampled_from(["accepted", "delta", "answer", "error", "history", "sessions", "pong", None, "x"]),
    st.dictionaries(
        st.sampled_from(
            ["request_id", "session_id", "seq", "text", "exchanges", "sessions", "usage", "turn"]
        ),
        json_values,
    ),
)
def test_no_frame_whatever_is_in_it_brings_another_error(kind: str | None, fields: dict[str, Any]) -> None:
    with contextlib.suppress(UnexpectedFrame):
        decode(json.dumps({"type": kind} | fields))
