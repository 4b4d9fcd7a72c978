"""History in pages: every exchange exactly once, whatever the sizes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.conversation import Exchange, Failure, Usage
from bridge.errors import BadRequest
from bridge.protocol import frames, pages
from bridge.protocol.pages import Cursor
from tests.fakes import an_exchange, request_id

FIRST = 5
"""The first turn: a name used again after its session expired goes on counting."""

pieces = st.builds(
    lambda piece, times: piece * times,
    st.sampled_from(["a", "é", "中", "😀", '"', "\x00", "ab\n"]),
    st.sampled_from([1, 10, 500, 4000, 9000, 30_000]),
)


@st.composite
def histories(draw: st.DrawFn) -> list[Exchange]:
    said = draw(st.lists(st.tuples(pieces, st.none() | pieces), min_size=1, max_size=5))
    return [
        an_exchange(
            turn,
            question,
            answer,
            first_turn=FIRST,
            usage=Usage(10**6, 10**6, 10**6, 10**6),
            failure=None if answer is not None else Failure("upstream_error", "m" * 600),
        )
        for turn, (question, answer) in enumerate(said, start=FIRST)
    ]


def read(exchanges: list[Exchange], limit: int) -> list[list[dict[str, Any]]]:
    """Return the pages, newest first, as a client reads them through the wire's cursors."""
    read_pages: list[list[dict[str, Any]]] = []
    cursor: str | None = None
    for _ in range(500):
        before = Cursor.parse(cursor) if cursor is not None else None
        newest = before.newest_turn if before else FIRST + len(exchanges)
        newest_first = iter([e for e in reversed(exchanges) if e.turn <= newest])
        entries, earlier = pages.page(newest_first, before=before, first_turn=FIRST, limit=limit)
        cursor = str(earlier) if earlier else None
        frame = frames.history("n" * 128, entries, cursor, request_id(1))
        assert len(frames.encode(frame).encode()) < frames.MAX_POST_BYTES
        assert len(entries) <= limit
        read_pages.append(entries)
        if cursor is None:
            return read_pages
    raise AssertionError("the history has no beginning")


@given(histories(), st.sampled_from([1, 2, 5, 50]))
@settings(max_examples=25)
def test_reading_back_finds_every_exchange_once_in_order(exchanges: list[Exchange], limit: int) -> None:
    entries = [entry for page in reversed(read(exchanges, limit)) for entry in page]
    joined: dict[int, dict[str, str]] = {}
    expected_part = 1
    for entry in entries:
        assert entry.get("part", 1) == expected_part
        expected_part = expected_part + 1 if expected_part < entry.get("parts", 1) else 1
        assert entry["turn"] >= max(joined, default=FIRST)
        texts = joined.setdefault(entry["turn"], {})
        for said in entry["context"]:
            texts[said["role"]] = texts.get(said["role"], "") + said["content"]
    assert expected_part == 1
    assert joined == {e.turn: {said["role"]: said["content"] for said in e.context} for e in exchanges}


@given(histories(), st.sampled_from([1, 2, 5, 50]))
@settings(max_examples=10)
def test_no_page_is_empty(exchanges: list[Exchange], limit: int) -> None:
    assert all(read(exchanges, limit))


def test_small_exchanges_fill_a_page_to_its_limit() -> None:
    exchanges = [an_exchange(turn) for turn in range(FIRST, FIRST + 25)]
    assert [[entry["turn"] for entry in page] for page in read(exchanges, 10)] == [
        list(range(20, 30)),
        list(range(10, 20)),
        list(range(5, 10)),
    ]


def test_parts_repeat_what_is_known_of_the_exchange() -> None:
    exchange = an_exchange(1, "q", "a" * 50_000)
    parts = pages.entries_of(exchange)
    assert [(part["part"], part["parts"], part["turn"]) for part in parts] == [
        (1, 4, 1),
        (2, 4, 1),
        (3, 4, 1),
        (4, 4, 1),
    ]
    assert {part["request_id"] for part in parts} == {exchange.request_id}
    assert "part" not in pages.entries_of(an_exchange())[0]


def test_a_failed_turn_has_its_error_and_only_the_question() -> None:
    failed = an_exchange(1, "q", None, failure=Failure("refused", "No."))
    (entry,) = pages.entries_of(failed)
    assert entry["context"] == [{"role": "user", "content": "q"}]
    assert entry["error"] == {"code": "refused", "message": "No."}
    assert entry["stop_reason"] == "error"


def test_no_exchange_is_an_empty_page() -> None:
    assert pages.page([], before=None, first_turn=1, limit=5) == ([], None)
    assert pages.page([], before=Cursor(9), first_turn=1, limit=5) == ([], None)


def test_where_the_oldest_exchanges_have_expired_the_history_still_ends() -> None:
    entries, cursor = pages.page([an_exchange(9)], before=None, first_turn=1, limit=5)
    assert [entry["turn"] for entry in entries] == [9]
    assert cursor == Cursor(9)
    assert pages.page([], before=cursor, first_turn=1, limit=5) == ([], None)


@given(st.integers(1, 10**15), st.integers(1, 10**5))
def test_a_cursor_reads_as_it_was_written(turn: int, part: int) -> None:
    assert Cursor.parse(str(Cursor(turn, part))) == Cursor(turn, part)


@pytest.mark.parametrize(
    "text", ["0", "-1", "1.", ".1", "1.0", "01", "x", "1\n", " 1", "\u0661", "1.1.1", "9" * 17, "1e3"]
)
def test_a_cursor_of_ones_own_making_is_refused(text: str) -> None:
    with pytest.raises(BadRequest):
        Cursor.parse(text)


@given(histories(), st.integers(1, 4), st.sampled_from(["x" * 8000, '"' * 8000, "\n" * 8000]))
@settings(max_examples=60)
def test_what_stands_besides_a_first_page_leaves_room_for_it(
    exchanges: list[Exchange], limit: int, system: str
) -> None:
    """Also where the newest entry alone fills a page: then the first one is empty, and loses nothing."""
    newest_first = list(reversed(exchanges))
    first, cursor = pages.page(
        newest_first, before=None, first_turn=FIRST, limit=limit, besides=frames.size(system)
    )
    frame = frames.history("n" * 128, first, str(cursor), request_id(1), system)
    assert len(frames.encode(frame).encode()) < frames.MAX_POST_BYTES
    assert first or cursor is not None
    entries = first
    while cursor is not None:
        rest = [exchange for exchange in newest_first if exchange.turn <= cursor.newest_turn]
        page, cursor = pages.page(rest, before=cursor, first_turn=FIRST, limit=limit)
        assert page
        entries = page + entries
    whole = [entry for exchange in exchanges for entry in pages.entries_of(exchange)]
    assert entries == whole
