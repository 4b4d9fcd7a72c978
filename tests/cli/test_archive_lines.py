"""An archive's lines: exact both ways, and every broken one refused with its reason."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.adapters import items
from bridge.conversation import Session, SessionKey, Usage
from bridge.memory.refs import Ref
from bridge_cli.archive_lines import FIRST_LINE, USAGE_KINDS, Entry, check_first, read
from bridge_cli.archive_values import MOST_BYTES, Item, item_text, same
from tests.cli import archived
from tests.cli.archived import exchange, header, instructions, summary
from tests.fakes import an_exchange


@given(archived.sessions())
def test_a_line_says_all_that_an_item_holds(drawn: list[Item]) -> None:
    for item in drawn:
        line = Entry(item).line
        assert line.count(b"\n") == 1
        again = read(line)
        assert again.item == item
        assert again.line == line


@given(st.decimals(allow_nan=False, allow_infinity=False, places=12, min_value=-(10**25), max_value=10**25))
def test_numbers_keep_all_their_digits(number: Decimal) -> None:
    item = exchange("ada", "plans", 1, later={"N": str(number)})
    assert read(Entry(item).line).item["later"] == {"N": str(number)}
    assert same(item, exchange("ada", "plans", 1, later={"N": f"{number:f}0"}))


def test_a_number_is_a_number_in_json() -> None:
    item = exchange("ada", "plans", 1, cost={"N": "12345678901234567"}, ratio={"N": "0.1"})
    told = json.loads(Entry(item).line, parse_float=Decimal)
    assert told["cost"] == 12345678901234567
    assert told["ratio"] == Decimal("0.1")
    assert list(told)[:2] == ["session_id", "seq"]


def test_a_line_neither_steers_a_terminal_nor_is_two_for_anybody() -> None:
    steering = "".join(map(chr, (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029)))
    text = Entry(exchange("ada", "plans", 1, steering)).line.decode()
    assert len(text.splitlines()) == 1
    assert text.removesuffix("\n").isprintable()
    assert json.loads(text)["context"][0]["content"] == steering


def test_items_are_those_of_the_functions() -> None:
    """What the functions write can be read here, and the names that they give are the same."""
    key = SessionKey("team/ada", "plans")
    at = datetime.fromtimestamp(1_795_376_260.123, UTC)
    for answer in ("Hello!", None):
        kept = an_exchange(3, answer=answer, usage=Usage(1, 2, 3, 4, 5), at=at)
        item = items.exchange_item(kept, key, archived_for())
        entry = read(Entry(item).line)
        assert entry.name == str(Ref.of("plans", kept))
        assert (entry.owner, entry.session, entry.what) == ("team/ada", "plans", "turn 3")
    session = Session.begin(key, 1).after(replace(kept, instructed=True))
    values = items.header_values(session, archived_for()) | {"version": 1}
    item = items.key_of(key, items.HEADER_SEQ) | items.to_item(values)
    assert items.header_of(read(Entry(item).line).item) == items.header_of(item)
    assert set(Usage().as_dict()) == USAGE_KINDS


def archived_for() -> Any:
    from datetime import timedelta

    return timedelta(days=30)


@given(st.datetimes(datetime(2001, 1, 1), datetime(2096, 1, 1)))
def test_names_are_those_of_the_functions(at: datetime) -> None:
    kept = an_exchange(7, at=at.replace(tzinfo=UTC, microsecond=at.microsecond // 1000 * 1000))
    item = items.exchange_item(kept, SessionKey("ada", "x"), archived_for())
    assert Entry(item).name == str(Ref.of("x", kept))


def test_another_owners() -> None:
    changed = Entry(header("ada", "plans")).of("team/bob")
    assert changed.partition == "team/bob/plans"
    assert changed.item["owner"] == {"S": "team/bob"}
    assert "owner" not in Entry(exchange("ada", "plans", 1)).of("bob").item


def line(item: Item, **changes: Any) -> bytes:
    """Return an item's line with attributes set, or taken out where they are None."""
    plain = json.loads(item_text(item)) | changes
    return (json.dumps({name: value for name, value in plain.items() if value is not None}) + "\n").encode()


HEADER, EXCHANGE, SUMMARY = header("ada", "plans"), exchange("ada", "plans", 1), summary("ada", "plans")
INSTRUCTIONS = instructions("ada", "plans")
USER = {"role": "user", "content": "Hi"}

