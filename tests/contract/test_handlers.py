"""AWS's events through the real handlers."""

from __future__ import annotations

import json
from typing import Any

import boto3
import jwt
import pytest

from bridge.adapters import items
from bridge.adapters.connections import DynamoConnections
from bridge.adapters.queue import decode
from bridge.bootstrap import now
from bridge.handlers import answer
from bridge_cli import tokens
from tests import aws
from tests.contract.conftest import SIGNING_SECRET, Deployment, bearer, golden
from tests.messages_server import Reply

CONNECTION = "UbDxSdYzFiACEZQ="
ID = "123e4567-e89b-12d3-a456-426614174000"


def recorded() -> dict[str, Any] | None:
    client = boto3.client("dynamodb", region_name=aws.REGION)
    found: dict[str, Any] = client.get_item(
        TableName=aws.SESSIONS_TABLE, Key=items.connection_key(CONNECTION)
    )
    return found.get("Item")


def test_a_connection_is_recorded_and_forgotten(deployment: Deployment) -> None:
    assert deployment.connect(bearer("ada")) == {"statusCode": 200}
    item = recorded()
    assert item is not None
    assert item["owner"] == {"S": "ada"}
    assert deployment.disconnect() == {"statusCode": 200}
    assert recorded() is None


def test_a_browsers_subprotocol_is_confirmed(deployment: Deployment) -> None:
    offered = f"bridge, bearer.{tokens.mint(SIGNING_SECRET, 'ada')}"
    assert deployment.connect({"Sec-WebSocket-Protocol": offered}) == {
        "statusCode": 200,
        "headers": {"Sec-WebSocket-Protocol": "bridge"},
    }


@pytest.mark.parametrize(
    "headers",
    [
        {},
        bearer(secret="x" * 64),
        {"Authorization": "Bearer x"},
        {"Authorization": f"Bearer {jwt.encode({'sub': 'ada', 'exp': 1}, SIGNING_SECRET)}"},
    ],
    ids=["none", "forged", "garbage", "expired"],
)
def test_who_proves_nothing_is_refused(deployment: Deployment, headers: dict[str, str]) -> None:
    assert deployment.connect(headers)["statusCode"] == 401
    assert recorded() is None


def test_without_authentication_everyone_is_anonymous(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTH", "none")
    assert deployment.connect() == {"statusCode": 200}
    client = boto3.client("dynamodb", region_name=aws.REGION)
    connection = DynamoConnections(client, aws.SESSIONS_TABLE, now).find(CONNECTION)
    assert connection is not None
    assert (connection.owner, connection.expires) == ("anonymous", None)


def test_the_golden_frame_is_a_ping(connected: Deployment) -> None:
    assert connected.receive(golden("message")["body"]) == {"statusCode": 200, "body": '{"type":"pong"}'}


def test_a_query_is_queued_once(connected: Deployment) -> None:
    frame = json.dumps({"action": "query", "request_id": ID, "message": "Hello?"})
    first, second = connected.receive(frame), connected.receive(frame)
    assert first == second
    assert json.loads(first["body"])["type"] == "accepted"
    sqs = boto3.client("sqs", region_name=aws.REGION)
    received = sqs.receive_message(QueueUrl=connected.queue_url, MaxNumberOfMessages=10)
    (message,) = received["Messages"]
    turn = decode(message["Body"])
    assert (turn.key.owner, turn.request_id, turn.connection_id) == ("ada", ID, CONNECTION)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("", "bad_request"),
        ("hello", "bad_request"),
        ("[]", "bad_request"),
        ("{}", "bad_request"),
        ('{"action":"jump"}', "unknown_action"),
        ('{"action":"history","session_id":"nothing"}', "not_found"),
        ("x" * 132_096, "too_large"),
    ],
)
def test_every_bad_frame_gets_its_error(connected: Deployment, body: str, code: str) -> None:
    reply = connected.receive(body)
    assert reply["statusCode"] == 200
    assert json.loads(reply["body"])["code"] == code


def test_a_binary_or_absent_body_gets_an_error(connected: Deployment) -> None:
    for reply in (connected.receive("AAEC", isBase64Encoded=True), connected.receive(None)):
        assert json.loads(reply["body"])["code"] == "bad_request"


def test_a_connection_that_nobody_knows_is_refused(deployment: Deployment) -> None:
    reply = deployment.receive(json.dumps({"action": "ping", "request_id": ID}))
    assert json.loads(reply["body"])["code"] == "unauthorized"


def test_a_function_without_its_environment_still_answers(
    connected: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HASH_TABLE")
    reply = connected.receive('{"action":"ping"}')
    assert json.loads(reply["body"])["code"] == "internal"
    assert "HASH_TABLE" in connected.log.getvalue()


def test_a_queue_that_fails_is_told_on_the_clients_wire(connected: Deployment) -> None:
    boto3.client("sqs", region_name=aws.REGION).delete_queue(QueueUrl=connected.queue_url)
    reply = json.loads(
        connected.receive(json.dumps({"action": "query", "request_id": ID, "message": "Hi"}))["body"]
    )
    assert (reply["code"], reply["request_id"], reply["retryable"]) == ("internal", ID, True)
    reply = json.loads(connected.receive(json.dumps({"action": "query", "message": "Hi"}))["body"])
    assert reply["statusCode"] == 500


def test_the_golden_turn_is_answered(deployment: Deployment) -> None:
    deployment.claude.reply(Reply())
    answer.handler(golden("turns"), aws.Context())
    *deltas, closing = [json.loads(frame) for frame in deployment.posted()]
    assert "".join(delta["text"] for delta in deltas) == "Hello 中😀"
    assert (closing["type"], closing["turn"], closing["request_id"]) == ("answer", 1, ID)
    assert closing["model"] == "claude-real"


def test_the_original_gets_its_one_frame(connected: Deployment) -> None:
    connected.claude.reply(Reply())
    query = {"action": "query", "message": "Hello?", "session_id": "chat-abc123"}
    assert connected.receive(json.dumps(query)) == {"statusCode": 200}
    (frame,) = connected.work()
    told = json.loads(frame)
    assert told["statusCode"] == 200
    assert json.loads(told["body"]) == {
        "response": "Hello 中😀",
        "session_id": "chat-abc123",
        "context_length": 2,
    }


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        ({"action": "query", "message": "hi", "request_id": ID}, "accepted"),
        ({"action": "query", "message": "", "request_id": ID}, "error"),
        ({"action": "query", "message": "hi"}, None),
    ],
)
def test_on_a_one_way_route_a_reply_is_posted(
    deployment: Deployment, frame: dict[str, str], expected: str | None
) -> None:
    deployment.connect(bearer("ada"))
    request_context = golden("message")["requestContext"] | {"routeKey": "query"}
    returned = deployment.receive(json.dumps(frame), requestContext=request_context)
    assert returned == {"statusCode": 200}
    assert [json.loads(text)["type"] for text in deployment.posted()] == ([expected] if expected else [])
