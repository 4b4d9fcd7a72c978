"""Sessions in DynamoDB: kept once, found again, and gone when their time is over."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from bridge.adapters import memory_items
from bridge.adapters.sessions import DynamoSessions
from bridge.conversation import Failure, Session, SessionKey, Usage
from bridge.errors import TurnTaken
from tests.adapters.speaking import DAYS, HOURS, delete, say
from tests.aws import SESSIONS_TABLE, Calls
from tests.fakes import KEY, START, FakeClock, an_exchange, request_id


def test_a_new_session_is_empty(sessions: DynamoSessions) -> None:
    assert sessions.load(KEY).session == Session.begin(KEY, 1)
    assert sessions.load(KEY).exchanges == ()
    assert sessions.find(KEY) is None


def test_what_was_kept_is_loaded(sessions: DynamoSessions, clock: FakeClock) -> None:
    text = 'é中😀\x00"\\\u2028'
    first = say(sessions, clock, question=text, answer=text, usage=Usage(1, 2, 3, 4))
    clock.advance(minutes=1)
    second = say(sessions, clock, answer=None, stop_reason="error", failure=Failure("refused", "No."))
    remembered = sessions.load(KEY)
    assert remembered.exchanges == (first, second)
    session = remembered.session
    assert (session.turns, session.usage, session.version) == (2, Usage(6, 5, 3, 4), 2)
    assert (session.title, session.last_updated) == (
        first.question.replace("\x00", " ").replace("\u2028", ""),
        clock(),
    )
    assert sessions.find(KEY) == session


def test_an_empty_answer_is_no_failed_turn(sessions: DynamoSessions, clock: FakeClock) -> None:
    say(sessions, clock, answer="")
    assert sessions.load(KEY).exchanges[0].answer == ""


def test_the_window_begins_where_the_header_says(sessions: DynamoSessions, clock: FakeClock) -> None:
    for _ in range(4):
        say(sessions, clock)
    session = sessions.load(KEY).session
    fifth = replace(an_exchange(5), at=clock())
    sessions.keep(fifth, replace(session.after(fifth), window_start=3))
    assert [exchange.turn for exchange in sessions.load(KEY).exchanges] == [3, 4, 5]
    sixth = replace(an_exchange(6), at=clock())
    sessions.keep(sixth, replace(sessions.load(KEY).session.after(sixth), window_start=7))
    assert [exchange.turn for exchange in sessions.load(KEY).exchanges] == [6]


def test_a_turn_takes_two_reads_and_three_writes(
    sessions: DynamoSessions, clock: FakeClock, calls: Calls
) -> None:
    say(sessions, clock)
    calls.clear()
    remembered = sessions.load(KEY)
    assert calls.made == {"BatchGetItem": 1, "Query": 1}
    calls.clear()
    second = replace(an_exchange(2), at=clock())
    sessions.keep(second, remembered.session.after(second))
    assert calls.made == {"UpdateItem": 2, "PutItem": 1}


def test_a_new_sessions_load_takes_two_calls_too(sessions: DynamoSessions, calls: Calls) -> None:
    sessions.load(KEY)
    assert calls.made == {"BatchGetItem": 1, "Query": 1}


def test_keeping_the_same_exchange_twice_is_no_error(sessions: DynamoSessions, clock: FakeClock) -> None:
    first = say(sessions, clock)
    remembered = sessions.load(KEY)
    sessions.keep(first, remembered.session.caught_up([first]))
    assert sessions.load(KEY).exchanges == (first,)
    assert sessions.load(KEY).session.turns == 1


def test_a_number_that_is_taken_is_told_and_nothing_is_overwritten(
    sessions: DynamoSessions, clock: FakeClock
) -> None:
    first = say(sessions, clock)
    other = replace(first, request_id=request_id(99), answer="Other")
    with pytest.raises(TurnTaken):
        sessions.keep(other, Session.begin(KEY, 1).after(other))
    assert sessions.load(KEY).exchanges == (first,)


def test_a_header_that_was_written_meanwhile_stays(sessions: DynamoSessions, clock: FakeClock) -> None:
    say(sessions, clock)
    stale = sessions.load(KEY).session
    second = say(sessions, clock)
    third = replace(an_exchange(3, usage=Usage(1, 1)), at=clock())
    sessions.keep(third, stale.caught_up([second, third]))
    assert sessions.find(KEY) == replace(
        sessions.load(KEY).session, turns=2, usage=Usage(10, 6), unpriced_turns=2
    )
    assert sessions.load(KEY).session.turns == 3
    assert sessions.load(KEY).session.usage == Usage(11, 7)


def test_a_session_whose_first_header_was_lost_is_found_again(
    sessions: DynamoSessions, clock: FakeClock, dynamodb: Any
) -> None:
    first = say(sessions, clock)
    delete(dynamodb, 0)
    remembered = sessions.load(KEY)
    assert remembered.exchanges == (first,)
    assert (remembered.session.turns, remembered.session.title, remembered.session.version) == (
        1,
        "Hello?",
        0,
    )
    assert sessions.find(KEY) is not None
    second = say(sessions, clock)
    assert second.turn == 2
    assert sessions.load(KEY).session.usage == Usage(10, 6)


def test_a_session_past_its_time_is_gone_and_its_name_goes_on_counting(
    sessions: DynamoSessions, clock: FakeClock
) -> None:
    for _ in range(3):
        say(sessions, clock)
    clock.advance(hours=23, minutes=59)
    assert sessions.load(KEY).session.turns == 3
    clock.advance(minutes=1)
    assert sessions.find(KEY) is None
    remembered = sessions.load(KEY)
    assert remembered.exchanges == ()
    assert (remembered.session.first_turn, remembered.session.turns, remembered.session.title) == (4, 0, "")
    fourth = say(sessions, clock, question="Anew")
    assert (fourth.turn, fourth.first_turn) == (4, 4)
    remembered = sessions.load(KEY)
    assert remembered.exchanges == (fourth,)
    assert (remembered.session.turns, remembered.session.title) == (1, "Anew")
    assert list(sessions.newest_first(remembered.session, None, 5)) == [fourth]


def test_a_session_goes_on_counting_also_once_its_header_was_reaped(
    sessions: DynamoSessions, clock: FakeClock, dynamodb: Any
) -> None:
    for _ in range(3):
        say(sessions, clock)
    clock.advance(days=3)
    delete(dynamodb, 0)
    assert say(sessions, clock).turn == 4
    assert [exchange.turn for exchange in sessions.load(KEY).exchanges] == [4]


def test_use_keeps_a_session_alive(sessions: DynamoSessions, clock: FakeClock) -> None:
    for _ in range(4):
        say(sessions, clock)
        clock.advance(hours=23)
    assert sessions.load(KEY).session.turns == 4


def test_exchanges_past_their_own_time_are_gone(sessions: DynamoSessions, clock: FakeClock) -> None:
    for _ in range(32):
        say(sessions, clock)
        clock.advance(hours=23, minutes=59)
    remembered = sessions.load(KEY)
    first = START + timedelta(hours=23, minutes=59) * (remembered.exchanges[0].turn - 1)
    assert first + DAYS > clock()
    assert remembered.exchanges[0].turn > 1
    assert remembered.session.turns == 32
    assert say(sessions, clock).turn == 33
    newest = [exchange.turn for exchange in sessions.newest_first(remembered.session, None, 4)]
    assert newest == list(range(33, remembered.exchanges[0].turn - 1, -1))


def test_two_owners_use_the_same_name(sessions: DynamoSessions, clock: FakeClock) -> None:
    eve = SessionKey("eve", "travel")
    slashed = SessionKey("ada/travel", "x")
    mine = say(sessions, clock, question="Mine")
    hers = say(sessions, clock, eve, question="Hers")
    third = say(sessions, clock, slashed, question="Slashed")
    assert sessions.load(KEY).exchanges == (mine,)
    assert sessions.load(eve).exchanges == (hers,)
    assert sessions.load(slashed).exchanges == (third,)
    assert [session.key for session in sessions.of_owner("ada/travel", None, 5)[0]] == [slashed]


def test_history_is_read_from_any_turn_back(sessions: DynamoSessions, clock: FakeClock, calls: Calls) -> None:
    for _ in range(7):
        say(sessions, clock)
    session = sessions.load(KEY).session
    calls.clear()
    assert [e.turn for e in sessions.newest_first(session, None, 3)] == [7, 6, 5, 4, 3, 2, 1]
    assert calls.made["Query"] >= 3
    assert [e.turn for e in sessions.newest_first(session, 3, 30)] == [3, 2, 1]
    calls.clear()
    assert next(iter(sessions.newest_first(session, None, 3))).turn == 7
    assert calls.made == {"Query": 1}


@pytest.mark.parametrize("newest", [0, 3])
def test_before_the_first_turn_there_is_nothing(
    sessions: DynamoSessions, clock: FakeClock, newest: int
) -> None:
    session = replace(Session.begin(KEY, 5), turns=2)
    assert list(sessions.newest_first(session, newest, 5)) == []


def test_an_exchange_near_dynamodbs_limit_is_kept(sessions: DynamoSessions, clock: FakeClock) -> None:
    kept = say(sessions, clock, question="q" * 100_000, answer="é" * 140_000)
    assert sessions.load(KEY).exchanges == (kept,)


def test_items_expire_by_the_tables_rules(sessions: DynamoSessions, clock: FakeClock, dynamodb: Any) -> None:
    say(sessions, clock)
    found = sorted(dynamodb.scan(TableName=SESSIONS_TABLE)["Items"], key=lambda item: int(item["seq"]["N"]))
    head, header, exchange = found
    assert int(header["ttl"]["N"]) == int((clock() + HOURS).timestamp())
    assert int(exchange["ttl"]["N"]) == int(head["ttl"]["N"]) == int((clock() + DAYS).timestamp())
    assert "owner" not in exchange
    assert "owner" not in head


def test_a_turn_is_kept_also_where_its_owners_memory_takes_no_more_names(
    sessions: DynamoSessions, clock: FakeClock, dynamodb: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    update = dynamodb.update_item

    def full(**call: Any) -> Any:  # what DynamoDB says of an item over 400 KB; moto lets a set grow
        if call["Key"] == memory_items.head_key(KEY.owner):
            raise ClientError(
                {"Error": {"Code": "ValidationException", "Message": "Item size"}}, "UpdateItem"
            )
        return update(**call)

    monkeypatch.setattr(dynamodb, "update_item", full)
    said = say(sessions, clock)
    assert sessions.load(KEY).exchanges == (said,)
    assert sessions.load(KEY).head.pending == frozenset()
