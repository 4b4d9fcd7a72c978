"""Sessions' own instructions in DynamoDB: in one write with their turn, and gone with their session."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from aws_lambda_powertools import Logger
from botocore.exceptions import ClientError

from bridge.adapters import items
from bridge.adapters.archive import DynamoArchive
from bridge.adapters.erasing import DynamoEraser
from bridge.adapters.hashes import DynamoHashes
from bridge.adapters.instructions import LAST_HOUR, SPARE_SHARE
from bridge.adapters.items import HEADER_SEQ, INSTRUCTIONS_SEQ
from bridge.adapters.sessions import DynamoSessions
from bridge.conversation import Exchange, Instructions
from bridge.errors import SessionForgotten, TurnTaken
from bridge.memory.refs import milliseconds
from tests.adapters.speaking import DAYS, HOURS, delete, item, say, seqs
from tests.aws import HASHES_TABLE, SESSIONS_TABLE, Calls
from tests.fakes import KEY, FakeClock, an_exchange, request_id

DANISH, GREENLANDIC = "In Danish.", "In Greenlandic, \x7f\"'😀\n\tplease."
SPARE = HOURS * SPARE_SHARE


def instruct(sessions: DynamoSessions, clock: FakeClock, system: str, **changes: Any) -> Exchange:
    """Keep the next exchange of the session, whose message names instructions."""
    remembered = sessions.load(KEY)
    session = remembered.session
    exchange = replace(
        an_exchange(session.next_turn, first_turn=session.first_turn, at=clock(), instructed=bool(system)),
        **changes,
    )
    sessions.keep(exchange, session.caught_up([exchange]), remembered.head, system)
    return exchange


def in_force(sessions: DynamoSessions, *, renew: bool = False) -> Instructions | None:
    return sessions.instructions(sessions.load(KEY).session, renew=renew)


def test_they_are_kept_with_their_turn_and_found_by_the_header(
    sessions: DynamoSessions, clock: FakeClock, dynamodb: Any
) -> None:
    say(sessions, clock)
    kept = instruct(sessions, clock, GREENLANDIC)
    assert in_force(sessions) == Instructions(GREENLANDIC, 2)
    assert sessions.load(KEY).exchanges[-1] == kept
    assert item(dynamodb, HEADER_SEQ)["instructed"] == 2
    say(sessions, clock)
    assert in_force(sessions) == Instructions(GREENLANDIC, 2)
    found = sessions.find(KEY)
    assert found is not None
    assert sessions.instructions(found) == Instructions(GREENLANDIC, 2)


def test_others_take_their_place_and_an_empty_text_removes_them(
    sessions: DynamoSessions, clock: FakeClock, dynamodb: Any
) -> None:
    instruct(sessions, clock, DANISH)
    instruct(sessions, clock, GREENLANDIC)
    assert in_force(sessions) == Instructions(GREENLANDIC, 2)
    instruct(sessions, clock, "")
    assert in_force(sessions) is None
    assert INSTRUCTIONS_SEQ not in seqs(dynamodb, str(KEY))
    assert "instructed" not in item(dynamodb, HEADER_SEQ)
    instruct(sessions, clock, "")  # nothing is there to remove
    assert in_force(sessions) is None


def test_a_turn_that_names_some_takes_no_call_more_and_one_that_has_some_one(
    sessions: DynamoSessions, clock: FakeClock, calls: Calls
) -> None:
    calls.clear()
    instruct(sessions, clock, DANISH)
    first = {"BatchGetItem": 1, "Query": 1, "UpdateItem": 2, "TransactWriteItems": 1}
    assert calls.made == {**first, "GetItem": 1}  # whether it was forgotten: any session's first turn looks
    calls.clear()
    instruct(sessions, clock, GREENLANDIC)
    assert calls.made == first
    calls.clear()
    assert in_force(sessions, renew=True) is not None
    say(sessions, clock)
    assert calls.made == {"BatchGetItem": 2, "Query": 2, "GetItem": 1, "UpdateItem": 2, "PutItem": 1}


def test_a_session_without_any_takes_no_call_more(
    sessions: DynamoSessions, clock: FakeClock, calls: Calls, dynamodb: Any
) -> None:
    say(sessions, clock)
    session = sessions.load(KEY).session
    calls.clear()
    assert sessions.instructions(session, renew=True) is None
    assert calls.made == {}
    assert "instructed" not in item(dynamodb, HEADER_SEQ)
    assert "instructed" not in item(dynamodb, 1)


def test_an_exchange_that_is_kept_twice_names_them_once(sessions: DynamoSessions, clock: FakeClock) -> None:
    first = instruct(sessions, clock, DANISH)
    instruct(sessions, clock, GREENLANDIC)
    remembered = sessions.load(KEY)
    assert sessions.keep(first, remembered.session, remembered.head, DANISH) == first
    assert in_force(sessions) == Instructions(GREENLANDIC, 2)
    other = replace(first, answer="Other")
    assert sessions.keep(other, remembered.session, remembered.head, DANISH) == first


def test_a_turn_whose_number_is_taken_names_none(sessions: DynamoSessions, clock: FakeClock) -> None:
    instruct(sessions, clock, DANISH)
    session = sessions.load(KEY).session
    late = an_exchange(1, request_id=request_id(99), at=clock(), instructed=True)
    with pytest.raises(TurnTaken):
        sessions.keep(late, session, system=GREENLANDIC)
    assert in_force(sessions) == Instructions(DANISH, 1)


def test_a_transaction_that_fails_otherwise_is_told(
    sessions: DynamoSessions, clock: FakeClock, dynamodb: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    response = {
        "Error": {"Code": "TransactionCanceledException", "Message": "canceled"},
        "CancellationReasons": [{"Code": "None"}, {"Code": "ThrottlingError"}],
    }
    error = dynamodb.exceptions.TransactionCanceledException(response, "TransactWriteItems")

    def throttled(**_: Any) -> None:
        raise error

    monkeypatch.setattr(dynamodb, "transact_write_items", throttled)
    with pytest.raises(ClientError, match="canceled"):
        instruct(sessions, clock, DANISH)
    assert sessions.load(KEY).exchanges == ()


def test_a_header_that_was_never_written_is_no_hindrance(
    sessions: DynamoSessions, clock: FakeClock, dynamodb: Any
) -> None:
    """A function died between the exchange and its header: of a session's first turn, and of a later one."""
    instruct(sessions, clock, DANISH)
    delete(dynamodb, HEADER_SEQ)
    assert in_force(sessions) == Instructions(DANISH, 1)
    say(sessions, clock)
    header = dynamodb.get_item(TableName=SESSIONS_TABLE, Key=items.key_of(KEY, HEADER_SEQ))["Item"]
    instruct(sessions, clock, GREENLANDIC)
    dynamodb.put_item(TableName=SESSIONS_TABLE, Item=header)
    assert in_force(sessions) == Instructions(GREENLANDIC, 3)
    instruct(sessions, clock, "")
    dynamodb.put_item(TableName=SESSIONS_TABLE, Item=header)
    assert in_force(sessions) is None


