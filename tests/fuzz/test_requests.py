"""Frames from anyone: a request, or an error that can be told; nothing else, whatever the text."""

from __future__ import annotations

import json
import uuid
from typing import get_args

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bridge.protocol import frames, original, requests
from bridge.protocol.requests import FrameError, Request
from tests.fakes import request_id
from tests.fuzz.effort import effort
from tests.fuzz.inputs import FRAME_EDGE, changed, json_texts, nestings
from tests.fuzz.shapes import misfits

LONGEST = 60_000
"""Characters of a message at most, as an environment's default is."""

ACTIONS = ["query", "resume", "cancel", "history", "sessions", "recall", "forget", "usage", "ping"]
FIELDS = ["action", "request_id", "session_id", "message", "text", "model", "recall", "before", "limit"]
WORTH = [*ACTIONS, request_id(1), request_id(2).upper(), "owner", "off", "plans", "5.2", "claude-opus-5-5"]

values = json_texts([*FIELDS, "last_seq", "everything"], WORTH)
objects = st.builds(
    lambda action, known, fields: (
        "{"
        + ",".join([f'"action":"{action}"', *([f'"request_id":"{request_id(3)}"'] if known else []), *fields])
        + "}"
    ),
    st.sampled_from([*ACTIONS, "no"]),
    st.booleans(),
    st.lists(
        st.builds('"{}":{}'.format, st.sampled_from([*FIELDS, "last_seq", "everything"]), values), max_size=6
    ),
)
"""Frames that come near to a request; a field that stands there twice counts as it stood last."""


def outcome(body: str) -> Request | FrameError:
    try:
        return requests.parse(body, max_message_length=LONGEST)
    except FrameError as wrong:
        return wrong


def check(body: str) -> None:
    read = outcome(body)
    if not isinstance(read, FrameError):
        assert isinstance(read, get_args(Request))
        assert misfits(read) == []
        return
    assert read.error.code in {"bad_request", "unknown_action", "too_large"}
    assert read.error.message
    if read.request_id is not None:
        assert str(uuid.UUID(read.request_id)) == read.request_id
    for frame in (frames.error(read.error, read.request_id), original.error(read.error)):
        assert len(frames.encode(frame).encode()) < frames.MAX_POST_BYTES


@effort()
@given(st.text() | values | objects)
def test_any_text(body: str) -> None:
    check(body)


@effort()
@given(changed(objects.map(lambda text: text.encode("utf-8", "surrogatepass"))))
def test_frames_that_were_damaged(body: bytes) -> None:
    check(body.decode("utf-8", "surrogateescape"))


@effort(0.3)
@given(nestings, st.sampled_from(["{}", '{{"action":"ping","x":{}}}', '{{"action":{}}}', '{{"limit":{}}}']))
def test_values_within_values(nested: str, around: str) -> None:
    check(around.format(nested))


@effort(0.3)
@given(
    st.sampled_from(['{{"action":"query","message":"{}"}}', '{{"action":"{}"}}', '{{"{}":1}}', "{}"]),
    st.sampled_from(
        ["x", "é", "中", "😀", "\\n", "\\ud800", "\\ud83d\\ude00", "\x00", "\ud800", "[", " ", "1"]
    ),
    st.integers(-9, 9) | st.integers(-FRAME_EDGE, 3 * FRAME_EDGE),
)
def test_frames_about_as_long_as_may_be(around: str, piece: str, over: int) -> None:
    times = (FRAME_EDGE + over) // len(piece.encode("utf-8", "surrogatepass"))
    check(around.format(piece * times))


@effort()
@given(objects)
@example('{"action":"ping","action":"query"}')
def test_what_reads_the_same_is_taken_the_same(body: str) -> None:
    """Whitespace and escapes of a frame change nothing: the same object, written otherwise."""
    try:
        again = json.dumps(json.loads(body), indent=1)
    except (ValueError, RecursionError):
        return
    first, second = outcome(body), outcome(again)
    if isinstance(first, FrameError):
        assert isinstance(second, FrameError)
        assert str(first) == str(second)
        assert vars(first) | {"error": None} == vars(second) | {"error": None}
    else:
        assert first == second


@pytest.mark.parametrize("number", ["9" * 4000, "9" * 5000, "-" + "9" * 4000, "1e400", "0." + "1" * 100_000])
@pytest.mark.parametrize("field", ["limit", "last_seq", "request_id", "before", "everything"])
def test_numbers_beyond_every_measure(field: str, number: str) -> None:
    check(f'{{"action":"resume","request_id":"{request_id(1)}","{field}":{number}}}')
    check(f'{{"action":"sessions","{field}":{number}}}')
