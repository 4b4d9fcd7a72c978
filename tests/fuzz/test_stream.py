"""Claude's stream from a server gone mad: pieces of an answer or a `BridgeError`, and no cut matters."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import BridgeError, UpstreamError
from bridge.ports.claude import Completed, Piece, Started, Text
from bridge.protocol import sse
from tests.fuzz.effort import effort
from tests.fuzz.inputs import changed, cuts, json_texts
from tests.fuzz.shapes import is_well_formed, misfits

MODEL = "claude-sonnet-5-5"


def event(kind: str, **fields: Any) -> bytes:
    data = json.dumps({"type": kind, **fields}, ensure_ascii=False)
    return f"event: {kind}\ndata: {data}\n\n".encode()


def delta(kind: str, **fields: Any) -> bytes:
    return event("content_block_delta", index=0, delta={"type": kind, **fields})


EVENTS = [
    event("message_start", message={"id": "m", "model": MODEL, "content": [], "usage": {"input_tokens": 12}}),
    event("message_start", message={"usage": {"cache_creation": {"ephemeral_1h_input_tokens": 7}}}),
    event("content_block_start", index=0, content_block={"type": "text", "text": "Well"}),
    event("content_block_start", index=0, content_block={"type": "thinking", "thinking": ""}),
    delta("thinking_delta", thinking="hm"),
    delta("signature_delta", signature="EqQBCg=="),
    delta("input_json_delta", partial_json='{"a":'),
    delta("text_delta", text="Hel"),
    delta("text_delta", text="lo, 中😀!"),
    event("content_block_stop", index=0),
    event("ping"),
    event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 9}),
    event("message_stop"),
    event("error", error={"type": "overloaded_error", "message": "Overloaded"}),
    event("a_kind_of_the_future", text="no"),
    b": a comment\n\n",
    b"data: [DONE]\n\n",
]
"""What comes in real streams, of Claude's and of servers that speak like it."""

ANSWER = [EVENTS[0], EVENTS[2], *EVENTS[7:10], *EVENTS[11:13]]

KEYS = ["type", "message", "content_block", "delta", "error", "usage", "model", "text", "stop_reason"]
COUNTS = ["input_tokens", "output_tokens", "cache_creation", "ephemeral_1h_input_tokens"]
KINDS = ["message_start", "message_delta", "message_stop", "content_block_start", "content_block_delta"]

shuffled = st.lists(st.sampled_from(EVENTS), max_size=12) | st.permutations(ANSWER)
streams = st.one_of(
    st.binary(max_size=300),
    shuffled.map(b"".join),
    changed(shuffled.map(b"".join)),
    changed(st.just(b"".join(ANSWER))),
    st.lists(
        st.sampled_from([b"\r", b"\n", b"\r\n", b"data:", b" ", b"{}", b":", b"\xef\xbb\xbf", b"d"])
    ).map(b"".join),
)


def outcome(lines: Iterable[bytes]) -> tuple[list[Piece], tuple[str, ...] | None]:
    """Return what came of a stream, and how it failed."""
    pieces: list[Piece] = []
    try:
        pieces.extend(sse.read(lines, "asked-for"))
    except BridgeError as error:
        return pieces, (error.code, error.message, str(error.detail), str(error.retryable))
    return pieces, None


def check(pieces: list[Piece], failure: tuple[str, ...] | None) -> None:
    assert is_well_formed("".join(failure or ()))
    for piece in pieces:
        assert isinstance(piece, Started | Text | Completed)
        assert misfits(piece) == []
        if not isinstance(piece, Text):
            assert len(piece.model) <= 128
            assert all(0 <= count < 10**12 for count in piece.usage.as_dict().values())
    ends = [piece for piece in pieces if isinstance(piece, Completed)]
    assert ends == ([] if failure else pieces[-1:])
    assert all(len(end.stop_reason) <= 128 for end in ends)


