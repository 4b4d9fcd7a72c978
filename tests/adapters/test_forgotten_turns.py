"""A turn whose session is forgotten while it is answered is not kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bridge.adapters import items
from bridge.adapters.archive import DynamoArchive
from bridge.adapters.erasing import DynamoEraser
from bridge.adapters.hashes import DynamoHashes
from bridge.adapters.sessions import DynamoSessions
from bridge.conversation import Exchange, Session, SessionKey
from bridge.erasure import TURNS_END_WITHIN
from bridge.errors import SessionForgotten
from bridge.forgetting import Forgetting
from bridge.memory.head import Head, mark_of
from bridge.ports.memory import Rewrite
from bridge.remembering import Remembering
from tests.adapters.speaking import DAYS, delete, name, say, seqs
from tests.aws import HASHES_TABLE, SESSIONS_TABLE, Calls
from tests.fakes import KEY, FakeClock, an_exchange, request_id

Late = tuple[Exchange, Session, Head]
Forget = Callable[[], int]


@pytest.fixture
def archive(dynamodb: Any, calls: Calls, clock: FakeClock) -> DynamoArchive:
    return DynamoArchive(dynamodb, SESSIONS_TABLE, DAYS, clock)


@pytest.fixture
def forget(dynamodb: Any, archive: DynamoArchive, clock: FakeClock) -> Forget:
    """Forget the session, a moment after whatever was before."""
    eraser = DynamoEraser(dynamodb, SESSIONS_TABLE, DynamoHashes(dynamodb, HASHES_TABLE))
    forgetting = Forgetting(eraser, archive, Remembering(archive, eraser, DAYS, clock))

    def forget() -> int:
        clock.advance(seconds=1)
        exchanges = forgetting.forget(KEY.owner, KEY.name)
        clock.advance(seconds=1)
        return exchanges

    return forget


def underway(sessions: DynamoSessions, clock: FakeClock, answer: str | None = "Late") -> Late:
    """Return a turn that has been asked and is not kept yet, its header after it, the head before it.

    It is kept with the time at which its answer ended, which is after whatever comes in between.
    """
    remembered = sessions.load(KEY)
    session = remembered.session
    exchange = replace(
        an_exchange(session.next_turn, "Late?", answer),
        at=clock() + timedelta(minutes=1),
        first_turn=session.first_turn,
        request_id=request_id(77),
    )
    return exchange, session.caught_up([exchange]), remembered.head


def pending(sessions: DynamoSessions) -> frozenset[str]:
    return sessions.load(KEY).head.pending


@pytest.mark.parametrize("before", [0, 1, 3])
@pytest.mark.parametrize("answer", ["Late", None])
def test_nothing_is_left_of_it(
    sessions: DynamoSessions,
    forget: Forget,
    clock: FakeClock,
    dynamodb: Any,
    answer: str | None,
    before: int,
) -> None:
    for _ in range(before):
        say(sessions, clock)
    late = underway(sessions, clock, answer)
    assert forget() == before
    with pytest.raises(SessionForgotten):
        sessions.keep(*late)
    assert seqs(dynamodb, str(KEY)) == []
    assert pending(sessions) == frozenset()
    assert sessions.load(KEY).session == Session.begin(KEY, 1)


@pytest.mark.parametrize("operation", ["put_item", "update_item"])
@pytest.mark.parametrize("before", [0, 2])
def test_nothing_is_left_of_it_where_it_was_being_kept_already(
    sessions: DynamoSessions,
    forget: Forget,
    clock: FakeClock,
    dynamodb: Any,
    monkeypatch: pytest.MonkeyPatch,
    operation: str,
    before: int,
) -> None:
    """The name is put down before the session is forgotten, the exchange or its header only after it."""
    for _ in range(before):
        say(sessions, clock)
    late = underway(sessions, clock)
    write = getattr(dynamodb, operation)
    own = {"put_item": late[0].turn, "update_item": items.HEADER_SEQ}[operation]

    def slow(**call: Any) -> Any:
        key = call.get("Key") or {name: call["Item"][name] for name in ("session_id", "seq")}
        if key == items.key_of(KEY, own):
            monkeypatch.setattr(dynamodb, operation, write)
            forget()
        return write(**call)

    monkeypatch.setattr(dynamodb, operation, slow)
    with pytest.raises(SessionForgotten):
        sessions.keep(*late)
    assert seqs(dynamodb, str(KEY)) == []
    assert pending(sessions) == frozenset()


def test_other_sessions_stay(
    sessions: DynamoSessions, forget: Forget, clock: FakeClock, dynamodb: Any
) -> None:
    others = [SessionKey(KEY.owner, "cooking"), SessionKey("eve", KEY.name)]
    for key in (KEY, *others):
        say(sessions, clock, key)
    late = underway(sessions, clock)
    forget()
    with pytest.raises(SessionForgotten):
        sessions.keep(*late)
    assert [seqs(dynamodb, str(key)) for key in others] == [[0, 1]] * 2
    assert [len(sessions.load(key).head.pending) for key in others] == [1, 1]


def test_other_sessions_turns_are_kept(sessions: DynamoSessions, forget: Forget, clock: FakeClock) -> None:
    cooking = SessionKey(KEY.owner, "cooking")
    say(sessions, clock)
    loaded = sessions.load(cooking)
    forget()
    first = an_exchange(1, at=clock())
    sessions.keep(first, loaded.session.caught_up([first]), loaded.head)
    assert sessions.load(cooking).exchanges == (first,)


def test_nothing_is_left_of_it_where_the_name_was_given_again(
    sessions: DynamoSessions, forget: Forget, clock: FakeClock, dynamodb: Any
) -> None:
    say(sessions, clock)
    say(sessions, clock)
    late = underway(sessions, clock)
    forget()
    anew = say(sessions, clock, question="Anew")
    with pytest.raises(SessionForgotten):
        sessions.keep(*late)
    assert seqs(dynamodb, str(KEY)) == [0, 1]
    assert sessions.load(KEY).exchanges == (anew,)
    assert pending(sessions) == {name(anew)}


def test_it_is_not_kept_by_trying_again(
    sessions: DynamoSessions, forget: Forget, clock: FakeClock, dynamodb: Any
) -> None:
    say(sessions, clock)
    late = underway(sessions, clock)
    forget()
    for _ in range(2):
        with pytest.raises(SessionForgotten):
            sessions.keep(*late)
    assert seqs(dynamodb, str(KEY)) == []


def test_it_is_not_kept_for_as_long_as_a_turn_may_run(
    sessions: DynamoSessions, archive: DynamoArchive, forget: Forget, clock: FakeClock
) -> None:
    """The mark outlasts the name, and goes with a rewrite once no turn can be under way any more."""
    say(sessions, clock)
    late = underway(sessions, clock)
    forget()
    head = archive.head(KEY.owner)
    assert head.forgetting == frozenset()
    assert {each.mark for each in head.forgotten} == {mark_of(KEY.name)}
    clock.advance(seconds=TURNS_END_WITHIN.total_seconds() - 2)
    assert archive.rewrite(KEY.owner, Rewrite(head, (), {}))
    with pytest.raises(SessionForgotten):
        sessions.keep(*late)


def test_the_first_turn_after_forgetting_is_kept(
    sessions: DynamoSessions, forget: Forget, clock: FakeClock
) -> None:
    say(sessions, clock)
    forget()
    anew = say(sessions, clock, question="Anew")
    second = say(sessions, clock)
    remembered = sessions.load(KEY)
    assert remembered.exchanges == (anew, second)
    assert (remembered.session.version, remembered.session.title) == (2, "Anew")
    assert pending(sessions) == {name(anew), name(second)}


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


def test_a_turn_whose_header_went_by_its_time_meanwhile_is_kept_and_the_header_written_anew(
    sessions: DynamoSessions, clock: FakeClock, dynamodb: Any
) -> None:
    said = [say(sessions, clock) for _ in range(3)]
    last = underway(sessions, clock)
    delete(dynamodb, items.HEADER_SEQ)
    sessions.keep(*last)
    remembered = sessions.load(KEY)
    assert remembered.exchanges == (*said, last[0])
    assert sessions.find(KEY) == remembered.session
    assert (remembered.session.turns, remembered.session.first_turn) == (4, 1)
    assert name(last[0]) in pending(sessions)
    assert say(sessions, clock).turn == 5


def test_another_owners_head_is_never_read(sessions: DynamoSessions, clock: FakeClock) -> None:
    slashed = SessionKey(str(KEY), "x")
    for key in (SessionKey("eve", KEY.name), slashed):
        say(sessions, clock, key)
    assert pending(sessions) == frozenset()
    mine = say(sessions, clock)
    assert pending(sessions) == {name(mine)}
    assert len(sessions.load(slashed).head.pending) == 1
