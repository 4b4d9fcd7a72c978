"""The domain: titles, times, and how a header follows from its exchanges."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.conversation import (
    TITLE_LENGTH,
    Session,
    SessionKey,
    Usage,
    format_time,
    new_session_name,
    parse_time,
    title_of,
)
from bridge.protocol.fields import SESSION_NAME
from tests.fakes import KEY, START, an_exchange
from tests.strategies import texts


@pytest.mark.parametrize(
    ("message", "title"),
    [
        ("Where to?", "Where to?"),
        ("  Where\n\tto,\u2003now? ", "Where to, now?"),
        ("x" * 80, "x" * 80),
        ("x" * 81, "x" * 79 + "…"),
        ("x" * 78 + " yy", "x" * 78 + "…"),
        ("\x1b[31mred\x00", "[31mred"),
        ("\x01", ""),
        ("👩\u200d👧", "👩\u200d👧"),
    ],
)
def test_a_title_is_the_beginning_of_the_message_on_one_line(message: str, title: str) -> None:
    assert title_of(message) == title


@given(texts)
def test_a_title_is_short_and_one_line(message: str) -> None:
    title = title_of(message)
    assert len(title) <= TITLE_LENGTH
    assert len(title.splitlines()) <= 1
    assert title == title.strip()


def test_a_time_is_told_in_utc_with_milliseconds() -> None:
    assert format_time(START) == "2026-11-22T19:37:40.123Z"
    assert format_time(datetime(2026, 1, 1, tzinfo=UTC)) == "2026-01-01T00:00:00.000Z"
    assert (
        format_time(datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=1))))
        == "2026-01-01T00:00:00.000Z"
    )


@given(st.datetimes(min_value=datetime(1000, 1, 1), timezones=st.just(UTC)))
def test_times_sort_as_their_texts_do(moment: datetime) -> None:
    assert parse_time(format_time(moment)) <= moment
    assert moment - parse_time(format_time(moment)) < timedelta(milliseconds=1)
    assert format_time(parse_time(format_time(moment))) == format_time(moment)


def test_a_session_made_up_has_a_name_that_clients_may_use() -> None:
    name = new_session_name("ann", "request-1")
    assert re.fullmatch("chat-[0-9a-f]{8}", name)
    assert SESSION_NAME.fullmatch(name)
    assert new_session_name("ann", "request-1") == name
    assert new_session_name("bob", "request-1") != name


def test_owners_with_slashes_share_no_session() -> None:
    assert str(SessionKey("a/b", "c")) == "a/b/c"
    assert SessionKey("a", "b") != SessionKey("b", "a")


def test_a_session_counts_from_its_first_turn() -> None:
    session = Session.begin(KEY, 7)
    assert (session.last_turn, session.next_turn, session.window_start) == (6, 7, 7)
    after = session.after(an_exchange(7, "First\nmessage", usage=Usage(1, 2, 3, 4)))
    assert (after.turns, after.last_turn, after.next_turn, after.title) == (1, 7, 8, "First message")
    again = after.after(an_exchange(8, "Second", usage=Usage(1, 1, 1, 1)))
    assert (again.turns, again.title, again.usage) == (2, "First message", Usage(2, 3, 4, 5))
    assert again.last_updated == an_exchange(8).at


def test_a_header_catches_up_with_what_it_does_not_know() -> None:
    exchanges = [an_exchange(turn, usage=Usage(1, 1, 0, 0)) for turn in range(1, 5)]
    behind = Session.begin(KEY, 1).after(exchanges[0]).after(exchanges[1])
    caught_up = behind.caught_up(exchanges)
    assert (caught_up.turns, caught_up.usage) == (4, Usage(4, 4, 0, 0))
    assert caught_up.caught_up(exchanges) == caught_up
