"""What was revoked, as it lies in the table, and for how long it is taken as read."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.adapters import items, revocations
from bridge.adapters.revocations import DynamoRevocations
from bridge.ports.speaking import Revoked
from tests.aws import SESSIONS_TABLE, Calls
from tests.fakes import FakeClock


@pytest.fixture
def revoked(dynamodb: Any, calls: Calls, clock: FakeClock) -> DynamoRevocations:
    return DynamoRevocations(dynamodb, SESSIONS_TABLE, clock)


def write(dynamodb: Any, owner: str = "ada", **attributes: Any) -> None:
    """Revoke, as the command line does."""
    item = {"session_id": f"revoked#{owner}", "seq": -1, **attributes}
    dynamodb.put_item(TableName=SESSIONS_TABLE, Item=items.to_item(item))


def test_nothing_is_revoked_of_most(revoked: DynamoRevocations, dynamodb: Any) -> None:
    write(dynamodb, "eve", before=9, ttl=2_000_000_000)
    for owner in ("ada", "ev", "eve/x", "Eve"):
        assert revoked.of(owner) == Revoked()


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"before": 1_795_376_200}, Revoked(1_795_376_200)),
        ({"tokens": {"5f5f", "6a6a"}}, Revoked(0, frozenset({"5f5f", "6a6a"}))),
        ({"before": 7, "tokens": {"5f5f"}}, Revoked(7, frozenset({"5f5f"}))),
        ({}, Revoked()),
    ],
)
def test_what_was_revoked_is_read(
    revoked: DynamoRevocations, dynamodb: Any, attributes: dict[str, Any], expected: Revoked
) -> None:
    write(dynamodb, **attributes, ttl=2_000_000_000)
    assert revoked.of("ada") == expected
    write(dynamodb, "no ttl", **attributes)
    assert revoked.of("no ttl") == expected


def test_past_its_ttl_it_is_gone(revoked: DynamoRevocations, dynamodb: Any, clock: FakeClock) -> None:
    write(dynamodb, before=9, ttl=int(clock().timestamp()))
    assert revoked.of("ada") == Revoked()


def test_it_is_known_within_a_minute_and_at_once_where_it_matters(
    revoked: DynamoRevocations, dynamodb: Any, clock: FakeClock, calls: Calls
) -> None:
    assert revoked.of("ada") == Revoked()
    write(dynamodb, before=9, ttl=2_000_000_000)
    calls.clear()
    clock.advance(seconds=59)
    assert revoked.of("ada") == Revoked()
    assert calls.made == {}
    assert revoked.of("ada", fresh=True) == revoked.of("ada") == Revoked(9)
    clock.advance(seconds=59)
    assert revoked.of("ada") == Revoked(9)
    assert calls.made == {"GetItem": 1}
    write(dynamodb, before=10, ttl=2_000_000_000)
    clock.advance(seconds=1)
    assert revoked.of("ada") == Revoked(10)


def test_a_clock_that_was_set_back_keeps_nothing_longer(
    revoked: DynamoRevocations, dynamodb: Any, clock: FakeClock
) -> None:
    assert revoked.of("ada") == Revoked()
    write(dynamodb, before=9, ttl=2_000_000_000)
    clock.advance(hours=-1)
    assert revoked.of("ada") == Revoked(9)


@pytest.mark.parametrize("attributes", [{"before": "yesterday"}, {"before": {1}}, {"tokens": 7}])
def test_what_makes_no_sense_is_not_taken_for_nothing(
    revoked: DynamoRevocations, dynamodb: Any, attributes: dict[str, Any]
) -> None:
    write(dynamodb, **attributes, ttl=2_000_000_000)
    with pytest.raises((TypeError, ValueError)):
        revoked.of("ada")


def test_a_failure_is_told_and_not_remembered(
    revoked: DynamoRevocations, dynamodb: Any, clock: FakeClock
) -> None:
    nowhere = DynamoRevocations(dynamodb, "nowhere", clock)
    for _ in range(2):
        with pytest.raises(dynamodb.exceptions.ResourceNotFoundException):
            nowhere.of("ada")


def test_it_is_no_session(dynamodb: Any) -> None:
    write(dynamodb, before=9)
    assert items.session_of(revocations.key_of("ada/x")["session_id"]["S"]) is None