def test_a_session_that_expired_leaves_none_to_its_name(
    sessions: DynamoSessions, clock: FakeClock, dynamodb: Any
) -> None:
    instruct(sessions, clock, DANISH)
    clock.advance(hours=25)
    assert INSTRUCTIONS_SEQ in seqs(dynamodb, str(KEY))
    assert in_force(sessions) is None
    say(sessions, clock)
    say(sessions, clock)
    assert in_force(sessions) is None
    assert "instructed" not in item(dynamodb, HEADER_SEQ)


def test_a_session_that_the_release_before_began_has_none_of_the_one_before_it(
    sessions: DynamoSessions, clock: FakeClock, dynamodb: Any
) -> None:
    """After a rollback: 1.0.0 leaves in the header of a session that begins what it does not know."""
    instruct(sessions, clock, DANISH)
    clock.advance(hours=25)
    say(sessions, clock)
    dynamodb.update_item(
        TableName=SESSIONS_TABLE,
        Key=items.key_of(KEY, HEADER_SEQ),
        UpdateExpression="SET instructed = :old",
        ExpressionAttributeValues={":old": {"N": "1"}},
    )
    assert INSTRUCTIONS_SEQ in seqs(dynamodb, str(KEY))
    assert in_force(sessions) is None
    instruct(sessions, clock, GREENLANDIC)
    assert in_force(sessions) == Instructions(GREENLANDIC, 3)


def test_they_last_as_long_as_a_session_that_goes_on(
    sessions: DynamoSessions, clock: FakeClock, dynamodb: Any, calls: Calls
) -> None:
    """A turn renews them when the spare time is nearly over, and not before."""
    instruct(sessions, clock, DANISH)
    renewed = 0
    for _ in range(48):
        clock.advance(hours=1)
        calls.clear()
        assert in_force(sessions, renew=True) == Instructions(DANISH, 1)
        renewed += calls.made["UpdateItem"]
        say(sessions, clock)
        assert item(dynamodb, INSTRUCTIONS_SEQ)["ttl"] >= item(dynamodb, HEADER_SEQ)["ttl"]
    assert renewed == 48 // (SPARE // LAST_HOUR)
    assert item(dynamodb, INSTRUCTIONS_SEQ)["ttl"] <= items.expiry(clock(), HOURS + SPARE)


