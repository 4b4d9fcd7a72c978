"""The recall's parts: dates, passages, the words' codes, segments."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.memory.recall import analyse, dates, meaning, passages, segments
from bridge.memory.recall.analysis import ALL_TRAITS, interrogative
from bridge.memory.recall.columns import Columns
from bridge.memory.recall.ids import pack_ids, segment_ids, unpack_ids
from bridge.memory.recall.order import turn
from tests.unit.recalling import said

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
    assert dates.mentioned(f"We met {text}.", WEDNESDAY) == {term}


def test_a_date_implies_what_is_less_exact() -> None:
    assert dates.implied("2023-05-08") == {"2023-05-08", "2023-05", "2023", "-05", "-05-08"}
    assert dates.implied("2023-05") == {"2023-05", "2023", "-05"}
    assert dates.implied("-05-08") == {"-05-08", "-05"}
    assert dates.implied("2023") == {"2023"}


@pytest.mark.parametrize("text", ["You may come.", "It cost 2023 crowns", "9999999 years ago", "31/31"])
def test_what_is_no_date_is_none(text: str) -> None:
    assert dates.mentioned(text, WEDNESDAY) == set()


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("How long did it take?", "For how long have you lived there?"),
        ("How much was it?", "How many are there?"),
        ("Whose is it?", "Who has it?"),
        ("I know where it is. Why? It was dark.", "why"),
    ],
)
def test_what_asks_alike_has_the_same_interrogative(text: str, question: str) -> None:
    (passage,) = analyse(said(text)[0]).passages
    assert passage.traits & ~ALL_TRAITS == interrogative(question) > ALL_TRAITS


@pytest.mark.parametrize("text", ["How was it?", "When was it?", "I know how long.", "Did it show howlong?"])
def test_what_asks_otherwise_has_not(text: str) -> None:
    (passage,) = analyse(said(text)[0]).passages
    assert not passage.traits & interrogative("How long?")


@given(st.text(alphabet="ab .\n?。", max_size=4000))
def test_passages_are_the_text_in_pieces(text: str) -> None:
    pieces = passages.split(text)
    assert "".join(pieces) == text
    assert all(len(piece) <= passages.LONGEST for piece in pieces)


def test_words_of_like_meaning_are_nearer_than_others() -> None:
    numbers = meaning.vocabulary().numbers
    boat, ship, oven = (meaning.code(numbers[term]) for term in ("boat", "ship", "oven"))
    assert (boat ^ ship).bit_count() < (boat ^ oven).bit_count()
    assert meaning.ALIKE[(boat ^ ship).bit_count()] > 0
    assert meaning.ALIKE[0] == 1
    assert "qqqqq" not in numbers


def test_a_damaged_file_of_words_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    damaged = tmp_path / "vectors"
    monkeypatch.setattr(meaning, "FILE", damaged)
    damaged.write_bytes(Path(meaning.__file__).with_name("word_vectors.bin").read_bytes()[:-1])
    with pytest.raises(ValueError, match="damaged"):
        meaning.vocabulary.__wrapped__()
    damaged.write_bytes(b"something else")
    with pytest.raises(ValueError, match="no file"):
        meaning.vocabulary.__wrapped__()


@given(st.lists(st.lists(st.integers(0, 2**64 - 1), max_size=9), max_size=4))
def test_columns_are_read_as_they_were_written(lists: list[list[int]]) -> None:
    written = Columns()
    for numbers in lists:
        written.write(numbers)
        written.write_rising(sorted(numbers))
    read = Columns(bytes(written.data), written.shapes)
    for numbers in lists:
        assert list(read.read()) == numbers
        assert read.read_rising() == sorted(numbers)


@given(st.lists(st.integers(-(2**61), 2**61)))
def test_steps_are_read_as_they_were_written(numbers: list[int]) -> None:
    written = Columns()
    written.write_steps(numbers)
    assert Columns(bytes(written.data), written.shapes).read_steps() == numbers


IDS = st.one_of(
    st.text(),
    st.builds(
        "{}#{}#{}#{}".format,
        st.sampled_from(["s", "", "chat-1#2", "\n"]),
        st.one_of(st.integers(0, 10**20), st.sampled_from(["01", "-1", "٣"])),
        st.text("0123456789azAZ", max_size=14),
        st.sampled_from("uax"),
    ),
)


@given(st.lists(st.tuples(IDS, st.sampled_from(["s", "", "chat-1#2", "\n", "\ud800"]))))
def test_ids_are_read_as_they_were_written(pairs: list[tuple[str, str]]) -> None:
    told = [id_ for id_, _ in pairs]
    ids, names, sessions, _ = unpack_ids(pack_ids(told, [session for _, session in pairs]))
    assert ids == told
    assert [names[number] for number in sessions] == [session for _, session in pairs]


def test_ids_are_told_of_a_segment_of_any_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "VERSION", segments.VERSION + 1)
    segment = segments.pack(map(analyse, said("An owl.", "A fox.")))
    monkeypatch.undo()
    with pytest.raises(segments.StaleSegment):
        segments.unpack(segment)
    assert segment_ids(segment) == ["s1", "s2"]


@pytest.mark.parametrize(
    "data", [b"", b"R", b"anything at all, as long as it is no segment", b"R\x02" + bytes(20)]
)
def test_what_is_no_segment_is_stale(data: bytes) -> None:
    with pytest.raises(segments.StaleSegment):
        segments.unpack(data)


def test_a_damaged_segment_is_stale() -> None:
    segment = segments.pack(map(analyse, said("An owl.", "A fox.")))
    for cut in range(0, len(segment), 7):
        with pytest.raises(segments.StaleSegment):
            segments.unpack(segment[:cut])


def test_an_exchange_stands_in_the_order_of_its_turn() -> None:
    ids = ["s#2#lq0#u", "s#2#lq0#a", "s#10#lq0#u", "s#10#lq0#a"]
    assert sorted(["s#10#lq0#a", "s#2#lq0#a", "s#10#lq0#u", "s#2#lq0#u"], key=turn) == ids
    assert sorted(["D1:10", "D1:9", "D1:1"], key=turn) == ["D1:1", "D1:9", "D1:10"]
    assert turn("9" * 9999)  # more digits than Python reads as a number
