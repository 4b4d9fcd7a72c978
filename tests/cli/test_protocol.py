"""The wire, seen from the client."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge_cli import events
from bridge_cli.errors import UnexpectedFrame
from bridge_cli.events import Answer, Failure, Forgotten, HistoryPage, Memories, UsagePage
from bridge_cli.memory import Instructions, Memory, PromptMemory, Recalled, Summary
from bridge_cli.protocol import Forget, Ping, Query, Recall, Sessions, Usage, decode, encode
from bridge_cli.spending import Cost, SessionUsage, SummaryUsage

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
        "r", "s", 2, "end_turn", "m", {"input_tokens": 1}, PromptMemory(window_messages=2)
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
    assert decode('{"type":"resumed","request_id":"r"}') == events.Unknown("resumed", "r")


def test_what_asks_for_memories_is_sent() -> None:
    assert json.loads(encode(Query(request_id="r", message="m", recall="off")))["recall"] == "off"
    told = json.loads(encode(Recall(request_id="r", text="t", limit=3, session_id="s")))
    assert told == {"action": "recall", "request_id": "r", "text": "t", "limit": 3, "session_id": "s"}
    told = json.loads(encode(Forget(request_id="r", session_id="s")))
    assert told == {"action": "forget", "request_id": "r", "session_id": "s"}
    assert json.loads(encode(Usage(request_id="r"))) == {"action": "usage", "request_id": "r"}


def test_what_an_answer_was_made_of_and_cost_is_read() -> None:
    passage = {"session_id": "s", "turn": 3, "role": "user", "at": "t", "score": 0.5}
    told: dict[str, Any] = {
        "type": "answer",
        "request_id": "r",
        "session_id": "s",
        "usage": {"input_tokens": 1, "of_a_later_version": {"nested": 1}},
        "memory": {
            "system": {"turn": 3, "characters": 20},
            "window_messages": 2,
            "window_characters": 10,
            "summary": {"turns": 4, "characters": 5},
            "recall": "owner",
            "recalled": [passage | {"of a later version": 1}],
            "tokens": {"system": 1, "window": 2},
        },
        "cost": {"dollars": 0.5, "uncached_dollars": 2},
    }
    event = decode(json.dumps(told))
    assert isinstance(event, Answer)
    recalled = Recalled("s", 3, "user", "t", 0.5)
    assert event.memory == PromptMemory(
        2, 10, Summary(4, 5), "owner", (recalled,), {"system": 1, "window": 2}, Instructions(3, 20)
    )
    assert event.memory.as_json() == told["memory"] | {"recalled": [passage]}
    assert event.usage == {"input_tokens": 1}
    assert event.cost == Cost(0.5, 2)
    assert event.cost.saved == 1.5
    told |= {"memory": {"summary": None, "recall": "off", "recalled": None}, "cost": None}
    event = decode(json.dumps(told))
    assert isinstance(event, Answer)
    assert event.memory == PromptMemory(recall="off")
    assert event.cost is None


def test_memories_what_was_forgotten_and_the_usage_are_read() -> None:
    event = decode(
        '{"type":"memories","memories":[{"session_id":"s","turn":3,"role":"assistant","at":"t","text":"x",'
        '"score":1}],"request_id":"r"}'
    )
    assert event == Memories("r", (Memory("s", 3, "assistant", "t", 1.0, "x"),))
    event = decode('{"type":"forgotten","session_id":"s","exchanges":7,"request_id":"r"}')
    assert event == Forgotten("r", "s", 7)
    event = decode(
        '{"type":"usage","before":"b","sessions":[{"session_id":"s","title":"T","turns":2,"usage":'
        '{"input_tokens":5},"cost":{"dollars":1,"uncached_dollars":2,"unpriced_turns":1},"summary_usage":'
        '{"input_tokens":3,"output_tokens":4,"dollars":0.5}},{"session_id":"bare"}]}'
    )
    summaries = SummaryUsage(3, 4, 0.5)
    named = SessionUsage("s", "T", 2, "", {"input_tokens": 5}, Cost(1, 2, 1), summaries)
    assert event == UsagePage(None, (named, SessionUsage("bare", "", 0, "")), "b")


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
    assert isinstance(listed, events.SessionsPage)
    assert listed.sessions[0] == events.Session("s", "", 2, "")


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
        '{"type":"memories","memories":[{"session_id":"s","turn":Infinity}]}',
        '{"type":"memories"}',
        '{"type":"forgotten","exchanges":1}',
        '{"type":"usage","sessions":[{}]}',
        b"\xff",
    ],
)
def test_what_is_no_frame_of_the_bridge_is_told_so(text: str | bytes) -> None:
    with pytest.raises(UnexpectedFrame):
        decode(text)


@given(
    st.sampled_from(
        [
            *["accepted", "delta", "answer", "error", "history", "sessions", "memories", "forgotten"],
            *["usage", "pong", None, "x"],
        ]
    ),
    st.dictionaries(
        st.sampled_from(
            [
                *["request_id", "session_id", "seq", "text", "exchanges", "sessions", "usage", "turn"],
                *["memories", "memory", "cost"],
            ]
        ),
        json_values,
    ),
)
def test_no_frame_whatever_is_in_it_brings_another_error(kind: str | None, fields: dict[str, Any]) -> None:
    with contextlib.suppress(UnexpectedFrame):
        decode(json.dumps({"type": kind} | fields))
