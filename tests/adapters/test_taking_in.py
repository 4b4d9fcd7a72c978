"""A turn is queued once, however often it is sent."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import boto3
import pytest

from bridge.adapters.intake import IdempotentIntake
from bridge.conversation import Turn
from bridge.errors import Conflict
from tests import aws
from tests.aws import HASHES_TABLE, REGION, Calls
from tests.fakes import KEY, MemoryQueue, a_turn


@pytest.fixture
def queue() -> MemoryQueue:
    return MemoryQueue()


@pytest.fixture
def intake(dynamodb: Any, calls: Calls, queue: MemoryQueue) -> IdempotentIntake:
    intake = IdempotentIntake(queue, dynamodb, HASHES_TABLE, timedelta(hours=24))
    intake.register(aws.Context())
    return intake


def test_a_turn_is_queued(intake: IdempotentIntake, queue: MemoryQueue, calls: Calls) -> None:
    intake(a_turn())
    assert queue.turns == [a_turn()]
    assert sum(calls.made.values()) == 2


def test_a_repeat_is_not_queued(intake: IdempotentIntake, queue: MemoryQueue) -> None:
    intake(a_turn())
    intake(a_turn(connection_id="another"))
    assert queue.turns == [a_turn()]


@pytest.mark.parametrize("changes", [{"message": "Other"}, {"model": "claude-opus-5-5"}])
def test_another_message_under_the_same_id_is_a_conflict(
    intake: IdempotentIntake, queue: MemoryQueue, changes: dict[str, Any]
) -> None:
    intake(a_turn())
    with pytest.raises(Conflict) as caught:
        intake(a_turn(**changes))
    assert not caught.value.retryable
    assert len(queue.turns) == 1


def test_owners_and_sessions_have_their_own_request_ids(intake: IdempotentIntake, queue: MemoryQueue) -> None:
    intake(a_turn())
    intake(a_turn(message="Other", key=replace(KEY, owner="eve")))
    intake(a_turn(message="Third", key=replace(KEY, name="cooking")))
    assert len(queue.turns) == 3


def test_what_is_being_taken_in_is_a_conflict_for_now(
    intake: IdempotentIntake, queue: MemoryQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    conflicts: list[Conflict] = []
    send = queue.send

    def meanwhile(turn: Turn) -> None:
        with pytest.raises(Conflict) as caught:
            intake(a_turn())
        conflicts.append(caught.value)
        send(turn)

    monkeypatch.setattr(queue, "send", meanwhile)
    intake(a_turn())
    assert [(conflict.retryable, conflict.retry_after) for conflict in conflicts] == [(True, 1)]
    assert len(queue.turns) == 1


def test_a_failing_queue_leaves_nothing_behind(intake: IdempotentIntake, queue: MemoryQueue) -> None:
    queue.failure = OSError("no queue")
    with pytest.raises(OSError, match="no queue"):
        intake(a_turn())
    assert boto3.client("dynamodb", region_name=REGION).scan(TableName=HASHES_TABLE)["Items"] == []
    intake(a_turn())
    assert len(queue.turns) == 1


def test_the_originals_turns_are_never_repeats(
    intake: IdempotentIntake, queue: MemoryQueue, calls: Calls
) -> None:
    for _ in range(2):
        intake(a_turn(message="yes", wire="original"))
    assert len(queue.turns) == 2
    assert calls.made == {}


def test_what_is_remembered_holds_no_message_and_expires(intake: IdempotentIntake, dynamodb: Any) -> None:
    intake(a_turn(message="MARMALADE"))
    (item,) = dynamodb.scan(TableName=HASHES_TABLE)["Items"]
    assert "MARMALADE" not in str(item)
    assert "ttl" in item
