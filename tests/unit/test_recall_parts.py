"""The recall's parts: dates, passages, word vectors, segments."""

from __future__ import annotations

import json
import zlib
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.memory.recall import dates, passages, segments, vectors

WEDNESDAY = date(2024, 1, 10)


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("yesterday", "2024-01-09"),
        ("two weeks ago", "2023-12"),
        ("last month", "2023-12"),
        ("last year", "2023"),
        ("last Friday", "2024-01-05"),
        ("next Friday", "2024-01-12"),
        ("last weekend", "2024-01-06"),
        ("last December", "2023-12"),
        ("on 3 May, 2023", "2023-05-03"),
        ("on May 3rd, 2023", "2023-05-03"),
        ("2023-05-03", "2023-05-03"),
        ("in June", "-06"),
        ("back in 2019", "2019"),
    ],
)
def test_dates_are_resolved_against_the_day_they_were_said(text: str, term: str) -> None:
    assert term in dates.mentioned(f"We met {text}.", WEDNESDAY)


@pytest.mark.parametrize("text", ["You may come.", "It cost 2023 crowns", "9999999 years ago", "31/31"])
def test_what_is_no_date_is_none(text: str) -> None:
    assert dates.mentioned(text, WEDNESDAY) == set()


@given(st.text(alphabet="ab .\n?。", max_size=4000))
def test_passages_are_the_text_in_pieces(text: str) -> None:
    pieces = passages.split(text)
    assert "".join(pieces) == text
    assert all(len(piece) <= passages.LONGEST for piece in pieces)


def test_words_of_like_meaning_are_nearer_than_others() -> None:
    boat, ship, oven = (vectors.vector([term]) for term in ("boat", "ship", "oven"))
    assert boat is not None
    assert ship is not None
    assert oven is not None
    assert vectors.likeness(boat, ship) > vectors.likeness(boat, oven)
    assert vectors.likeness(boat, boat) == pytest.approx(1, abs=1e-5)
    assert vectors.vector(["qqqqq"]) is None


def test_a_damaged_file_of_vectors_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    damaged = tmp_path / "vectors"
    damaged.write_bytes(vectors.FILE.read_bytes()[:-1])
    monkeypatch.setattr(vectors, "FILE", damaged)
    with pytest.raises(ValueError, match="damaged"):
        vectors.load.__wrapped__()


def test_a_segment_of_another_version_is_stale() -> None:
    with pytest.raises(segments.StaleSegment):
        segments.unpack(zlib.compress(json.dumps([segments.VERSION + 1, [], [], [], []]).encode()))
