"""An owner's frames of a minute, counted over all functions."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from aws_lambda_powertools import Logger

from bridge.adapters import items, rates
from bridge.adapters.rates import DynamoRates
from bridge.errors import QuotaExceeded
from tests.aws import SESSIONS_TABLE, Calls
from tests.fakes import START, FakeClock

MINUTE = int(START.timestamp()) // 60
SECOND = int(START.timestamp()) % 60


class Functions:
    """Some warm functions that count in one table."""

    def __init__(self, dynamodb: Any, clock: FakeClock, logger: Logger, table: str = SESSIONS_TABLE) -> None:
        self.all = [DynamoRates(dynamodb, table, 5, clock, logger) for _ in range(2)]

    def taken(self, frames: int, owner: str = "ada") -> int:
        """Send frames, to one function after the other; return how many were taken."""
        taken = 0
        for number in range(frames):
            try:
                self.all[number % 2].count(owner)
                taken += 1
            except QuotaExceeded:
                pass
        return taken


@pytest.fixture
def functions(dynamodb: Any, calls: Calls, clock: FakeClock, logger: Logger) -> Functions:
    return Functions(dynamodb, clock, logger)


def test_so_many_are_taken_of_each_owner_each_minute(functions: Functions, clock: FakeClock) -> None:
    assert functions.taken(9) == 5
    assert functions.taken(4, "eve") == 4
    clock.advance(seconds=60 - SECOND - 1)
    assert functions.taken(2) == 0
    clock.advance(seconds=1)
    assert functions.taken(9) == 5


def test_a_refusal_says_when_to_go_on(functions: Functions, clock: FakeClock) -> None:
    functions.taken(6)
    for passed, left in ((0, 60 - SECOND), (60 - SECOND - 1, 1)):
        clock.advance(seconds=passed)
        with pytest.raises(QuotaExceeded) as caught:
            functions.all[0].count("ada")
        assert (caught.value.retryable, caught.value.retry_after) == (True, left)
        assert f"{left} seconds" in caught.value.message
    clock.advance(seconds=1)
    functions.all[0].count("ada")


def test_a_frame_takes_one_write_and_a_flood_none(functions: Functions, calls: Calls) -> None:
    functions.taken(5)
    assert calls.made == {"UpdateItem": 5}
    functions.taken(100)
    # Only the function that saw the fourth has yet to learn that there was a fifth.
    assert calls.made == {"UpdateItem": 6}


def test_a_count_goes_away_by_itself(functions: Functions, dynamodb: Any) -> None:
    functions.taken(3)
    found = dynamodb.get_item(TableName=SESSIONS_TABLE, Key=rates.key_of(MINUTE, "ada"))["Item"]
    plain = items.from_item(found)
    assert plain["session_id"] == f"rate#{MINUTE}#ada"
    assert (plain["frames"], plain["ttl"]) == (3, int(START.timestamp()) + 600)
    assert items.session_of(plain["session_id"]) is None


def test_where_it_cannot_be_counted_each_function_still_counts_for_itself(
    dynamodb: Any, clock: FakeClock, logger: Logger
) -> None:
    functions = Functions(dynamodb, clock, logger, table="nowhere")
    assert functions.taken(100) == 10


def test_that_a_frame_could_not_be_counted_is_logged(
    dynamodb: Any, clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    logger = Logger(service="rates", level=logging.WARNING)
    Functions(dynamodb, clock, logger, table="nowhere").taken(1)
    logged = capsys.readouterr().out
    assert "could not be counted" in logged
    assert "ResourceNotFoundException" in logged
