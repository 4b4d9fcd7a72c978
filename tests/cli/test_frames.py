"""Text into frames: whatever the text and the size, joined it is the text, and no frame is too big."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge_cli.errors import MessageTooLarge
from bridge_cli.frames import FRAME_LIMIT, MESSAGE_LIMIT, message_frames, split_frames, well_formed
from bridge_cli.protocol import Query, encode

any_text = st.text(st.characters(), max_size=400)  # lone surrogates, too
wide_text = st.builds(
    lambda piece, times: piece * times,
    st.text(st.characters(), min_size=1, max_size=8),
    st.integers(1, 9_000),
)


def size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


@given(any_text, st.integers(4, 64))
def test_small_frames_join_to_the_text(text: str, limit: int) -> None:
    frames = list(split_frames(text, limit))
    assert "".join(frames) == text
    assert all(size(frame) <= limit for frame in frames)


@given(wide_text)
def test_frames_of_long_texts_join_to_the_text_and_fit(text: str) -> None:
    frames = list(split_frames(text))
    assert "".join(frames) == text
    assert all(size(frame) <= FRAME_LIMIT < 32_000 for frame in frames)


@given(any_text, st.integers(4, 64))
def test_no_frame_is_empty_or_wastes_its_place(text: str, limit: int) -> None:
    frames = list(split_frames(text, limit))
    assert frames == [""] if not text else all(frames)
    for frame, following in itertools.pairwise(frames):
        assert size(frame) + size(following[0]) > limit


@given(st.text(st.characters(), max_size=200))
def test_well_formed_text_can_be_sent_and_keeps_what_was_well_formed(text: str) -> None:
    sendable = well_formed(text)
    sendable.encode("utf-8")
    assert well_formed(sendable) == sendable
    if not any("\ud800" <= character <= "\udfff" for character in text):
        assert sendable == text


def test_a_surrogate_pair_becomes_its_character_and_a_lone_one_is_replaced() -> None:
    assert well_formed("\ud83d\ude00") == "😀"
    assert well_formed("a\udc80b") == "a\ufffdb"


def test_a_frame_smaller_than_a_code_point_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot hold"):
        list(split_frames("text", 3))


@given(any_text.filter(str.strip))
def test_a_query_is_json_that_tells_the_message(text: str) -> None:
    encoded = encode(Query(request_id="r", message=text))
    assert json.loads(encoded)["message"] == well_formed(text)


def test_a_message_at_the_limit_fits_and_one_byte_more_is_refused() -> None:
    assert sum(size(frame) for frame in message_frames("é" * (MESSAGE_LIMIT // 2))) == MESSAGE_LIMIT
    with pytest.raises(MessageTooLarge, match="131,073 bytes"):
        message_frames("é" * (MESSAGE_LIMIT // 2) + "x")
