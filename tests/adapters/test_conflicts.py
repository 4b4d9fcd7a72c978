"""A write that meets the transaction of a summary waits for it: neither the turn nor the summary is lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from bridge.adapters import conflicts, items
from bridge.adapters.erasing import DynamoEraser
from bridge.adapters.hashes import DynamoHashes
from bridge.adapters.sessions import DynamoSessions
from bridge.adapters.summaries import DynamoSummaries
from bridge.conversation import Cost, Usage
from bridge.memory.refs import milliseconds
from bridge.memory.summary import Summary
from bridge.ports.memory import Erased
from bridge.ports.sessions import Taken
from tests.adapters.speaking import DAYS, cut, say, seqs
from tests.aws import HASHES_TABLE, SESSIONS_TABLE, Calls
from tests.fakes import KEY, START, FakeClock

HEADER = items.key_of(KEY, items.HEADER_SEQ)

Meet = Callable[[str, ClientError, int], None]


@pytest.fixture
def meet(dynamodb: Any, monkeypatch: pytest.MonkeyPatch, waits: list[float]) -> Meet:
    """Have an operation on the header refused a few times, and then do what it does."""

    def refuse(operation: str, error: ClientError, times: int) -> None:
        write = getattr(dynamodb, operation)
        left = [error] * times

        def refusing(**asked: Any) -> Any:
            key = asked.get("Key", HEADER)
            if left and key == HEADER:
                raise left.pop()
            return write(**asked)

        monkeypatch.setattr(dynamodb, operation, refusing)

    return refuse


def conflict(dynamodb: Any) -> ClientError:
    response = {"Error": {"Code": "TransactionConflictException", "Message": "ongoing"}}
    error: ClientError = dynamodb.exceptions.TransactionConflictException(response, "UpdateItem")
    return error


def canceled(dynamodb: Any, *codes: str) -> ClientError:
    response = {
        "Error": {"Code": "TransactionCanceledException", "Message": "canceled"},
        "CancellationReasons": [{"Code": code} for code in codes],
    }
    error: ClientError = dynamodb.exceptions.TransactionCanceledException(response, "TransactWriteItems")
    return error


def test_a_turn_is_kept(
    sessions: DynamoSessions, clock: FakeClock, dynamodb: Any, meet: Meet, waits: list[float]
) -> None:
    say(sessions, clock)
    meet("update_item", conflict(dynamodb), 2)
    say(sessions, clock)
    header = sessions.find(KEY)
    assert header is not None
    assert (header.turns, header.version) == (2, 2)
    assert len(waits) == 2


def test_a_summary_is_kept(
    sessions: DynamoSessions, clock: FakeClock, dynamodb: Any, meet: Meet, waits: list[float]
) -> None:
    say(sessions, clock)
    cut(sessions, clock, 2)
    summary = Summary(1, "They met.", START)
    summaries = DynamoSummaries(dynamodb, SESSIONS_TABLE, DAYS, clock)
    meet("transact_write_items", canceled(dynamodb, "None", "TransactionConflict"), 3)
    assert summaries.keep(sessions.load(KEY).session, None, summary, Taken(Usage(1, 1), Cost(1, 1)))
    assert sessions.load(KEY).summary == summary
    assert len(waits) == 3


def test_a_session_is_erased(
    sessions: DynamoSessions, clock: FakeClock, dynamodb: Any, calls: Calls, meet: Meet
) -> None:
    say(sessions, clock)
    meet("delete_item", conflict(dynamodb), 1)
    assert DynamoEraser(dynamodb, SESSIONS_TABLE, DynamoHashes(dynamodb, HASHES_TABLE)).erase(KEY) == Erased(
        1, milliseconds(START)
    )
    assert seqs(dynamodb, str(KEY)) == []


def test_it_is_given_up_in_the_end(dynamodb: Any, waits: list[float]) -> None:
    attempts: list[int] = []

    def write() -> None:
        attempts.append(1)
        raise conflict(dynamodb)

    with pytest.raises(ClientError, match="TransactionConflictException"):
        conflicts.outlast(dynamodb, write)
    assert len(attempts) == conflicts.ATTEMPTS
    assert len(waits) == conflicts.ATTEMPTS - 1


@pytest.mark.parametrize(
    "codes",
    [
        ("ConditionalCheckFailed", "None"),
        ("ConditionalCheckFailed", "TransactionConflict"),
        ("ValidationError",),
    ],
)
def test_what_is_no_conflict_is_raised_at_once(
    dynamodb: Any, waits: list[float], codes: tuple[str, ...]
) -> None:
    def write() -> None:
        raise canceled(dynamodb, *codes)

    with pytest.raises(ClientError, match="TransactionCanceledException"):
        conflicts.outlast(dynamodb, write)
    assert waits == []