@effort()
@given(streams, st.data())
def test_any_bytes_in_any_cut(stream: bytes, data: st.DataObject) -> None:
    whole = outcome(sse.lines_of([stream]))
    check(*whole)
    assert outcome(sse.lines_of(data.draw(cuts(stream)))) == whole
    assert outcome(sse.lines_of(bytes([byte]) for byte in stream)) == whole


@effort()
@given(
    st.lists(
        st.sampled_from(EVENTS).map(bytes.decode)
        | json_texts(KEYS + COUNTS, KINDS).map("data: {}\n\n".format)
        | st.builds(
            'data: {{"type":"{}","{}":{}}}\n\n'.format,
            st.sampled_from(KINDS),
            st.sampled_from(KEYS),
            json_texts(KEYS + COUNTS, [*KINDS, "text_delta", "text", "refusal"]),
        ),
        max_size=8,
    )
)
def test_events_of_any_content(events: list[str]) -> None:
    check(*outcome(sse.lines_of([event.encode("utf-8", "surrogatepass") for event in events])))


@effort()
@given(st.lists(st.binary(max_size=9) | st.sampled_from([b"a\r", b"\n", b"\r\n", b"\r", b""]), max_size=12))
def test_lines_are_those_of_the_whole(chunks: list[bytes]) -> None:
    whole = b"".join(chunks)
    assert list(sse.lines_of(chunks)) == whole.splitlines()
    assert list(sse.lines_of(chunks)) == list(sse.lines_of(iter([*chunks, b""])))


def counted(chunk: bytes, taken: list[int]) -> Iterator[bytes]:
    """Yield a chunk without end, and tell how many bytes of it were taken."""
    for _ in itertools.count():
        taken[0] += len(chunk)
        yield chunk


@pytest.mark.parametrize(
    "chunk",
    [b"x" * 60_000, b"data: " + b"x" * 60_000, b"data: " + b"x" * 60_000 + b"\n", b"data: x\r" * 9000],
    ids=["a line", "a line of data", "data", "data in short lines"],
)
def test_an_event_without_an_end_is_given_up_before_it_fills_the_memory(chunk: bytes) -> None:
    taken = [0]
    with pytest.raises(UpstreamError, match="could not be understood"):
        list(sse.read(sse.lines_of(counted(chunk, taken)), MODEL))
    # A line's end is not counted, which is an eighth of the shortest here.
    assert taken[0] <= sse.MAX_LINE_BYTES * 8 / 7 + 2 * len(chunk)


@pytest.mark.parametrize("size", [10, 512, 10**9])
def test_many_events_are_no_long_line_however_much_comes_at_once(size: int) -> None:
    stream = EVENTS[0] + EVENTS[10] * (sse.MAX_LINE_BYTES // len(EVENTS[10]) + 1) + b"".join(ANSWER[1:])
    chunks = (stream[at : at + size] for at in range(0, len(stream), size))
    pieces, failure = outcome(sse.lines_of(chunks))
    assert failure is None
    assert isinstance(pieces[-1], Completed)


@pytest.mark.parametrize("size", [1000, 4096, 10**9])
def test_the_longest_line_is_taken_and_one_byte_more_is_not_however_it_is_cut(size: int) -> None:
    for length, taken in ((sse.MAX_LINE_BYTES, True), (sse.MAX_LINE_BYTES + 1, False)):
        stream = b"x" * length + b"\r\nnext\n"
        lines = sse.lines_of(stream[at : at + size] for at in range(0, len(stream), size))
        if taken:
            assert list(map(len, lines)) == [length, 4]
        else:
            with pytest.raises(UpstreamError):
                next(lines)


def test_a_line_comes_with_its_end_also_where_that_may_be_half_of_one() -> None:
    waiting = iter([b"a\r", b"\nb\r"])
    lines = sse.lines_of(waiting)
    assert next(lines) == b"a"
    assert next(lines) == b"b"
    assert list(lines) == []
