"""A turn whose session is forgotten while it is answered is not kept."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bridge.adapters import items
from bridge.adapters.erasing import DynamoEraser
from bridge.adapters.sessions import DynamoSessions
from bridge.conversation import Exchange, Session, SessionKey
from bridge.errors import SessionForgotten
from tests.adapters.speaking import delete, name, say, seqs
from tests.aws import SESSIONS_TABLE, Calls
from tests.fakes import KEY, FakeClock, an_exchange, request_id


@pytest.fixture
def eraser(dynamodb: Any, calls: Calls) -> DynamoEraser:
    return DynamoEraser(dynamodb, SESSIONS_TABLE)


def underway(
    sessions: DynamoSessions, clock: FakeClock, answer: str | None = "Late"
) -> tuple[Exchange, Session]:
    """Return a turn that has been asked and is not kept yet, and its header as it would be after it."""
    session = sessions.load(KEY).session
    exchange = replace(
        an_exchange(session.next_turn, "Late?", answer),
        at=clock(),
        first_turn=session.first_turn,
        request_id=request_id(77),
    )
    return exchange, session.caught_up([exchange])


def pending(sessions: DynamoSessions) -> frozenset[str]:
    return sessions.load(KEY).head.pending


@pytest.mark.parametrize("answer", ["Late", None])
def test_nothing_is_left_of_it(
    sessions: DynamoSessions, eraser: DynamoEraser, clock: FakeClock, dynamodb: Any, answer: str | None
) -> None:
    first = name(say(sessions, clock))
    late = underway(sessions, clock, answer)
    eraser.erase(KEY)
    with pytest.raises(SessionForgotten):
        sessions.keep(*late)
    assert seqs(dynamodb, str(KEY)) == []
    assert pending(sessions) == {first}
    assert sessions.load(KEY).session == Session.begin(KEY, 1)


def test_other_sessions_stay(
    sessions: DynamoSessions, eraser: DynamoEraser, clock: FakeClock, dynamodb: Any
) -> None:
    others = [SessionKey(KEY.owner, "cooking"), SessionKey("eve", KEY.name)]
    for key in (KEY, *others):
        say(sessions, clock, key)
    late = underway(sessions, clock)
    eraser.erase(KEY)
    with pytest.raises(SessionForgotten):
        sessions.keep(*late)
    assert [seqs(dynamodb, str(key)) for key in others] == [[0, 1]] * 2
    assert len(sessions.load(others[1]).head.pending) == 1


def test_nothing_is_left_of_it_where_the_name_was_given_again(
    sessions: DynamoSessions, eraser: DynamoEraser, clock: FakeClock, dynamodb: Any
) -> None:
    say(sessions, clock)
    say(sessions, clock)
    late = underway(sessions, clock)
    eraser.erase(KEY)
    anew = say(sessions, clock, question="Anew")
    with pytest.raises(SessionForgotten):
        sessions.keep(*late)
    assert seqs(dynamodb, str(KEY)) == [0, 1]
    assert sessions.load(KEY).exchanges == (anew,)
    assert name(late[0]) not in pending(sessions)


def test_it_is_not_kept_by_trying_again(
    sessions: DynamoSessions, eraser: DynamoEraser, clock: FakeClock, dynamodb: Any
) -> None:
    say(sessions, clock)
    late = underway(sessions, clock)
    eraser.erase(KEY)
    for _ in range(2):
        with pytest.raises(SessionForgotten):
            sessions.keep(*late)
    assert seqs(dynamodb, str(KEY)) == []


def test_a_first_turn_is_kept_also_where_its_name_was_forgotten_meanwhile(
    sessions: DynamoSessions, eraser: DynamoEraser, clock: FakeClock
) -> None:
    first = underway(sessions, clock)
    eraser.erase(KEY)
    sessions.keep(*first)
    assert sessions.load(KEY).exchanges == (first[0],)


def test_the_first_turn_after_forgetting_is_kept(
    sessions: DynamoSessions, eraser: DynamoEraser, clock: FakeClock
) -> None:
    say(sessions, clock)
    eraser.erase(KEY)
    anew = say(sessions, clock, question="Anew")
    remembered = sessions.load(KEY)
    assert remembered.exchanges == (anew,)
    assert (remembered.session.version, remembered.session.title) == (1, "Anew")


@pytest.mark.parametrize("reaped", [False, True])
def test_the_first_turn_of_a_name_whose_session_expired_is_kept(
    sessions: DynamoSessions, clock: FakeClock, dynamodb: Any, reaped: bool
) -> None:
    for _ in range(3):
        say(sessions, clock)
    clock.advance(days=2)
    first = underway(sessions, clock)
    if reaped:  # while the turn was answered
        delete(dynamodb, items.HEADER_SEQ)
    sessions.keep(*first)
    assert sessions.load(KEY).exchanges == (first[0],)
    assert sessions.load(KEY).session.first_turn == 4


def test_another_owners_head_is_never_read(sessions: DynamoSessions, clock: FakeClock) -> None:
    slashed = SessionKey(str(KEY), "x")
    for key in (SessionKey("eve", KEY.name), slashed):
        say(sessions, clock, key)
    assert pending(sessions) == frozenset()
    mine = say(sessions, clock)
    assert pending(sessions) == {name(mine)}
    assert len(sessions.load(slashed).head.pending) == 1
