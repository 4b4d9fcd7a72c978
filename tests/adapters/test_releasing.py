"""The record of a request whose turn is let go: removed, unless it was taken in anew since."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bridge.adapters.hashes import DynamoHashes, key_of
from bridge.adapters.intake import IdempotentIntake
from bridge.conversation import Turn
from tests import aws
from tests.fakes import KEY, MemoryIntake, a_turn


class Line(MemoryIntake):
    """Queues whatever it is given."""

    def send(self, turn: Turn) -> None:
        self(turn)


@pytest.fixture
def intake(dynamodb: Any) -> IdempotentIntake:
    intake = IdempotentIntake(
        Line(), dynamodb, aws.HASHES_TABLE, timedelta(hours=24), lambda owner, session: -1
    )
    intake.register(aws.Context())
    return intake


@pytest.fixture
def hashes(dynamodb: Any) -> DynamoHashes:
    return DynamoHashes(dynamodb, aws.HASHES_TABLE)


def there(dynamodb: Any) -> bool:
    key = key_of(KEY.owner, a_turn().request_id)
    return "Item" in dynamodb.get_item(TableName=aws.HASHES_TABLE, Key=key)


def test_a_request_is_released(intake: IdempotentIntake, hashes: DynamoHashes, dynamodb: Any) -> None:
    turn = a_turn(accepted=1_795_376_000_123)
    intake(turn)
    assert there(dynamodb)
    assert hashes.release(turn)
    assert not there(dynamodb)
    assert hashes.release(turn)  # delivered again


@pytest.mark.parametrize("accepted", [1_795_376_000_12, 1_795_376_000_1234, 795_376_000_123])
def test_one_that_was_taken_in_anew_is_not(
    intake: IdempotentIntake, hashes: DynamoHashes, dynamodb: Any, accepted: int
) -> None:
    intake(a_turn(accepted=accepted))
    assert not hashes.release(a_turn(accepted=1_795_376_000_123))
    assert there(dynamodb)


def test_the_original_has_none(hashes: DynamoHashes) -> None:
    assert hashes.release(a_turn(wire="original"))
