"""Frames to the client, and text in pieces that fit them."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bridge.conversation import Cost, Instructions, Session
from bridge.errors import Internal, NotFound, UpstreamOverloaded
from bridge.memory.fence import Recalled
from bridge.memory.prompt import Parts
from bridge.memory.summary import Summary
from bridge.memory.window import Window
from bridge.protocol import fields, frames
from tests.fakes import KEY, START, an_exchange, request_id
from tests.strategies import texts, wide_texts


@given(texts, st.integers(6, 40))
def test_pieces_join_to_the_text_and_each_fits(text: str, limit: int) -> None:
    pieces = list(frames.split(text, limit))
    assert "".join(pieces) == text
    assert all(piece and frames.size(piece) - 2 <= limit for piece in pieces)


@given(texts, st.integers(6, 40))
def test_pieces_are_as_long_as_they_can_be(text: str, limit: int) -> None:
    pieces = list(frames.split(text, limit))
    for piece, following in itertools.pairwise(pieces):
        assert frames.size(piece + following[0]) - 2 > limit


@given(wide_texts)
def test_every_delta_fits_a_frame(text: str) -> None:
    pieces = list(frames.split(text))
    assert "".join(pieces) == text
    for seq, piece in enumerate(pieces, start=10**9):
        assert len(frames.encode(frames.delta(request_id(1), seq, piece)).encode()) < frames.MAX_POST_BYTES


@pytest.mark.parametrize(
    "character", ["\x00", "\x1f", "\x7f", '"', "\\", "é", "\u2028", "中", "😀", "\U0010ffff"]
)
def test_a_character_is_as_wide_as_its_json(character: str) -> None:
    text = character * 50
    width = frames.size(character) - 2
    assert [len(piece) for piece in frames.split(text, width * 7)] == [7] * 7 + [1]


def test_no_text_is_no_piece() -> None:
    assert list(frames.split("")) == []


@given(texts)
def test_a_frame_is_one_json_object(text: str) -> None:
    frame = frames.delta(request_id(1), 1, text)
    assert json.loads(frames.encode(frame)) == frame


def test_an_answer_tells_what_the_turn_took() -> None:
    exchange = an_exchange(3, cost=Cost(1_500_000, 3_000_000))
    quote = Recalled("plans", 7, "user", START, "I like it.", 1.23456)
    parts = Parts(
        "Be kind.",
        Window((an_exchange(1, "ab", "cde"),)),
        "Hello?",
        START,
        Summary(4, "They met.", START),
        [quote],
        Instructions("In Danish.", 2),
    )
    frame = frames.answer(exchange, "travel", frames.memory(parts, "owner", retold=False), 2)
    assert frame == {
        "type": "answer",
        "request_id": request_id(3),
        "session_id": "travel",
        "turn": 3,
        "stop_reason": "end_turn",
        "model": "claude-sonnet-5-5",
        "deltas": 2,
        "usage": {
            "input_tokens": 0,
            "output_tokens": 0,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "cache_creation_1h_input_tokens": 0,
        },
        "cost": {"dollars": 0.0015, "uncached_dollars": 0.003},
        "memory": {
            "system": {"turn": 2, "characters": 10},
            "window_messages": 2,
            "window_characters": 5,
            "summary": {"turns": 4, "characters": 9},
            "recall": "owner",
            "recalled": [
                {
                    "session_id": "plans",
                    "turn": 7,
                    "role": "user",
                    "at": "2026-11-22T19:37:40.123Z",
                    "score": 1.235,
                }
            ],
            "tokens": parts.tokens(),
        },
    }
    assert min(parts.tokens().values()) > 0
    retold = frames.memory(parts, "off", retold=True)
    assert (retold["recall"], retold["recalled"]) == ("off", None)
    assert frames.answer(an_exchange(3), "travel", retold, None)["cost"] is None


def test_an_error_tells_what_it_knows_and_no_more() -> None:
    assert frames.error(NotFound("No such session.")) == {
        "type": "error",
        "code": "not_found",
        "message": "No such session.",
        "retryable": False,
    }
    told = frames.error(UpstreamOverloaded("Wait.", retry_after=2.5, detail="kept to the log"), request_id(1))
    assert told == {
        "type": "error",
        "code": "upstream_overloaded",
        "message": "Wait.",
        "retryable": True,
        "retry_after": 2.5,
        "request_id": request_id(1),
    }
    assert frames.error(Internal("Oh."))["retryable"] is True


def test_pings_and_lists_echo_the_request_id_only_where_there_is_one() -> None:
    assert frames.pong(None) == {"type": "pong"}
    assert frames.pong(request_id(1))["request_id"] == request_id(1)
    assert "request_id" not in frames.sessions([], None, None)
    assert "request_id" not in frames.history("travel", [], None, None)


def test_a_session_is_listed_with_its_title_and_when_it_was_used() -> None:
    session = Session.begin(KEY, 1).after(an_exchange(1, "Where to?"))
    assert frames.sessions([session], "cursor", None)["sessions"] == [
        {"session_id": "travel", "title": "Where to?", "turns": 1, "last_updated": "2026-11-22T19:38:40.123Z"}
    ]


@given(st.characters(exclude_categories=["Cs"]))
@example("\x01")
@example("\x7f")
@example("😀")
def test_the_longest_list_of_sessions_fits_a_frame(character: str) -> None:
    key = replace(KEY, name="n" * 128)
    session = replace(Session.begin(key, 1).after(an_exchange(1, character * 90)), turns=10**6)
    frame = frames.sessions([session] * fields.MAX_PAGE, "c" * 160, request_id(1))
    assert len(frames.encode(frame).encode()) < frames.MAX_POST_BYTES
