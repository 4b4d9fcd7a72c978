"""Pages of a history, cuts of a text, and the marks that clients send back: whatever they hold."""

from __future__ import annotations

import contextlib
import itertools

from hypothesis import given
from hypothesis import strategies as st

from bridge.adapters import cursors
from bridge.conversation import Exchange, Failure, Usage
from bridge.errors import BadRequest
from bridge.protocol import frames, pages
from bridge.protocol.pages import Cursor
from tests.fakes import an_exchange, request_id
from tests.fuzz.effort import effort
from tests.strategies import texts, wide_texts

MARKS = st.one_of(
    st.text(),
    st.text("0123456789.", max_size=30),
    st.builds("{}.{}".format, st.integers(0, 12), st.integers(0, 40)),
    st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{3}Z/[a-z.]{1,130}\n?"),
    st.builds(
        "{:%Y-%m-%dT%H:%M:%S}.{:03}Z/{}".format, st.datetimes(), st.integers(0, 1200), st.text(max_size=3)
    ),
)
"""Marks as clients send them back, and what is none."""


@st.composite
def exchanges(draw: st.DrawFn) -> list[Exchange]:
    said = texts | wide_texts
    drawn = draw(st.lists(st.tuples(said, st.none() | said, texts.filter(bool)), min_size=1, max_size=5))
    return [
        an_exchange(
            turn,
            question,
            answer,
            model=told[:128],
            stop_reason=told[-128:],
            usage=Usage(10**12, 10**12, 10**12, 10**12, 10**12),
            failure=None if answer is not None else Failure("upstream_error", told * 9),
        )
        for turn, (question, answer, told) in enumerate(drawn, start=1)
    ]


@effort(0.5)
@given(exchanges(), st.integers(1, 50), MARKS)
def test_a_page_of_any_history_from_any_mark(said: list[Exchange], limit: int, mark: str) -> None:
    """A page fits its frame, and the next one begins before it: whoever pages on comes to the beginning."""
    before: Cursor | None = None
    with contextlib.suppress(BadRequest):
        before = Cursor.parse(mark)
    while True:
        newest = before.newest_turn if before else len(said)
        newest_first = [e for e in reversed(said) if e.turn <= newest]
        entries, earlier = pages.page(newest_first, before=before, first_turn=1, limit=limit)
        frame = frames.history("n" * 128, entries, str(earlier) if earlier else None, request_id(1))
        assert len(frames.encode(frame).encode()) < frames.MAX_POST_BYTES
        assert len(entries) <= limit
        if earlier is None:
            return
        assert entries
        assert before is None or (earlier.turn, earlier.part) < (before.turn, before.part)
        before = earlier


@effort()
@given(texts | wide_texts, st.integers(6, 40) | st.integers(40, 30_000))
def test_the_pieces_of_any_text_are_the_text(text: str, limit: int) -> None:
    pieces = list(frames.split(text, limit))
    assert "".join(pieces) == text
    assert all(pieces)
    assert all(frames.size(piece) - len('""') <= limit for piece in pieces)
    for piece, following in itertools.pairwise(pieces):
        assert frames.size(piece + following[0]) - len('""') > limit


@effort()
@given(MARKS)
def test_any_mark_is_one_of_ours_or_a_bad_request(mark: str) -> None:
    with contextlib.suppress(BadRequest):
        cursor = Cursor.parse(mark)
        assert Cursor.parse(str(cursor)) == cursor
        assert cursor.turn > 0
        assert cursor.part > 0
        assert cursor.newest_turn >= 0
    with contextlib.suppress(BadRequest):
        key = cursors.start_key("ada", mark)
        assert mark.endswith(key["session_id"]["S"].removeprefix("ada/"))
        assert mark.startswith(key["last_updated"]["S"])
