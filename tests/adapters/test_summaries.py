"""Summaries in DynamoDB: each in the place of the one before, and only in its own session."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bridge.adapters import items
from bridge.adapters.sessions import DynamoSessions
from bridge.adapters.summaries import DynamoSummaries
from bridge.conversation import Cost, Session, Usage
from bridge.memory.summary import Summary
from bridge.ports.sessions import Taken
from tests.adapters.speaking import DAYS, cut, delete, item, say, seqs
from tests.aws import SESSIONS_TABLE, Calls
from tests.fakes import KEY, START, FakeClock

FIRST = Summary(1, "They met. \u4e2d\U0001f600", START)
SECOND = Summary(2, "They met and parted.", START)
TAKEN = Taken(Usage(input_tokens=900, output_tokens=40, cache_read_input_tokens=5), Cost(1100, 1200))


@pytest.fixture
def summaries(dynamodb: Any, calls: Calls, clock: FakeClock) -> DynamoSummaries:
    return DynamoSummaries(dynamodb, SESSIONS_TABLE, DAYS, clock)


@pytest.fixture
def session(sessions: DynamoSessions, clock: FakeClock) -> Session:
    """A session of four turns, of which two left the window."""
    for _ in range(3):
        say(sessions, clock)
    cut(sessions, clock, 3)
    return sessions.load(KEY).session


def counted(sessions: DynamoSessions) -> tuple[Usage, Cost]:
    session = sessions.find(KEY)
    assert session is not None
    return session.summary_usage, session.summary_cost


def test_a_summary_is_told_from_the_next_turn_on(
    summaries: DynamoSummaries, sessions: DynamoSessions, session: Session, calls: Calls
) -> None:
    assert sessions.load(KEY).summary is None
    calls.clear()
    assert summaries.keep(session, None, SECOND, TAKEN)
    assert calls.made == {"TransactWriteItems": 1}
    calls.clear()
    assert sessions.load(KEY).summary == SECOND
    assert calls.made == {"BatchGetItem": 1, "Query": 1}


def test_what_it_took_is_counted_apart(
    summaries: DynamoSummaries, sessions: DynamoSessions, session: Session, dynamodb: Any
) -> None:
    assert summaries.keep(session, None, FIRST, TAKEN)
    assert counted(sessions) == (TAKEN.usage, TAKEN.cost)
    assert summaries.keep(session, FIRST, SECOND, TAKEN)
    assert counted(sessions) == (TAKEN.usage + TAKEN.usage, Cost(2200, 2400))
    assert item(dynamodb, items.HEADER_SEQ)["summary_count"] == 2
    header = sessions.find(KEY)
    assert header is not None
    assert (header.usage, header.cost) == (session.usage, session.cost)


def test_a_turn_leaves_the_count_as_it_is(
    summaries: DynamoSummaries, sessions: DynamoSessions, session: Session, clock: FakeClock
) -> None:
    summaries.keep(session, None, FIRST, TAKEN)
    say(sessions, clock)
    assert counted(sessions) == (TAKEN.usage, TAKEN.cost)


def test_without_a_price_the_tokens_are_counted(
    summaries: DynamoSummaries, sessions: DynamoSessions, session: Session
) -> None:
    assert summaries.keep(session, None, FIRST, Taken(TAKEN.usage, None))
    assert counted(sessions) == (TAKEN.usage, Cost())


def test_tried_twice_it_is_kept_and_counted_once(
    summaries: DynamoSummaries, sessions: DynamoSessions, session: Session
) -> None:
    assert summaries.keep(session, None, FIRST, TAKEN)
    assert not summaries.keep(session, None, FIRST, TAKEN)
    assert summaries.keep(session, FIRST, SECOND, TAKEN)
    assert not summaries.keep(session, FIRST, SECOND, TAKEN)
    assert counted(sessions)[1] == Cost(2200, 2400)


def test_of_two_that_follow_the_same_one_the_first_is_kept(
    summaries: DynamoSummaries, sessions: DynamoSessions, session: Session
) -> None:
    summaries.keep(session, None, FIRST, TAKEN)
    assert summaries.keep(session, FIRST, SECOND, TAKEN)
    assert not summaries.keep(session, FIRST, replace(SECOND, text="Another"), TAKEN)
    assert sessions.load(KEY).summary == SECOND


def test_it_is_not_kept_where_the_one_before_is_gone(
    summaries: DynamoSummaries, session: Session, dynamodb: Any
) -> None:
    summaries.keep(session, None, FIRST, TAKEN)
    summaries.drop(KEY)
    assert not summaries.keep(session, FIRST, SECOND, TAKEN)
    assert items.SUMMARY_SEQ not in seqs(dynamodb, str(KEY))


def test_it_is_not_kept_where_the_session_was_forgotten(
    summaries: DynamoSummaries, session: Session, dynamodb: Any
) -> None:
    delete(dynamodb, items.HEADER_SEQ)
    assert not summaries.keep(session, None, FIRST, TAKEN)
    assert seqs(dynamodb, str(KEY)) == [1, 2, 3, 4]


def test_it_is_not_kept_where_the_session_began_anew(
    summaries: DynamoSummaries, sessions: DynamoSessions, session: Session, clock: FakeClock, dynamodb: Any
) -> None:
    clock.advance(days=2)
    assert cut(sessions, clock, 6).turn == 5
    assert not summaries.keep(session, None, SECOND, TAKEN)
    assert items.SUMMARY_SEQ not in seqs(dynamodb, str(KEY))
    assert counted(sessions) == (Usage(), Cost())


def test_it_is_not_kept_where_a_forgotten_name_was_given_again(
    summaries: DynamoSummaries, sessions: DynamoSessions, session: Session, clock: FakeClock, dynamodb: Any
) -> None:
    for seq in seqs(dynamodb, str(KEY)):
        delete(dynamodb, seq)
    assert say(sessions, clock).turn == 1
    assert cut(sessions, clock, 3).turn == 2
    assert not summaries.keep(session, None, SECOND, TAKEN)
    assert seqs(dynamodb, str(KEY)) == [0, 1, 2]


def test_it_reaches_no_further_than_the_window_is_cut(
    summaries: DynamoSummaries, sessions: DynamoSessions, session: Session
) -> None:
    assert not summaries.keep(session, None, Summary(3, "Too far.", START), TAKEN)
    assert sessions.load(KEY).summary is None
    assert counted(sessions) == (Usage(), Cost())
    assert summaries.keep(session, None, SECOND, TAKEN)


def test_turns_meanwhile_do_no_harm(
    summaries: DynamoSummaries, sessions: DynamoSessions, session: Session, clock: FakeClock
) -> None:
    say(sessions, clock)
    assert summaries.keep(session, None, SECOND, TAKEN)
    assert sessions.load(KEY).session.turns == 5


def test_an_earlier_sessions_summary_is_never_told_and_is_replaced(
    summaries: DynamoSummaries, sessions: DynamoSessions, session: Session, clock: FakeClock, dynamodb: Any
) -> None:
    assert summaries.keep(session, None, SECOND, TAKEN)
    clock.advance(days=2)
    assert sessions.load(KEY).summary is None
    assert say(sessions, clock).turn == 5
    assert sessions.load(KEY).summary is None
    cut(sessions, clock, 6)
    began = sessions.load(KEY)
    assert (began.session.first_turn, began.summary) == (5, None)
    anew = Summary(5, "They met again.", clock())
    assert summaries.keep(began.session, None, anew, TAKEN)
    assert sessions.load(KEY).summary == anew
    assert item(dynamodb, items.SUMMARY_SEQ)["text"] == "They met again."


def test_a_session_that_begins_anew_has_taken_nothing_yet(
    summaries: DynamoSummaries, sessions: DynamoSessions, session: Session, clock: FakeClock, dynamodb: Any
) -> None:
    summaries.keep(session, None, SECOND, TAKEN)
    clock.advance(days=2)
    say(sessions, clock)
    assert counted(sessions) == (Usage(), Cost())
    assert not [name for name in item(dynamodb, items.HEADER_SEQ) if name.startswith("summary")]


def test_past_its_time_it_is_not_told_and_is_written_anew(
    sessions: DynamoSessions, session: Session, clock: FakeClock, dynamodb: Any
) -> None:
    summaries = DynamoSummaries(dynamodb, SESSIONS_TABLE, timedelta(hours=2), clock)
    summaries.keep(session, None, SECOND, TAKEN)
    assert item(dynamodb, items.SUMMARY_SEQ)["ttl"] == int((START + timedelta(hours=2)).timestamp())
    clock.advance(hours=1, minutes=59, seconds=59)
    assert sessions.load(KEY).summary == SECOND
    clock.advance(seconds=1)
    assert sessions.load(KEY).summary is None
    anew = Summary(2, "Of what is still kept.", clock())
    assert summaries.keep(sessions.load(KEY).session, None, anew, TAKEN)
    assert sessions.load(KEY).summary == anew


def test_dropping_takes_the_summary_alone(
    summaries: DynamoSummaries, session: Session, dynamodb: Any, calls: Calls
) -> None:
    summaries.keep(session, None, FIRST, TAKEN)
    calls.clear()
    summaries.drop(KEY)
    summaries.drop(KEY)
    assert calls.made == {"DeleteItem": 2}
    assert seqs(dynamodb, str(KEY)) == [0, 1, 2, 3, 4]
