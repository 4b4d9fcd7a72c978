"""Resuming and cancelling through the real handlers: what waits, what has ended, what was broken off."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from moto.apigatewaymanagementapi.models import apigatewaymanagementapi_backends

from bridge.adapters import turn_items
from bridge.bootstrap import turns
from bridge.conversation import SessionKey, Turn
from tests import aws
from tests.contract.conftest import Deployment, bearer, golden
from tests.contract.speaking import reply

ID = "123e4567-e89b-12d3-a456-426614174000"
OTHER = "123e4567-e89b-12d3-a456-426614174001"


@dataclass
class Client:
    """A connection of ada's, or of whoever else."""

    deployment: Deployment
    connection_id: str
    owner: str = "ada"

    def __post_init__(self) -> None:
        assert self.deployment.connect(bearer(self.owner), self.connection_id) == {"statusCode": 200}

    def act(self, action: str, request_id: str = ID, **fields: Any) -> dict[str, Any]:
        context = golden("message")["requestContext"] | {"connectionId": self.connection_id}
        frame = {"action": action, "request_id": request_id, **fields}
        told: dict[str, Any] = json.loads(
            self.deployment.receive(json.dumps(frame), requestContext=context)["body"]
        )
        return told

    def told(self) -> list[dict[str, Any]]:
        """Return the frames that were posted to this connection so far."""
        connections = apigatewaymanagementapi_backends[aws.ACCOUNT][aws.REGION].connections
        text = connections[self.connection_id].data.decode() if self.connection_id in connections else ""
        frames = []
        while text:
            frame, end = json.JSONDecoder().raw_decode(text)
            frames.append(frame)
            text = text[end:]
        return frames


@pytest.fixture
def first(deployment: Deployment) -> Client:
    return Client(deployment, "first")


@pytest.fixture
def second(deployment: Deployment) -> Client:
    return Client(deployment, "second")


def the_turn() -> Turn:
    return Turn(SessionKey("ada", "travel"), ID, "Hi", "claude-sonnet-5-5", "first")


def test_a_turn_that_waits_goes_where_it_was_resumed(
    deployment: Deployment, first: Client, second: Client
) -> None:
    accepted = first.act("query", message="Hi")
    assert second.act("resume", last_seq=0) == accepted
    deployment.claude.reply(reply("Hello."))
    deployment.deliver()
    assert first.told() == []
    delta, answer = second.told()
    assert (delta["text"], answer["type"], answer["session_id"]) == (
        "Hello.",
        "answer",
        accepted["session_id"],
    )


def test_a_turn_that_has_ended_is_told_once_more(
    deployment: Deployment, first: Client, second: Client
) -> None:
    first.act("query", message="Hi")
    deployment.claude.reply(reply("é" * 30_000))
    deployment.deliver()
    *deltas, answer = first.told()
    assert len(deltas) > 1
    assert second.act("resume", last_seq=1) == answer | {"memory": None}
    assert second.told() == deltas[1:]
    assert second.act("cancel") == answer | {"memory": None}


def test_a_turn_that_waits_is_cancelled_when_its_time_comes(
    deployment: Deployment, first: Client, second: Client
) -> None:
    session = first.act("query", message="Hi")["session_id"]
    assert second.act("cancel")["type"] == "accepted"
    deployment.deliver()
    (frame,) = first.told()
    assert (frame["type"], frame["stop_reason"], frame["deltas"]) == ("answer", "cancelled", 0)
    assert second.told() == [frame]
    (kept,) = first.act("history", session_id=session)["exchanges"]
    assert (kept["stop_reason"], kept["context"]) == ("cancelled", [{"role": "user", "content": "Hi"}])
    assert "error" not in kept
    assert deployment.claude.asked == []


def test_a_turn_that_was_begun_and_broken_off_fails_and_is_told_where_it_was_resumed(
    deployment: Deployment, first: Client, second: Client
) -> None:
    session = first.act("query", message="Hi", session_id="travel")["session_id"]
    turns().begin(the_turn(), 10, 1)  # and here its function died
    second.act("resume")
    deployment.deliver(delivery=2)
    assert first.told() == []
    (error,) = second.told()
    assert (error["type"], error["code"], error["retryable"]) == ("error", "internal", True)
    assert first.act("resume") == error
    (kept,) = first.act("history", session_id=session)["exchanges"]
    assert kept["error"]["code"] == "internal"
    assert deployment.claude.asked == []


def test_a_delivery_that_never_began_is_none(deployment: Deployment, first: Client) -> None:
    first.act("query", message="Hi")
    deployment.claude.reply(reply("Hello."))
    deployment.deliver(delivery=3)
    assert first.told()[-1]["type"] == "answer"


@pytest.mark.parametrize("action", ["resume", "cancel"])
def test_a_request_that_was_never_sent_is_not_found_and_leaves_nothing(
    deployment: Deployment, first: Client, action: str
) -> None:
    first.act("query", message="Hi")
    stranger = Client(deployment, "third", "eve")
    refusals = [client.act(action, request) for client, request in ((stranger, ID), (first, OTHER))]
    assert {refusal["code"] for refusal in refusals} == {"not_found"}
    assert len({refusal["message"] for refusal in refusals}) == 1
    table = boto3.client("dynamodb", region_name=aws.REGION)
    for owner, request in (("eve", ID), ("ada", OTHER)):
        assert "Item" not in table.get_item(
            TableName=aws.SESSIONS_TABLE, Key=turn_items.key_of(owner, request)
        )


def test_a_days_tokens_are_counted_and_then_refused(
    deployment: Deployment, first: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAILY_TOKENS", "1000")
    turns.cache_clear()
    deployment.claude.reply(reply("Hello.", read=900, written=100))
    first.act("query", message="Hi", session_id="travel")
    deployment.deliver()
    first.act("query", OTHER, message="And?", session_id="travel")
    deployment.deliver()
    refused = first.told()[-1]
    assert (refused["type"], refused["code"], refused["request_id"]) == ("error", "quota_exceeded", OTHER)
    assert 0 < refused["retry_after"] <= 24 * 3600
    kept = first.act("history", session_id="travel")["exchanges"]
    assert [each.get("error", {}).get("code") for each in kept] == [None, "quota_exceeded"]
    assert len(deployment.claude.asked) == 1
