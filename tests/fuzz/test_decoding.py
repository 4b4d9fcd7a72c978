"""What an endpoint sends, to the client: an event whose fields are what they say, or `UnexpectedFrame`."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge_cli.errors import UnexpectedFrame
from bridge_cli.events import Answer, Delta, Event, Failure, HistoryPage
from bridge_cli.protocol import decode
from tests.fuzz.effort import effort
from tests.fuzz.inputs import changed, json_texts, nestings
from tests.fuzz.shapes import is_well_formed, misfits

USAGE = {"input_tokens": 12, "output_tokens": 9}
COST = {"dollars": 0.5, "uncached_dollars": 2.0, "unpriced_turns": 1}
PASSAGE = {"session_id": "s", "turn": 3, "role": "user", "at": "2026-11-22T10:00:00.000Z", "score": 0.5}
EXCHANGE: dict[str, Any] = {
    "turn": 1,
    "at": "2026-11-22T10:00:00.000Z",
    "context": [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": [{"type": "text", "text": "ho"}]},
    ],
    "request_id": "r",
    "stop_reason": "end_turn",
    "model": "m",
    "usage": USAGE,
    "error": {"code": "internal", "message": "It broke.", "retryable": True},
    "part": 1,
    "parts": 2,
}
MEMORY = {
    "window_messages": 2,
    "window_characters": 10,
    "summary": {"turns": 4, "characters": 5},
    "recall": "owner",
    "recalled": [PASSAGE],
    "tokens": {"system": 1},
}
SESSION = {"session_id": "s", "title": "T", "turns": 2, "last_updated": "t", "usage": USAGE, "cost": COST}
FRAMES: list[dict[str, Any]] = [
    {"type": "accepted", "request_id": "r", "session_id": "s"},
    {"type": "delta", "request_id": "r", "seq": 1, "text": "Hel"},
    {
        "type": "answer",
        "request_id": "r",
        "session_id": "s",
        "turn": 2,
        "stop_reason": "end_turn",
        "model": "m",
        "deltas": 3,
        "usage": USAGE,
        "cost": COST,
        "memory": MEMORY,
    },
    {
        "type": "error",
        "code": "internal",
        "message": "m",
        "retryable": True,
        "retry_after": 3,
        "request_id": "r",
    },
    {"type": "history", "session_id": "s", "exchanges": [EXCHANGE], "before": "1.2", "request_id": "r"},
    {"type": "sessions", "sessions": [SESSION], "before": "b", "request_id": "r"},
    {"type": "memories", "memories": [{**PASSAGE, "text": "x"}], "request_id": "r"},
    {"type": "forgotten", "session_id": "s", "exchanges": 7, "request_id": "r"},
    {
        "type": "usage",
        "before": None,
        "request_id": "r",
        "sessions": [{**SESSION, "summary_usage": {"input_tokens": 3, "output_tokens": 4, "dollars": 0.5}}],
    },
    {"type": "pong", "request_id": "r"},
    {"message": "Internal server error", "connectionId": "c=", "requestId": "aws-1"},
    {"type": "of_the_future", "request_id": "r"},
]
"""A frame of each type, with every field that there is."""

usual = json_texts(sorted({name for frame in FRAMES for name in frame}), ["r", "end_turn", "7", "NaN"])
values = st.one_of(usual, usual, usual, nestings)


def names_of(value: Any) -> list[str]:
    """Return all names of fields in a frame, as they stand in its text."""
    if isinstance(value, list):
        return [name for item in value for name in names_of(item)]
    if isinstance(value, dict):
        return [name for key, item in value.items() for name in (f'"{key}":', *names_of(item))]
    return []


@st.composite
def frames_with_anything(draw: st.DrawFn) -> str:
    """Draw a frame some of whose fields, however deep, have an unheard-of value before or after their own."""
    frame = draw(st.sampled_from(FRAMES))
    text = json.dumps(frame, separators=(",", ":"))
    for name in draw(st.lists(st.sampled_from(names_of(frame)), max_size=3)):
        other = f"{name}{draw(values)}"
        if draw(st.booleans()):  # it counts
            at = text.index(name) + len(name)
            text = f'{text[:at]}{draw(values)},"gone":{text[at:]}'
        else:
            text = text.replace(name, f"{other},{name}", 1)
    return text


def outcome(text: str | bytes) -> Event | UnexpectedFrame:
    try:
        return decode(text)
    except UnexpectedFrame as unexpected:
        return unexpected


def check(text: str | bytes) -> None:
    read = outcome(text)
    if isinstance(read, UnexpectedFrame):
        assert len(read.message) < 600
        assert is_well_formed(read.message)
        return
    assert isinstance(read, get_args(Event))
    assert misfits(read) == []


@effort(2)
@given(frames_with_anything())
def test_frames_with_fields_of_any_kind(text: str) -> None:
    check(text)


@effort()
@given(changed(st.sampled_from(FRAMES).map(lambda frame: json.dumps(frame, ensure_ascii=False).encode())))
def test_frames_that_were_damaged(data: bytes) -> None:
    check(data)
    check(data.decode("utf-8", "surrogateescape"))


@effort(0.5)
@given(st.text() | st.binary() | values)
def test_any_message(text: str | bytes) -> None:
    check(text)


@pytest.mark.parametrize("frame", FRAMES, ids=lambda frame: str(frame.get("type")))
def test_every_frame_is_read(frame: dict[str, Any]) -> None:
    assert not isinstance(outcome(json.dumps(frame)), UnexpectedFrame)
    check(json.dumps(frame))


@pytest.mark.parametrize("value", ["[]", "{}", "1", "true", '["r"]'])
def test_a_request_id_is_a_text(value: str) -> None:
    """Anything else ended the task that reads the connection: requests are looked up by it."""
    with pytest.raises(UnexpectedFrame, match="request_id"):
        decode(f'{{"type":"pong","request_id":{value}}}')


@pytest.mark.parametrize("depth", [500, 5000, 500_000])
@pytest.mark.parametrize("around", ["{}", '{{"type":{}}}', '{{"type":"delta","seq":1,"text":{}}}'])
def test_what_is_nested_too_deep_is_no_frame(around: str, depth: int) -> None:
    check(around.format("[" * depth + "]" * depth))


@pytest.mark.parametrize("value", ['"3"', "-1", "NaN", "Infinity", "1e999", "true", "[]"])
def test_nobody_waits_for_what_is_no_time(value: str) -> None:
    with pytest.raises(UnexpectedFrame, match="retry_after"):
        decode(f'{{"type":"error","retry_after":{value}}}')


def test_half_a_character_is_replaced_wherever_it_comes() -> None:
    delta = decode('{"type":"delta","seq":1,"text":"a\\ud83db \\ud83d\\ude00","request_id":"r"}')
    assert delta == Delta("r", 1, "a\ufffdb 😀")
    assert decode('{"type":"delta","seq":1,"text":"\ud83d","request_id":"r"}') == Delta("r", 1, "\ufffd")
    page = decode(json.dumps(FRAMES[4]).replace('"hi"', '"\\udc00"'))
    assert isinstance(page, HistoryPage)
    assert page.exchanges[0].context[0] == ("user", "\ufffd")


def test_what_is_said_of_a_malformed_frame_is_short() -> None:
    with pytest.raises(UnexpectedFrame) as caught:
        decode(json.dumps({"type": "usage", "sessions": [{**SESSION, "cost": {"dollars": "x" * 10**6}}]}))
    assert len(caught.value.message) < 600


def test_what_a_field_may_leave_out_it_may() -> None:
    assert decode('{"type":"error","retry_after":0}') == Failure(
        "internal", "the bridge gave no reason", None, retry_after=0
    )
    assert decode('{"type":"answer","request_id":"r","session_id":"s"}') == Answer("r", "s", None, "", "")
