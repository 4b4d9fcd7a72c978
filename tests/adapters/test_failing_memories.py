"""A memory that fails costs the turn what it would have been reminded of, and nothing else."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from aws_lambda_powertools import Logger
from botocore.exceptions import ClientError

from bridge.adapters import batches, items, memory_items
from bridge.adapters.archive import DynamoArchive
from bridge.adapters.naming import Naming
from bridge.adapters.sessions import DynamoSessions
from bridge.memory.head import Head
from tests.adapters.speaking import DAYS, HOURS, name, say
from tests.aws import SESSIONS_TABLE
from tests.fakes import KEY, FakeClock

HEAD = memory_items.head_key(KEY.owner)


@pytest.fixture
def log() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def sessions(dynamodb: Any, clock: FakeClock, log: io.StringIO) -> DynamoSessions:
    logger = Logger(service="memories", level="INFO", stream=log)
    logger.registered_handler.stream = log  # type: ignore[attr-defined]  # it is one for all tests
    return DynamoSessions(dynamodb, SESSIONS_TABLE, HOURS, DAYS, clock, logger)


def logged(log: io.StringIO) -> list[str]:
    """Return what was logged with an exception."""
    lines = map(json.loads, log.getvalue().splitlines())
    return [line["message"] for line in lines if "exception" in line]


def test_a_head_that_is_left_over_again_and_again_is_done_without(
    sessions: DynamoSessions,
    clock: FakeClock,
    dynamodb: Any,
    monkeypatch: pytest.MonkeyPatch,
    waits: list[float],
) -> None:
    said = [say(sessions, clock) for _ in range(2)]
    read = dynamodb.batch_get_item

    def without_head(RequestItems: dict[str, Any]) -> Any:  # noqa: N803 - boto3's name
        (request,) = RequestItems.values()
        taken = [key for key in request["Keys"] if key != HEAD]
        reply: dict[str, Any] = {"Responses": {}}
        if taken:
            reply = read(RequestItems={SESSIONS_TABLE: {**request, "Keys": taken}})
        left = {**request, "Keys": [HEAD]}
        return {**reply, "UnprocessedKeys": {SESSIONS_TABLE: left} if HEAD in request["Keys"] else {}}

    monkeypatch.setattr(dynamodb, "batch_get_item", without_head)
    remembered = sessions.load(KEY)
    assert remembered.exchanges == tuple(said)
    assert (remembered.session.turns, remembered.head.empty) == (2, True)
    assert len(waits) == batches.ROUNDS
    third = say(sessions, clock)
    monkeypatch.setattr(dynamodb, "batch_get_item", read)
    assert sessions.load(KEY).head.pending == {name(each) for each in (*said, third)}


@pytest.mark.parametrize(
    ("attribute", "broken"),
    [
        ("segments", [["x"]]),
        ("segments", [[1, 2]]),
        ("segments", 7),
        ("forgotten", {"no tombstone"}),
        ("forgetting", {"travel#soon"}),
        ("version", "one"),
    ],
)
@pytest.mark.parametrize("before", [0, 2])
def test_a_head_that_cannot_be_understood_is_done_without(
    sessions: DynamoSessions,
    clock: FakeClock,
    dynamodb: Any,
    log: io.StringIO,
    attribute: str,
    broken: object,
    before: int,
) -> None:
    said = [say(sessions, clock) for _ in range(before)]
    dynamodb.update_item(
        TableName=SESSIONS_TABLE,
        Key=HEAD,
        UpdateExpression="SET #broken = :broken",
        ExpressionAttributeNames={"#broken": attribute},
        ExpressionAttributeValues=items.to_item({":broken": broken}),
    )
    remembered = sessions.load(KEY)
    assert (remembered.exchanges, remembered.head.empty) == (tuple(said), True)
    assert logged(log) == ["the head of a memory could not be understood"]
    last = say(sessions, clock)
    assert sessions.load(KEY).exchanges == (*said, last)
    head = items.from_item(dynamodb.get_item(TableName=SESSIONS_TABLE, Key=HEAD)["Item"])
    assert name(last) in head["pending"]


@pytest.mark.parametrize(
    "code",
    [
        "ValidationException",  # an item over 400 KB: moto lets a set grow
        "ProvisionedThroughputExceededException",
        "TransactionConflictException",
        "AccessDeniedException",
        "InternalServerError",
    ],
)
@pytest.mark.parametrize("before", [0, 1])
def test_an_exchange_that_cannot_be_named_is_kept(
    sessions: DynamoSessions,
    clock: FakeClock,
    dynamodb: Any,
    monkeypatch: pytest.MonkeyPatch,
    log: io.StringIO,
    code: str,
    before: int,
) -> None:
    said = [say(sessions, clock) for _ in range(before)]
    update = dynamodb.update_item

    def refuse(**call: Any) -> Any:
        if call["Key"] == HEAD:
            raise ClientError({"Error": {"Code": code, "Message": "No."}}, "UpdateItem")
        return update(**call)

    monkeypatch.setattr(dynamodb, "update_item", refuse)
    last = say(sessions, clock)
    remembered = sessions.load(KEY)
    assert remembered.exchanges == (*said, last)
    assert remembered.session.version == before + 1
    assert remembered.head.pending == {name(each) for each in said}
    assert logged(log) == ["an exchange could not be named to its owner's memory"]


def test_a_session_that_was_forgotten_meanwhile_is_told_from_a_broken_head(
    sessions: DynamoSessions, dynamodb: Any, clock: FakeClock
) -> None:
    """The marks alone are asked, whatever the rest of the head has become."""
    archive = DynamoArchive(dynamodb, SESSIONS_TABLE, DAYS, clock)
    archive.forget(KEY.owner, KEY.name)
    dynamodb.update_item(
        TableName=SESSIONS_TABLE,
        Key=HEAD,
        UpdateExpression="SET version = :broken",
        ExpressionAttributeValues={":broken": {"S": "one"}},
    )
    naming = Naming(dynamodb, SESSIONS_TABLE, DAYS, clock, Logger(service="memories"))
    assert naming.forgotten_since(KEY, Head())
    assert not naming.add(KEY, "travel#1#0", Head())
