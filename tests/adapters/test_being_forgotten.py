"""A session that is still being removed is gone for whoever asks for it, and its name begins anew."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.adapters import items
from bridge.adapters.archive import DynamoArchive
from bridge.adapters.sessions import DynamoSessions
from bridge.adapters.summaries import DynamoSummaries
from bridge.conversation import Cost, Session, Usage
from bridge.memory.summary import Summary
from bridge.ports.sessions import Taken
from tests.adapters.speaking import DAYS, cut, delete, name, say, seqs
from tests.aws import SESSIONS_TABLE
from tests.fakes import KEY, START, FakeClock


@pytest.fixture
def archive(dynamodb: Any, clock: FakeClock) -> DynamoArchive:
    return DynamoArchive(dynamodb, SESSIONS_TABLE, DAYS, clock)


@pytest.fixture(params=["the header stands", "the header is gone", "half of it is gone"])
def numbers(
    request: pytest.FixtureRequest,
    sessions: DynamoSessions,
    archive: DynamoArchive,
    clock: FakeClock,
    dynamodb: Any,
) -> tuple[int, int]:
    """A session of four turns with a summary, on its way out; the next turn's number, and its version."""
    for _ in range(3):
        say(sessions, clock)
    cut(sessions, clock, 3)
    summaries = DynamoSummaries(dynamodb, SESSIONS_TABLE, DAYS, clock)
    session = sessions.load(KEY).session
    assert summaries.keep(session, None, Summary(2, "They met.", START), Taken(Usage(1), Cost(1)))
    clock.advance(seconds=1)
    archive.forget(KEY.owner, KEY.name)
    clock.advance(seconds=1)
    if request.param == "the header stands":
        return 5, session.version
    delete(dynamodb, items.HEADER_SEQ)
    if request.param == "half of it is gone":
        for turn in (3, 4):
            delete(dynamodb, turn)
        return 3, 0
    return 5, 0


def test_nothing_of_it_is_loaded(sessions: DynamoSessions, numbers: tuple[int, int]) -> None:
    remembered = sessions.load(KEY)
    assert remembered.session == Session.begin(KEY, *numbers)
    assert (remembered.exchanges, remembered.summary) == ((), None)


def test_it_is_not_found(sessions: DynamoSessions, numbers: tuple[int, int]) -> None:
    assert sessions.find(KEY) is None


def test_its_name_begins_anew(
    sessions: DynamoSessions, clock: FakeClock, dynamodb: Any, numbers: tuple[int, int]
) -> None:
    anew = say(sessions, clock, question="Anew")
    assert (anew.turn, anew.first_turn) == (numbers[0],) * 2
    clock.advance(seconds=1)
    second = say(sessions, clock)
    remembered = sessions.load(KEY)
    assert remembered.exchanges == (anew, second)
    assert (remembered.session.title, remembered.session.turns) == ("Anew", 2)
    assert remembered.session.summary_usage == Usage()
    assert remembered.summary is None
    assert list(sessions.newest_first(remembered.session, None, 9)) == [second, anew]
    assert {name(anew), name(second)} <= remembered.head.pending
    assert 1 in seqs(dynamodb, str(KEY))