BROKEN = [
    (b"", "breaks off"),
    (Entry(HEADER).line[:-1], "breaks off"),
    (Entry(HEADER).line[: len(Entry(HEADER).line) // 2] + b"\n", "not JSON"),
    (b"\xff\xfe\n", "UTF-8"),
    (b"\n", "not JSON"),
    (b"[]\n", "no JSON object"),
    (b"[" * 100_000 + b"\n", "nested"),
    (b'{"seq": NaN}\n', "NaN"),
    (Entry(HEADER).line.replace(b'"seq":0', b'"seq":0,"seq":0'), "twice"),
    (line(EXCHANGE, deep=json.loads("[" * 40 + "]" * 40)), "nested"),
    (line(EXCHANGE, long="x" * MOST_BYTES), "400 KB"),
    (line(EXCHANGE, many=int("1" * 39)), "digits"),
    (Entry(EXCHANGE).line.replace(b'"usage":{}', b'"usage":{},"n":1e200'), "digits"),
    (line(EXCHANGE, inner={"": 1}), "without a name"),
    (line(EXCHANGE, half="\ud800"), "surrogate"),
    (line(EXCHANGE, session_id=None), "session_id"),
    (line(EXCHANGE, session_id="plans"), "owner"),
    (line(EXCHANGE, session_id="a#b/plans"), "owner"),
    (line(EXCHANGE, session_id="ada/two words"), "names no session"),
    (line(EXCHANGE, session_id="memory#ada"), "owner"),
    (line(EXCHANGE, seq=-3), "`seq` is -3"),
    (line(EXCHANGE, instructed=1), "neither true nor false"),
    (line(HEADER, instructed=0), "`instructed` is 0"),
    (line(INSTRUCTIONS, text=None), "`text` is missing"),
    (line(INSTRUCTIONS, turn=0), "`turn` is 0"),
    (line(INSTRUCTIONS, since="today"), "since"),
    (line(EXCHANGE, seq=1.5), "no whole number"),
    (line(EXCHANGE, seq="1"), "no whole number"),
    (line(EXCHANGE, ttl=None), "ttl"),
    (line(HEADER, owner="bob"), "another one"),
    (line(HEADER, title=3), "no text"),
    (line(HEADER, version=0), "`version` is 0"),
    (line(HEADER, cost=-1), "`cost` is -1"),
    (line(HEADER, summary_count="one"), "summary_count"),
    (line(HEADER, usage=None), "usage"),
    (line(HEADER, usage={"new_kind": 1}), "usage"),
    (line(HEADER, last_updated="today"), "last_updated"),
    (line(HEADER, last_updated="2026-11-22T19:37:40"), "zone"),
    (line(EXCHANGE, first_turn=2), "`first_turn` is 2"),
    (line(EXCHANGE, model=None), "model"),
    (line(EXCHANGE, context="Hi"), "context"),
    (line(EXCHANGE, context=[]), "context"),
    (line(EXCHANGE, context=[USER, USER]), "context"),
    (line(EXCHANGE, context=[USER | {"content": 1}]), "content"),
    (line(EXCHANGE, error="broken"), "error"),
    (line(EXCHANGE, error={"code": "x"}), "message"),
    (line(SUMMARY, text=None), "text"),
    (line(SUMMARY, since="2026"), "since"),
]


@pytest.mark.parametrize(("broken", "why"), BROKEN, ids=[why for _, why in BROKEN])
def test_a_broken_line_is_refused(broken: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read(broken)


@given(
    st.binary(max_size=200) | st.text(max_size=200).map(lambda text: (text + "\n").encode(errors="replace"))
)
def test_nothing_else_is_raised_for_whatever_stands_there(anything: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - that it is one is all
        read(anything)


@given(
    st.sampled_from([HEADER, EXCHANGE, SUMMARY]),
    st.sampled_from(sorted(HEADER.keys() | EXCHANGE.keys() | SUMMARY.keys())),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    ),
)
def test_whatever_an_attribute_becomes_it_is_read_whole_or_refused(item: Item, name: str, value: Any) -> None:
    try:
        entry = read(line(item, **{name: value}))
    except ValueError:
        return
    assert read(entry.line).item == entry.item
    if entry.is_exchange:
        assert items.exchange_of(entry.item).turn == entry.seq
        assert Ref.parse(entry.name).turn == entry.seq
    elif entry.seq == 0:
        assert items.header_of(entry.item).key.owner == entry.owner


def test_what_sessions_do_not_hold_is_not_changed_in_silence() -> None:
    for odd in ({"SS": ["a"]}, {"B": b"a"}, {"NS": ["1"]}):
        with pytest.raises(ValueError, match="kind"):
            assert Entry(exchange("ada", "plans", 1, odd=odd)).line


@pytest.mark.parametrize(
    "first",
    [b"", b"{}\n", b"no json\n", b"[]\n", b"\xff\n", b'{"format":"other","version":1}\n', Entry(HEADER).line],
)
def test_what_is_no_archive_is_refused(first: bytes) -> None:
    with pytest.raises(ValueError, match="no archive"):
        check_first(first)


def test_a_later_format_is_refused() -> None:
    check_first(FIRST_LINE)
    with pytest.raises(ValueError, match="version 3; this program reads up to 2"):
        check_first(FIRST_LINE.replace(b"2}", b"3}"))


def test_an_earlier_format_is_read() -> None:
    check_first(b'{"format":"claude-context-bridge","version":1}\n')
