"""A turn is queued once, however often it is sent."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import replace
from datetime import timedelta
from typing import Any

import boto3
import pytest

from bridge.adapters import hashes
from bridge.adapters.hashes import DynamoHashes
from bridge.adapters.intake import IdempotentIntake
from bridge.conversation import SessionKey, Turn
from bridge.errors import Conflict
from tests import aws
from tests.aws import HASHES_TABLE, REGION, Calls
from tests.fakes import KEY, MemoryQueue, a_turn


@pytest.fixture
def queue() -> MemoryQueue:
    return MemoryQueue()


class Tombstones:
    """Up to when sessions were forgotten, and how often that was asked."""

    def __init__(self) -> None:
        self.until: dict[SessionKey, int] = {}
        self.asked = 0

    def forgot(self, owner: str, session: str) -> int:
        self.asked += 1
        return self.until.get(SessionKey(owner, session), -1)


@pytest.fixture
def tombstones() -> Tombstones:
    return Tombstones()


@pytest.fixture
def intake(dynamodb: Any, calls: Calls, queue: MemoryQueue, tombstones: Tombstones) -> IdempotentIntake:
    day = timedelta(hours=24)
    intake = IdempotentIntake(queue, dynamodb, HASHES_TABLE, day, tombstones.forgot)
    intake.register(aws.Context())
    return intake


def records(dynamodb: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = dynamodb.scan(TableName=HASHES_TABLE)["Items"]
    return found


def change(dynamodb: Any, **values: dict[str, str]) -> None:
    """Change the one record that there is."""
    (record,) = records(dynamodb)
    dynamodb.put_item(TableName=HASHES_TABLE, Item=record | values)


def test_a_turn_is_queued(intake: IdempotentIntake, queue: MemoryQueue, calls: Calls) -> None:
    intake(a_turn())
    assert queue.turns == [a_turn()]
    assert sum(calls.made.values()) == 2


def test_a_repeat_is_not_queued(intake: IdempotentIntake, queue: MemoryQueue) -> None:
    intake(a_turn())
    intake(a_turn(connection_id="another"))
    assert queue.turns == [a_turn()]


def test_a_repeat_may_ask_to_be_reminded_of_something_else(
    intake: IdempotentIntake, queue: MemoryQueue
) -> None:
    intake(a_turn())
    intake(a_turn(recall="off"))
    assert queue.turns == [a_turn()]


@pytest.mark.parametrize(
    "changes",
    [
        {"message": "Other"},
        {"model": "claude-opus-5-5"},
        {"key": replace(KEY, name="cooking")},
        {"system": "In Danish."},
        {"system": ""},
    ],
)
def test_another_message_under_the_same_id_is_a_conflict(
    intake: IdempotentIntake, queue: MemoryQueue, changes: dict[str, Any]
) -> None:
    intake(a_turn())
    with pytest.raises(Conflict) as caught:
        intake(a_turn(**changes))
    assert not caught.value.retryable
    assert len(queue.turns) == 1


def test_a_request_with_instructions_is_the_same_only_with_these(
    intake: IdempotentIntake, queue: MemoryQueue
) -> None:
    intake(a_turn(system="In Danish."))
    intake(a_turn(system="In Danish.", connection_id="another"))
    for other in (None, "", "In Greenlandic."):
        with pytest.raises(Conflict):
            intake(a_turn(system=other))
    assert len(queue.turns) == 1


def test_a_request_that_the_release_before_took_in_is_known(
    intake: IdempotentIntake, queue: MemoryQueue, dynamodb: Any
) -> None:
    """Its record has a hash of session, message and model: an upgrade must not take it for another."""
    intake(a_turn())
    turn = a_turn()
    said = json.dumps([turn.request_id, turn.key.name, turn.message, turn.model])
    (record,) = records(dynamodb)
    assert record["validation"]["S"] == hashlib.md5(said.encode(), usedforsecurity=False).hexdigest()


def test_owners_have_their_own_request_ids(intake: IdempotentIntake, queue: MemoryQueue) -> None:
    intake(a_turn())
    intake(a_turn(message="Other", key=replace(KEY, owner="eve")))
    assert len(queue.turns) == 2


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
    assert records(boto3.client("dynamodb", region_name=REGION)) == []
    intake(a_turn())
    assert len(queue.turns) == 1


def test_the_originals_turns_are_never_repeats(
    intake: IdempotentIntake, queue: MemoryQueue, calls: Calls
) -> None:
    for _ in range(2):
        intake(a_turn(message="yes", wire="original"))
    assert len(queue.turns) == 2
    assert calls.made == {}


def test_what_is_remembered_tells_nothing_and_expires(intake: IdempotentIntake, dynamodb: Any) -> None:
    turn = a_turn(message="MARMALADE", key=SessionKey("OWNER", "SESSION"))
    intake(turn)
    (item,) = records(dynamodb)
    for said in ("MARMALADE", "OWNER", "SESSION", turn.request_id):
        assert said not in str(item)
        assert said.encode().hex() not in str(item)
    assert "ttl" in item


@pytest.mark.parametrize("owner", ["ada", "ada/../eve", 'quoted "\\" owner', "Ünïcode 名"])
def test_powertools_keeps_a_request_under_the_key_that_it_is_forgotten_by(
    intake: IdempotentIntake, dynamodb: Any, owner: str
) -> None:
    turn = a_turn(key=SessionKey(owner, "travel"))
    intake(turn)
    (item,) = records(dynamodb)
    assert {"hash": item["hash"]} == hashes.key_of(owner, turn.request_id)
    stored = DynamoHashes(dynamodb, HASHES_TABLE)
    stored.remove("another", [turn.request_id])
    assert len(records(dynamodb)) == 1
    stored.remove(owner, [turn.request_id, turn.request_id, "never seen"])
    assert records(dynamodb) == []


def test_the_session_of_a_request_is_known_to_its_owner(intake: IdempotentIntake, calls: Calls) -> None:
    turn = a_turn()
    assert intake.session_of(KEY.owner, turn.request_id) is None
    intake(turn)
    calls.clear()
    assert intake.session_of(KEY.owner, turn.request_id) == KEY.name
    assert calls.made == {"GetItem": 1}
    assert intake.session_of("eve", turn.request_id) is None


@pytest.mark.parametrize("name", ["a", "x" * 128])
def test_sessions_names_of_any_length_come_back(intake: IdempotentIntake, name: str) -> None:
    intake(a_turn(key=SessionKey("ada", name)))
    assert intake.session_of("ada", a_turn().request_id) == name


def test_a_record_past_its_time_is_none(intake: IdempotentIntake, dynamodb: Any) -> None:
    intake(a_turn())
    change(dynamodb, ttl={"N": str(int(time.time()) - 2)})
    assert intake.session_of(KEY.owner, a_turn().request_id) is None


def test_whose_session_is_not_known_yet_has_to_be_asked_again(
    intake: IdempotentIntake, queue: MemoryQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    conflicts: list[Conflict] = []

    def meanwhile(turn: Turn) -> None:
        with pytest.raises(Conflict) as caught:
            intake.session_of(turn.key.owner, turn.request_id)
        conflicts.append(caught.value)

    monkeypatch.setattr(queue, "send", meanwhile)
    intake(a_turn())
    assert [(conflict.retryable, conflict.retry_after) for conflict in conflicts] == [(True, 1)]


def test_a_request_that_was_never_taken_in_to_the_end_is_not_known_and_may_come_again(
    intake: IdempotentIntake, queue: MemoryQueue, dynamodb: Any
) -> None:
    intake(a_turn())
    (record,) = records(dynamodb)
    late = {"status": {"S": "INPROGRESS"}, "in_progress_until": {"N": str(int(time.time() * 1000) - 1)}}
    del record["data"]
    dynamodb.put_item(TableName=HASHES_TABLE, Item=record | late)
    assert intake.session_of(KEY.owner, a_turn().request_id) is None
    intake(a_turn())
    assert len(queue.turns) == 2


@pytest.mark.parametrize("changes", [{}, {"message": "Other"}, {"key": replace(KEY, name="cooking")}])
def test_a_request_whose_session_was_forgotten_is_new(
    intake: IdempotentIntake,
    queue: MemoryQueue,
    tombstones: Tombstones,
    dynamodb: Any,
    changes: dict[str, Any],
) -> None:
    intake(a_turn(accepted=1000))
    tombstones.until[KEY] = 1000
    assert intake.session_of(KEY.owner, a_turn().request_id) is None
    again = a_turn(accepted=1001, **changes)
    intake(again)
    intake(replace(again, accepted=1002))
    assert [turn.accepted for turn in queue.turns] == [1000, 1001]
    assert intake.session_of(KEY.owner, again.request_id) == again.key.name
    assert len(records(dynamodb)) == 1


def test_a_request_that_came_after_its_session_was_forgotten_is_known(
    intake: IdempotentIntake, queue: MemoryQueue, tombstones: Tombstones
) -> None:
    tombstones.until[KEY] = 999
    intake(a_turn(accepted=1000))
    intake(a_turn(accepted=1001))
    assert len(queue.turns) == 1
    with pytest.raises(Conflict, match="another message"):
        intake(a_turn(accepted=1002, message="Other"))


def test_nobody_asks_what_was_forgotten_for_a_request_that_is_new(
    intake: IdempotentIntake, tombstones: Tombstones
) -> None:
    intake(a_turn(accepted=1000))
    assert tombstones.asked == 0


def test_of_two_repeats_of_a_forgotten_request_one_is_queued(
    intake: IdempotentIntake,
    queue: MemoryQueue,
    tombstones: Tombstones,
    dynamodb: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The other one comes first between the look at the record and its removal."""
    intake(a_turn(accepted=1000))
    tombstones.until[KEY] = 1000
    remove = dynamodb.delete_item

    def late(**call: Any) -> Any:
        monkeypatch.setattr(dynamodb, "delete_item", remove)
        intake(a_turn(accepted=1001))
        return remove(**call)

    monkeypatch.setattr(dynamodb, "delete_item", late)
    intake(a_turn(accepted=1002))
    assert [turn.accepted for turn in queue.turns] == [1000, 1001]


def test_records_of_functions_that_were_deployed_before_are_found() -> None:
    assert hashes.key_of("ada", "1") == {"hash": {"S": "query#cb91c9818bf38a200e3785c40bf16bf3"}}
    assert hashes.unseal(hashes.seal("travel", "ada", "1"), "ada", "1") == "travel"
