"""The turns' records and the owners' budgets in the table: begun once, ended once, counted once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from bridge.adapters import items, turn_items
from bridge.adapters.turns import DynamoTurns
from bridge.errors import QuotaExceeded
from bridge.ports.turns import Standing
from tests import aws
from tests.fakes import KEY, FakeClock, a_turn, request_id

OWNER = KEY.owner
ID = request_id(1)
LIFETIME = timedelta(hours=24)
TURN = a_turn()


@pytest.fixture
def turns(dynamodb: Any, clock: FakeClock) -> DynamoTurns:
    return DynamoTurns(dynamodb, dynamodb, aws.SESSIONS_TABLE, LIFETIME, None, clock)


@pytest.fixture
def budgeted(dynamodb: Any, clock: FakeClock) -> DynamoTurns:
    return DynamoTurns(dynamodb, dynamodb, aws.SESSIONS_TABLE, LIFETIME, 1000, clock)


@pytest.fixture(params=["plain", "budgeted"])
def either(request: pytest.FixtureRequest, turns: DynamoTurns, budgeted: DynamoTurns) -> DynamoTurns:
    return turns if request.param == "plain" else budgeted


def used(dynamodb: Any, day: str = "2026-11-22") -> int:
    """Return what ada has used on a day."""
    reply = dynamodb.get_item(TableName=aws.SESSIONS_TABLE, Key=turn_items.budget_key(OWNER, day))
    return int(items.from_item(reply["Item"])["used"]) if "Item" in reply else 0


@pytest.fixture
def losing_a_reply(dynamodb: Any) -> Iterator[Callable[[str], None]]:
    """Let the reply to the next call of an operation be lost: the SDK makes it again."""
    lost: list[str] = []

    def lose(operation: Any, **_: Any) -> int | None:
        if operation.name not in lost:
            return None
        lost.remove(operation.name)
        return 0  # seconds until the next attempt

    dynamodb.meta.events.register_first("needs-retry.dynamodb", lose)
    yield lost.append
    assert lost == []


def test_a_turn_begins_once(either: DynamoTurns) -> None:
    assert either.begin(TURN, 10, 1)[1]
    standing, first = either.begin(TURN, 10, 1)
    assert (standing.began, standing.turn, first) == (True, None, False)
    assert not either.look(a_turn(2)).began


def test_a_turn_ends_once(either: DynamoTurns) -> None:
    standing, _ = either.begin(TURN, 10, 1)
    ended = either.end(TURN, standing, 7, (3, 24_000, 1), 25)
    assert (ended.turn, ended.lengths) == (7, (3, 24_000, 1))
    again = either.end(TURN, standing, 8, (), 25)
    assert (again.turn, again.lengths) == (7, (3, 24_000, 1))
    assert either.begin(TURN, 10, 1) == (again, False)


def test_what_is_asked_before_a_turn_begins_is_known_when_it_does(either: DynamoTurns) -> None:
    either.resume(OWNER, ID, "new", 3)
    either.cancel(OWNER, ID, "elsewhere")
    standing, first = either.begin(TURN, 10, 1)
    assert first
    assert (standing.connection_id, standing.last_seq, standing.resumes) == ("new", 3, 1)
    assert standing.cancelled_by == "elsewhere"


def test_what_is_asked_at_the_very_end_is_known_at_the_end(either: DynamoTurns) -> None:
    standing, _ = either.begin(TURN, 10, 1)
    either.resume(OWNER, ID, "new", 0)
    either.resume(OWNER, ID, "newer", 2)
    assert either.end(TURN, standing, 1, (5,), 15).connection_id == "newer"
    late = either.resume(OWNER, ID, "newest", 0)
    assert (late.turn, late.resumes) == (1, 3)


def test_owners_and_requests_are_apart(turns: DynamoTurns) -> None:
    turns.begin(TURN, 10, 1)
    assert turns.cancel("eve", ID, "c") == Standing(cancelled_by="c")
    assert turns.look(TURN).cancelled_by is None


def test_a_record_holds_nothing_of_what_is_said(turns: DynamoTurns, dynamodb: Any) -> None:
    turns.begin(a_turn(1, "My secret is safe."), 10, 1)
    (item,) = dynamodb.scan(TableName=aws.SESSIONS_TABLE)["Items"]
    assert "secret" not in str(item)


def test_a_record_that_is_past_its_time_is_none(either: DynamoTurns, clock: FakeClock) -> None:
    standing, _ = either.begin(TURN, 10, 1)
    either.cancel(OWNER, ID, "c")
    either.end(TURN, standing, 7, (3,), 25)
    clock.advance(hours=25)
    assert either.look(TURN) == Standing()
    standing, first = either.begin(TURN, 10, 1)
    assert first
    assert (standing.turn, standing.cancelled_by) == (None, None)
    clock.advance(hours=25)
    assert either.resume(OWNER, ID, "new", 0) == Standing(connection_id="new", resumes=1)


def test_dropping_a_turn_leaves_nothing(turns: DynamoTurns, dynamodb: Any) -> None:
    turns.begin(TURN, 10, 1)
    turns.drop(OWNER, ID)
    assert dynamodb.scan(TableName=aws.SESSIONS_TABLE)["Items"] == []


def test_a_beginning_whose_reply_was_lost_is_ones_own(
    turns: DynamoTurns, losing_a_reply: Callable[[str], None]
) -> None:
    losing_a_reply("UpdateItem")
    standing, first = turns.begin(TURN, 10, 1)
    assert (standing.began, first) == (True, True)


def test_what_was_set_aside_is_put_right_at_the_end(budgeted: DynamoTurns, dynamodb: Any) -> None:
    standing, _ = budgeted.begin(TURN, 400, 1)
    assert used(dynamodb) == 400
    for _ in range(2):
        budgeted.end(TURN, standing, 1, (), 25)
    assert used(dynamodb) == 25


def test_another_delivery_counts_nothing_again(budgeted: DynamoTurns, dynamodb: Any) -> None:
    budgeted.begin(TURN, 400, 1)
    standing, first = budgeted.begin(TURN, 400, 1)
    assert (first, standing.reserved) == (False, 400)
    budgeted.end(TURN, standing, 1, (), standing.reserved)
    assert used(dynamodb) == 400


def test_where_a_day_is_used_up_nothing_begins_until_midnight(
    budgeted: DynamoTurns, dynamodb: Any, clock: FakeClock
) -> None:
    for number in (1, 2, 3):
        budgeted.begin(a_turn(number), 400, 1)  # the last one may go over: nobody knows what it will take
    with pytest.raises(QuotaExceeded) as refused:
        budgeted.begin(a_turn(4), 1, 1)
    assert refused.value.retry_after == (4 * 60 + 22) * 60 + 20
    assert not budgeted.look(a_turn(4)).began
    assert used(dynamodb) == 1200
    clock.advance(seconds=refused.value.retry_after)
    assert budgeted.begin(a_turn(4), 1, 1)[1]
    assert used(dynamodb, "2026-11-23") == 1


def test_a_turn_counts_on_the_day_on_which_it_began(
    budgeted: DynamoTurns, dynamodb: Any, clock: FakeClock
) -> None:
    standing, _ = budgeted.begin(TURN, 400, 1)
    clock.advance(hours=6)
    budgeted.end(TURN, standing, 1, (), 30)
    assert (used(dynamodb), used(dynamodb, "2026-11-23")) == (30, 0)


def test_a_turn_that_was_refused_ends_without_a_count(budgeted: DynamoTurns, dynamodb: Any) -> None:
    budgeted.begin(a_turn(1), 2000, 1)
    with pytest.raises(QuotaExceeded):
        budgeted.begin(a_turn(2), 10, 1)
    ended = budgeted.end(a_turn(2), Standing(), 2, (), 0)
    assert ended.turn == 2
    assert used(dynamodb) == 2000


def test_other_failures_are_not_taken_for_an_answer(budgeted: DynamoTurns, dynamodb: Any) -> None:
    dynamodb.delete_table(TableName=aws.SESSIONS_TABLE)
    with pytest.raises(ClientError):
        budgeted.begin(TURN, 10, 1)
