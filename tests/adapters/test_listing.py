"""An owner's sessions, newest first, in pages."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bridge.adapters.sessions import DynamoSessions
from bridge.conversation import Session, SessionKey, format_time
from bridge.errors import BadRequest
from tests.aws import Calls
from tests.fakes import START, FakeClock, an_exchange

OWNER = "ada/lovelace"


def begin(sessions: DynamoSessions, clock: FakeClock, name: str, owner: str = OWNER) -> None:
    exchange = an_exchange(1, f"About {name}", at=clock())
    sessions.keep(exchange, Session.begin(SessionKey(owner, name), 1).after(exchange))


def pages(sessions: DynamoSessions, limit: int) -> list[list[str]]:
    """Return the names page by page."""
    read: list[list[str]] = []
    before: str | None = None
    for _ in range(50):
        listed, before = sessions.of_owner(OWNER, before, limit)
        read.append([session.key.name for session in listed])
        if before is None:
            return read
    raise AssertionError("the list has no end")


def test_nobodys_sessions(sessions: DynamoSessions) -> None:
    assert sessions.of_owner(OWNER, None, 5) == ([], None)


def test_a_session_is_listed_with_its_title_turns_and_last_use(
    sessions: DynamoSessions, clock: FakeClock
) -> None:
    begin(sessions, clock, "travel")
    ((listed,), before) = sessions.of_owner(OWNER, None, 5)
    assert before is None
    assert (listed.key, listed.title, listed.turns) == (SessionKey(OWNER, "travel"), "About travel", 1)
    assert listed.last_updated == START


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 50])
def test_every_session_is_in_one_page(sessions: DynamoSessions, clock: FakeClock, limit: int) -> None:
    names = [f"s-{number}" for number in range(7)]
    for name in names:
        begin(sessions, clock, name)
        begin(sessions, clock, name, owner="eve")
        clock.advance(minutes=1)
    read = pages(sessions, limit)
    assert [name for page in read for name in page] == names[::-1]
    assert all(len(page) == limit for page in read[:-1])
    assert read[-1]


def test_sessions_of_the_same_moment_are_all_listed(sessions: DynamoSessions, clock: FakeClock) -> None:
    names = {f"s-{number}" for number in range(5)}
    for name in names:
        begin(sessions, clock, name)
    read = [name for page in pages(sessions, 2) for name in page]
    assert len(read) == 5
    assert set(read) == names


def test_expired_sessions_are_left_out_and_shorten_no_page(
    sessions: DynamoSessions, clock: FakeClock
) -> None:
    begin(sessions, clock, "old")
    clock.advance(hours=20)
    begin(sessions, clock, "new")
    clock.advance(hours=4)
    begin(sessions, clock, "newest")
    assert pages(sessions, 1) == [["newest"], ["new"]]


def test_a_page_takes_one_call(sessions: DynamoSessions, clock: FakeClock, calls: Calls) -> None:
    for number in range(5):
        begin(sessions, clock, f"s-{number}")
    calls.clear()
    sessions.of_owner(OWNER, None, 3)
    assert calls.made == {"Query": 1}


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "/",
        "travel",
        "yesterday/travel",
        "2026-11-22T19:37:40.123Z",
        "2026-11-22T19:37:40.123Z/",
        "2026-11-22T19:37:40.123Z/a b",
        "2026-11-22T19:37:40.123Z/../eve/travel",
        "2026-11-22T19:37:40.123Z/" + "x" * 3000,
        "2026-99-22T19:37:40.123Z/travel",
        "20261122/travel",
        "\x00",
    ],
)
def test_a_cursor_of_ones_own_making_is_refused(sessions: DynamoSessions, cursor: str) -> None:
    with pytest.raises(BadRequest):
        sessions.of_owner(OWNER, cursor, 5)


def test_a_tampered_cursor_shows_only_ones_own(sessions: DynamoSessions, clock: FakeClock) -> None:
    begin(sessions, clock, "mine")
    begin(sessions, clock, "hers", owner="eve")
    later = format_time(START + timedelta(days=1))
    listed, _ = sessions.of_owner(OWNER, f"{later}/hers", 5)
    assert [session.key.name for session in listed] == ["mine"]
