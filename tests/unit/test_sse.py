"""Claude's stream of events: what becomes of it, also where it is no such thing."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.conversation import Usage
from bridge.errors import BridgeError, UpstreamError, UpstreamOverloaded
from bridge.ports.claude import Completed, Piece, Started, Text
from bridge.protocol import sse
from tests.strategies import texts

MODEL = "claude-sonnet-5-5"


def event(kind: str, **fields: Any) -> bytes:
    """Return an event as Claude sends it."""
    data = json.dumps({"type": kind, **fields}, ensure_ascii=False)
    return f"event: {kind}\ndata: {data}\n\n".encode()


def start(**usage: int) -> bytes:
    return event("message_start", message={"id": "msg_1", "model": MODEL, "content": [], "usage": usage})


def said(text: str, index: int = 0) -> bytes:
    return event("content_block_delta", index=index, delta={"type": "text_delta", "text": text})


def ended(stop_reason: str = "end_turn", **usage: int) -> bytes:
    return event("message_delta", delta={"stop_reason": stop_reason}, usage=usage)


STOP = event("message_stop")
PING = event("ping")
ANSWER = [
    start(input_tokens=12, output_tokens=1),
    event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
    PING,
    said("Hel"),
    said("lo, 中😀!"),
    event("content_block_stop", index=0),
    ended(output_tokens=9),
    STOP,
]


def read(*stream: bytes) -> list[Piece]:
    """Return what a stream says, but for its beginning."""
    events = sse.read(b"".join(stream).split(b"\n"), "asked-for")
    return [event for event in events if not isinstance(event, Started)]


def text_of(events: Iterable[Piece]) -> str:
    return "".join(e.text for e in events if isinstance(e, Text))


def test_an_answer_is_its_text_and_its_end() -> None:
    assert read(*ANSWER) == [
        Text("Hel"),
        Text("lo, 中😀!"),
        Completed("end_turn", Usage(input_tokens=12, output_tokens=9), MODEL),
    ]


def test_usage_is_cumulative_and_the_last_count_holds() -> None:
    stream = [
        start(input_tokens=5, cache_creation_input_tokens=100, cache_read_input_tokens=0, output_tokens=1),
        ended("max_tokens", output_tokens=3),
        ended("max_tokens", output_tokens=8, cache_read_input_tokens=7),
        STOP,
    ]
    assert read(*stream) == [Completed("max_tokens", Usage(5, 8, 100, 7), MODEL)]


def test_thinking_tools_and_unknown_kinds_pass_by() -> None:
    stream = [
        start(),
        event(
            "content_block_start",
            index=0,
            content_block={"type": "thinking", "thinking": "", "text": "secret"},
        ),
        event(
            "content_block_delta", index=0, delta={"type": "thinking_delta", "thinking": "hm", "text": "hm"}
        ),
        event("content_block_delta", index=0, delta={"type": "signature_delta", "signature": "x"}),
        event("content_block_delta", index=1, delta={"type": "input_json_delta", "partial_json": "{"}),
        event("a_kind_of_the_future", text="no"),
        b": a comment\n\nretry: 5\n\nid: 7\n\n",
        said("yes", 2),
        ended(),
        STOP,
    ]
    assert text_of(read(*stream)) == "yes"


def test_a_text_block_may_begin_with_text() -> None:
    begun = event("content_block_start", index=0, content_block={"type": "text", "text": "He"})
    assert text_of(read(start(), begun, said("llo"), STOP)) == "Hello"


def test_what_comes_after_the_end_is_not_read() -> None:
    assert text_of(read(*ANSWER, said("more"), b"garbage")) == "Hello, 中😀!"


def test_whoever_does_not_tell_its_model_is_the_one_that_was_asked() -> None:
    assert read(event("message_start", message={}), STOP) == [Completed("end_turn", Usage(), "asked-for")]


@pytest.mark.parametrize("count", range(len(ANSWER)))
def test_a_stream_without_its_end_is_a_failure(count: int) -> None:
    with pytest.raises(UpstreamError) as caught:
        read(*ANSWER[:count])
    assert caught.value.retryable


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("overloaded_error", UpstreamOverloaded),
        ("rate_limit_error", UpstreamOverloaded),
        ("api_error", UpstreamError),
        ("", UpstreamError),
    ],
)
def test_an_error_in_the_middle(kind: str, error: type[BridgeError]) -> None:
    stream = sse.read(
        (
            *start().split(b"\n"),
            *said("He").split(b"\n"),
            *event("error", error={"type": kind, "message": "m"}).split(b"\n"),
        ),
        MODEL,
    )
    assert isinstance(next(stream), Started)
    assert next(stream) == Text("He")
    with pytest.raises(error) as caught:
        next(stream)
    assert caught.value.retryable
    assert caught.value.detail == (kind or "unknown")


@pytest.mark.parametrize(
    "garbage",
    [
        b"<html>",
        b"data: hello\n\n",
        b"data: [1]\n\n",
        b"data: null\n\n",
        b"data: {\n\n",
        b"data: \xff\xfe\n\n",
        b"data\n\n",
        b"data: " + b"[" * 50_000,
    ],
)
def test_garbage_is_a_failure(garbage: bytes) -> None:
    with pytest.raises(UpstreamError):
        read(start(), garbage)


@pytest.mark.parametrize(
    "value", [None, 1, True, [], "x", {}, {"usage": None}, {"usage": {"input_tokens": "7"}}]
)
@pytest.mark.parametrize("field", ["message", "content_block", "delta", "usage", "error"])
@pytest.mark.parametrize(
    "kind",
    ["message_start", "content_block_start", "content_block_delta", "message_delta", "error", "message_stop"],
)
def test_fields_of_any_type(kind: str, field: str, value: object) -> None:
    stream = sse.read(event(kind, **{field: value}).split(b"\n"), MODEL)
    try:
        assert not text_of(stream)
    except BridgeError:
        assert kind != "message_stop"


def test_counts_that_are_none_are_not_counted() -> None:
    stream = [event("message_start", message={"usage": {"input_tokens": True, "output_tokens": -3}}), STOP]
    assert read(*stream) == [Completed("end_turn", Usage(), "asked-for")]


def test_half_a_character_is_replaced_wherever_it_is_kept() -> None:
    half = b"\\ud83d"
    stream = [
        b'data: {"type":"message_start","message":{"model":"m%s"}}\n\n' % half,
        b'data: {"type":"content_block_delta","delta":{"type":"text_delta","text":"a%sb"}}\n\n' % half,
        b'data: {"type":"message_delta","delta":{"stop_reason":"s%s"}}\n\n' % half,
        STOP,
    ]
    assert read(*stream) == [Text("a\ufffdb"), Completed("s\ufffd", Usage(), "m\ufffd")]
    with pytest.raises(UpstreamError) as caught:
        read(b'data: {"type":"error","error":{"type":"%s"}}\n\n' % half)
    assert caught.value.detail == "\ufffd"


@given(st.lists(texts, max_size=6), st.sampled_from([b"\n", b"\r\n"]), st.randoms())
def test_it_does_not_matter_how_the_bytes_arrive(pieces: list[str], end: bytes, random: Any) -> None:
    stream = b"".join([start(), *map(said, pieces), ended(output_tokens=4), STOP]).replace(b"\n", end)
    cuts = sorted(random.choices(range(len(stream) + 1), k=20))
    chunks = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    events = list(sse.read(sse.lines_of(chunks), MODEL))
    assert text_of(events) == "".join(pieces)
    assert isinstance(events[-1], Completed)


@given(st.lists(st.binary(max_size=20) | st.sampled_from([b"a\r", b"\n", b"\r\n", b"\r", b""]), max_size=12))
def test_lines_are_the_same_however_they_are_cut(chunks: list[bytes]) -> None:
    whole = b"".join(chunks)
    assert list(sse.lines_of(chunks)) == list(sse.lines_of([whole])) == whole.splitlines()


def test_an_events_data_may_take_several_lines() -> None:
    assert list(sse.data_of([b"data: {", b"data:}", b"", b"data:  x", b"", b"", b"data: end"])) == [
        "{\n}",
        " x",
        "end",
    ]


@given(st.lists(st.binary(max_size=40) | st.sampled_from([*ANSWER, b"data: ", b"{}", b"\n"]), max_size=12))
def test_any_bytes_are_an_answer_or_a_bridge_error(chunks: list[bytes]) -> None:
    try:
        events = list(sse.read(sse.lines_of(chunks), MODEL))
    except BridgeError:
        return
    assert isinstance(events[-1], Completed)


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["type", "text", "usage", "model", "input_tokens", "stop_reason"]), inner
        )
    ),
    max_leaves=5,
)


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["type", "message", "delta", "error", "usage", "content_block"]),
            _values
            | st.sampled_from(
                ["message_start", "message_delta", "content_block_delta", "error", "message_stop"]
            ),
        )
    )
)
def test_any_events_are_an_answer_or_a_bridge_error(events: list[dict[str, Any]]) -> None:
    lines = [line for e in events for line in (b"data: " + json.dumps(e).encode(), b"")]
    try:
        read_events = list(sse.read(lines, MODEL))
    except BridgeError:
        return
    assert isinstance(read_events[-1], Completed)


def test_a_line_without_an_end_is_given_up() -> None:
    taken = 0

    def endless() -> Iterable[bytes]:
        nonlocal taken
        while True:
            taken += 1
            yield b"x" * 65_536

    with pytest.raises(UpstreamError, match="could not be understood"):
        list(sse.read(sse.lines_of(endless()), MODEL))
    assert taken * 65_536 <= sse.MAX_LINE_BYTES + 65_536
