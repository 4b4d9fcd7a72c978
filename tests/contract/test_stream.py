"""The sessions table's stream through the remember handler: a nudge, however often it comes."""

from __future__ import annotations

import copy
from typing import Any

import boto3
import pytest

from tests import aws
from tests.contract.conftest import SEAL_AT, Deployment, golden, header_event, sequence_number
from tests.contract.speaking import Speaker, stored

TRAVEL = "ada/travel"


@pytest.fixture
def ada(deployment: Deployment) -> Speaker:
    return Speaker.of(deployment, "ada")


def small_talk(speaker: Speaker, turns: int, session_id: str = "travel") -> None:
    for number in range(turns):
        speaker.say(f"Tell me a joke about penguins, number {number}.", session_id)


def test_what_was_said_waits_until_there_is_enough_of_it(ada: Speaker) -> None:
    small_talk(ada, SEAL_AT - 1)
    assert ada.deployment.remember(TRAVEL) == []
    assert (len(ada.head().pending), ada.head().segments) == (SEAL_AT - 1, ())
    small_talk(ada, 1)
    assert ada.deployment.remember(TRAVEL) == []
    head = ada.head()
    assert head.pending == frozenset()
    assert [segment.exchanges for segment in head.segments] == [SEAL_AT]
    assert ("memory#ada", str(head.segments[0].seq)) in stored()


def test_an_owners_sessions_are_one_memory(ada: Speaker) -> None:
    for number in range(SEAL_AT):
        ada.say("The marmalade needs more quinces.", f"chat-{number}")
    assert ada.deployment.remember(f"ada/chat-{SEAL_AT - 1}") == []
    assert [segment.exchanges for segment in ada.head().segments] == [SEAL_AT]
    assert len(ada.recall("How many quinces?", limit=50)) >= SEAL_AT


def test_the_memory_grows_with_every_batch(ada: Speaker) -> None:
    for number in range(3 * SEAL_AT):
        small_talk(ada, 1, f"chat-{number}")
        assert ada.deployment.remember(f"ada/chat-{number}") == []
    assert ada.head().pending == frozenset()
    assert sum(segment.exchanges for segment in ada.head().segments) == 3 * SEAL_AT
    there = {key[1] for key in stored() if key[0] == "memory#ada" and key[1] != "-1"}
    assert there == {str(segment.seq) for segment in ada.head().segments}


def test_the_golden_batch_is_followed(ada: Speaker) -> None:
    small_talk(ada, SEAL_AT)
    assert ada.deployment.follow(golden("stream")) == []
    assert ada.head().pending == frozenset()


def test_a_batch_that_comes_again_changes_nothing(ada: Speaker) -> None:
    small_talk(ada, SEAL_AT)
    event = header_event(TRAVEL)
    assert ada.deployment.follow(event) == []
    before = stored()
    for _ in range(2):
        assert ada.deployment.follow(copy.deepcopy(event)) == []
    assert ada.deployment.follow(golden("stream")) == []
    assert stored() == before


def test_a_record_that_comes_twice_in_a_batch_changes_nothing_more(ada: Speaker) -> None:
    small_talk(ada, SEAL_AT)
    assert ada.deployment.remember(TRAVEL, TRAVEL, TRAVEL) == []
    assert len(ada.head().segments) == 1
    assert ada.head().version == 1


@pytest.mark.parametrize(
    "keys",
    [
        {"session_id": {"S": "memory#ada"}, "seq": {"N": "-1"}},
        {"session_id": {"S": "memory#ada"}, "seq": {"N": "4611686018427387"}},
        {"session_id": {"S": "memory#ada/travel"}, "seq": {"N": "0"}},
        {"session_id": {"S": "connection#UbDxSdYzFiACEZQ="}, "seq": {"N": "-1"}},
        {"session_id": {"S": "connection#ada/travel"}, "seq": {"N": "0"}},
        {"session_id": {"S": "travel"}, "seq": {"N": "0"}},
        {"session_id": {"N": "1"}, "seq": {"N": "0"}},
        {},
    ],
)
@pytest.mark.parametrize("kind", ["INSERT", "MODIFY", "REMOVE"])
def test_what_is_no_session_is_left_alone(deployment: Deployment, keys: dict[str, Any], kind: str) -> None:
    event = header_event(TRAVEL)
    event["Records"][0]["eventName"] = kind
    event["Records"][0]["dynamodb"]["Keys"] = keys
    # Whoever looked at the table would fail.
    boto3.client("dynamodb", region_name=aws.REGION).delete_table(TableName=aws.SESSIONS_TABLE)
    assert deployment.follow(event) == []


def test_a_record_without_keys_is_left_alone(deployment: Deployment) -> None:
    event = header_event(TRAVEL, TRAVEL)
    del event["Records"][0]["dynamodb"]["Keys"]
    del event["Records"][1]["dynamodb"]
    assert deployment.follow(event) == []


def test_a_session_that_nobody_knows_is_no_failure(deployment: Deployment) -> None:
    assert deployment.remember("eve/nothing") == []
    assert stored() == {}


def test_an_owner_with_a_slash_is_remembered(deployment: Deployment) -> None:
    speaker = Speaker.of(deployment, "https://idp.example/ada")
    small_talk(speaker, SEAL_AT)
    assert deployment.remember("https://idp.example/ada/travel") == []
    assert [segment.exchanges for segment in speaker.head().segments] == [SEAL_AT]


def test_where_the_table_fails_every_record_is_reported_and_told_of(
    deployment: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    boto3.client("dynamodb", region_name=aws.REGION).delete_table(TableName=aws.SESSIONS_TABLE)
    failed = deployment.remember(TRAVEL, "eve/travel", TRAVEL)
    assert failed == [sequence_number(place) for place in range(3)]
    assert "ResourceNotFoundException" in deployment.log.getvalue()
    assert "Failures" in capsys.readouterr().out


def test_one_owners_failure_is_not_anothers(ada: Speaker, monkeypatch: pytest.MonkeyPatch) -> None:
    eve = Speaker.of(ada.deployment, "eve")
    small_talk(ada, SEAL_AT)
    small_talk(eve, SEAL_AT)
    client = boto3.client("dynamodb", region_name=aws.REGION)
    client.update_item(
        TableName=aws.SESSIONS_TABLE,
        Key={"session_id": {"S": "memory#ada"}, "seq": {"N": "-1"}},
        UpdateExpression="SET #segments = :segments",
        ExpressionAttributeNames={"#segments": "segments"},
        ExpressionAttributeValues={":segments": {"L": [{"S": "no segment"}]}},
    )
    assert ada.deployment.remember(TRAVEL, "eve/travel") == [sequence_number(0)]
    assert eve.head().pending == frozenset()
    assert len(stored()["memory#ada", "-1"]["pending"]) == SEAL_AT