def test_whoever_only_looks_renews_nothing(
    sessions: DynamoSessions, clock: FakeClock, dynamodb: Any, calls: Calls
) -> None:
    instruct(sessions, clock, DANISH)
    clock.advance(hours=23)
    session = sessions.load(KEY).session
    before = item(dynamodb, INSTRUCTIONS_SEQ)
    calls.clear()
    assert sessions.instructions(session) == Instructions(DANISH, 1)
    assert calls.made == {"GetItem": 1}
    assert item(dynamodb, INSTRUCTIONS_SEQ) == before


def test_a_renewal_that_fails_costs_no_turn_its_answer(
    sessions: DynamoSessions, clock: FakeClock, dynamodb: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    instruct(sessions, clock, DANISH)
    clock.advance(hours=23)
    session = sessions.load(KEY).session

    def forgotten(**asked: Any) -> None:
        raise ClientError({"Error": {"Code": "ConditionalCheckFailedException"}}, "UpdateItem")

    monkeypatch.setattr(dynamodb, "update_item", forgotten)
    assert sessions.instructions(session, renew=True) == Instructions(DANISH, 1)


def test_what_is_gone_meanwhile_is_none(sessions: DynamoSessions, clock: FakeClock, dynamodb: Any) -> None:
    instruct(sessions, clock, DANISH)
    session = sessions.load(KEY).session
    delete(dynamodb, INSTRUCTIONS_SEQ)
    assert sessions.instructions(session, renew=True) is None


@pytest.mark.parametrize("until", [False, True])
def test_they_are_erased_with_their_session(
    sessions: DynamoSessions, clock: FakeClock, dynamodb: Any, until: bool
) -> None:
    instruct(sessions, clock, DANISH)
    eraser = DynamoEraser(dynamodb, SESSIONS_TABLE, DynamoHashes(dynamodb, HASHES_TABLE))
    assert eraser.erase(KEY, milliseconds(clock()) if until else None).exchanges == 1
    assert seqs(dynamodb, str(KEY)) == []


def test_those_of_a_session_that_began_since_stay(
    sessions: DynamoSessions, clock: FakeClock, dynamodb: Any
) -> None:
    instruct(sessions, clock, DANISH)
    until = milliseconds(clock())
    clock.advance(seconds=1)
    instruct(sessions, clock, GREENLANDIC)
    DynamoEraser(dynamodb, SESSIONS_TABLE, DynamoHashes(dynamodb, HASHES_TABLE)).erase(KEY, until)
    assert in_force(sessions) == Instructions(GREENLANDIC, 2)


def test_a_session_of_which_nothing_else_is_left_still_stands(
    sessions: DynamoSessions, clock: FakeClock, dynamodb: Any
) -> None:
    """Whoever forgot it died over it: another, who forgets everything, finds it by its exchange's name."""
    instruct(sessions, clock, DANISH)
    (ref,) = sessions.load(KEY).head.pending
    for seq in (HEADER_SEQ, 1):
        delete(dynamodb, seq)
    eraser = DynamoEraser(dynamodb, SESSIONS_TABLE, DynamoHashes(dynamodb, HASHES_TABLE))
    assert eraser.standing(KEY.owner, [ref]) == {KEY.name}


@pytest.mark.parametrize("first", [True, False])
def test_a_turn_whose_session_is_forgotten_while_it_is_answered_leaves_none(
    sessions: DynamoSessions, clock: FakeClock, dynamodb: Any, logger: Logger, first: bool
) -> None:
    if not first:
        instruct(sessions, clock, DANISH)
    remembered = sessions.load(KEY)
    clock.advance(seconds=1)
    archive = DynamoArchive(dynamodb, SESSIONS_TABLE, DAYS, clock)
    archive.forget(KEY.owner, KEY.name)
    assert in_force(sessions) is None
    exchange = an_exchange(remembered.session.next_turn, at=clock(), instructed=True)
    with pytest.raises(SessionForgotten):
        sessions.keep(exchange, remembered.session.after(exchange), remembered.head, GREENLANDIC)
    DynamoEraser(dynamodb, SESSIONS_TABLE, DynamoHashes(dynamodb, HASHES_TABLE)).erase(KEY)
    assert seqs(dynamodb, str(KEY)) == []


def test_a_turn_that_was_kept_before_its_session_was_forgotten_takes_them_back(
    sessions: DynamoSessions, clock: FakeClock, dynamodb: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    remembered = sessions.load(KEY)
    archive = DynamoArchive(dynamodb, SESSIONS_TABLE, DAYS, clock)
    put = dynamodb.transact_write_items

    def and_forget(**asked: Any) -> None:
        put(**asked)
        clock.advance(seconds=1)
        archive.forget(KEY.owner, KEY.name)

    monkeypatch.setattr(dynamodb, "transact_write_items", and_forget)
    exchange = an_exchange(1, at=clock(), instructed=True)
    with pytest.raises(SessionForgotten):
        sessions.keep(exchange, remembered.session.after(exchange), remembered.head, DANISH)
    assert seqs(dynamodb, str(KEY)) == []
