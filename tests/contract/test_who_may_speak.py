"""Who is let in and who is heard, through the real handlers."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

import boto3
import jwt
import pytest

from bridge import bootstrap
from bridge.adapters import items
from tests import aws
from tests.contract.conftest import SIGNING_SECRET, Deployment, bearer, golden
from tests.contract.speaking import Speaker, stored
from tests.messages_server import Reply

ARN = "arn:aws:sts::123456789012:assumed-role/Bridge/ada@example.org"
JTI = "5f" * 16
OTHER = "6a" * 16
REQUEST = "123e4567-e89b-12d3-a456-426614174000"


def a_token(**claims: Any) -> dict[str, str]:
    now = int(time.time())
    held = {"sub": "ada", "iat": now, "exp": now + 3600, "jti": JTI} | claims
    return {"Authorization": f"Bearer {jwt.encode(held, SIGNING_SECRET, algorithm='HS256')}"}


def revoke(owner: str = "ada", **attributes: Any) -> None:
    """Revoke, as the command line does."""
    item = {"session_id": f"revoked#{owner}", "seq": -1, "ttl": int(time.time()) + 9999, **attributes}
    client = boto3.client("dynamodb", region_name=aws.REGION)
    client.put_item(TableName=aws.SESSIONS_TABLE, Item=items.to_item(item))


def throttle(client: Any, operation: str, kind: str) -> None:
    """Have an operation on a kind of item answered as a throttled table answers it."""

    def refuse(params: dict[str, Any], **_: Any) -> None:
        if kind in json.dumps(params, default=str):
            raise client.exceptions.ProvisionedThroughputExceededException(
                {"Error": {"Code": "ProvisionedThroughputExceededException", "Message": "Slow down."}},
                operation,
            )

    client.meta.events.register(f"provide-client-params.dynamodb.{operation}", refuse)


def a_minute_later() -> None:
    """Let warm functions forget what they read: as time does, after a minute."""
    bootstrap.connections.cache_clear()
    bootstrap.speakers.cache_clear()
    bootstrap.reception.cache_clear()


def frame(deployment: Deployment, connection_id: str = "c=", **fields: Any) -> dict[str, Any]:
    """Send a frame; return the reply's."""
    context = golden("message")["requestContext"] | {"connectionId": connection_id}
    reply = deployment.receive(json.dumps(fields), requestContext=context)
    told: dict[str, Any] = json.loads(reply["body"])
    return told


def record(connection_id: str) -> dict[str, Any]:
    return stored()[f"connection#{connection_id}", "-1"]


@pytest.fixture
def iam(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    """A deployment in which AWS says who speaks; it has no signing secret."""
    monkeypatch.setenv("AUTH", "iam")
    monkeypatch.delenv("SIGNING_SECRET_ARN")
    return deployment


def test_a_connection_is_recorded_with_its_token(deployment: Deployment) -> None:
    before = int(time.time())
    assert deployment.connect(a_token(iat=before), "c=") == {"statusCode": 200}
    item = record("c=")
    assert (item["owner"], item["token_id"], item["issued"]) == ("ada", JTI, before)
    assert item["expires"] == before + 3600


def test_whom_aws_names_is_the_owner_as_long_as_they_are_connected(iam: Deployment) -> None:
    before = int(time.time())
    assert iam.connect(connection_id="c=", userArn=ARN) == {"statusCode": 200}
    item = record("c=")
    assert item["owner"] == ARN
    assert before <= item["issued"] <= time.time()
    assert {"expires", "token_id"}.isdisjoint(item)
    iam.claude.reply(Reply())
    frame(iam, action="query", request_id=REQUEST, message="Hi", session_id="travel")
    iam.work()
    (session,) = frame(iam, action="sessions")["sessions"]
    assert session["session_id"] == "travel"
    assert (f"{ARN}/travel", "1") in stored()


def test_a_browser_gets_its_subprotocol_also_where_aws_names_it(iam: Deployment) -> None:
    assert iam.connect({"Sec-WebSocket-Protocol": "bridge"}, userArn=ARN) == {
        "statusCode": 200,
        "headers": {"Sec-WebSocket-Protocol": "bridge"},
    }


@pytest.mark.parametrize("arn", ["", "x" * 257, f"{ARN}#", f"{ARN}\n"])
def test_whom_aws_does_not_name_is_refused_whatever_token_they_have(iam: Deployment, arn: str) -> None:
    assert iam.connect(bearer(), "c=", userArn=arn)["statusCode"] == 401
    assert stored() == {}


def test_an_arn_says_nothing_where_tokens_do(deployment: Deployment) -> None:
    assert deployment.connect(connection_id="c=", userArn=ARN)["statusCode"] == 401
    assert deployment.connect(a_token(), "c=", userArn=ARN) == {"statusCode": 200}
    assert record("c=")["owner"] == "ada"


@pytest.mark.parametrize(
    "attributes", [{"before": 4_000_000_000}, {"tokens": {JTI, OTHER}}], ids=["all", "one"]
)
def test_a_revoked_token_opens_nothing_and_is_not_heard_any_more(
    deployment: Deployment, attributes: dict[str, Any]
) -> None:
    assert deployment.connect(a_token(), "c=") == {"statusCode": 200}
    assert frame(deployment, action="ping") == {"type": "pong"}
    revoke(**attributes)
    refused = deployment.connect(a_token(), "d=")
    assert refused == {"statusCode": 401, "body": "The token was revoked. Connect again with a new one."}
    assert ("connection#d=", "-1") not in stored()
    a_minute_later()
    for fields in (
        {"action": "query", "request_id": REQUEST, "message": "Hi"},
        {"action": "history", "session_id": "travel"},
        {"action": "forget", "session_id": "travel"},
        {"action": "ping"},
    ):
        told = frame(deployment, **fields)
        assert (told["code"], told["retryable"]) == ("unauthorized", False)
        assert "Connect again with a new one" in told["message"]
    told = frame(deployment, action="query", message="Hi")
    assert told["statusCode"] == 401
    assert deployment.work() == []


def test_what_is_revoked_is_the_owners_own_and_of_the_past(deployment: Deployment) -> None:
    now = int(time.time())
    revoke(before=now, tokens={OTHER})
    revoke("eve", before=now + 9999)
    assert deployment.connect(a_token(iat=now)) == {"statusCode": 200}
    assert deployment.connect(a_token(iat=now - 1))["statusCode"] == 401
    assert deployment.connect(a_token(iat=now, jti=OTHER))["statusCode"] == 401
    held = {"sub": "ada", "exp": now + 3600}
    undated = jwt.encode(held, SIGNING_SECRET, algorithm="HS256")
    assert deployment.connect({"Authorization": f"Bearer {undated}"})["statusCode"] == 401


def test_whom_aws_names_is_shut_out_until_they_connect_again(iam: Deployment) -> None:
    iam.connect(connection_id="c=", userArn=ARN)
    revoke(ARN, before=int(time.time()) + 1)
    a_minute_later()
    told = frame(iam, action="sessions")
    assert (told["code"], told["message"]) == ("unauthorized", "This connection was revoked. Connect again.")
    revoke(ARN, before=int(time.time()))
    assert iam.connect(connection_id="d=", userArn=ARN) == {"statusCode": 200}


def test_without_authentication_nothing_is_read_of_what_is_revoked(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTH", "none")
    revoke("anonymous", before=int(time.time()) + 9999)
    calls = aws.Calls(bootstrap._dynamodb())
    assert deployment.connect(connection_id="c=") == {"statusCode": 200}
    assert calls.made == {"PutItem": 1}
    calls.clear()
    assert frame(deployment, action="ping") == {"type": "pong"}
    assert calls.made == {"GetItem": 1}


def test_a_speaker_is_looked_up_once_a_minute(deployment: Deployment) -> None:
    calls = aws.Calls(bootstrap._dynamodb())
    deployment.connect(a_token(), "c=")
    assert calls.made == {"GetItem": 1, "PutItem": 1}
    a_minute_later()
    calls.clear()
    for _ in range(3):
        frame(deployment, action="ping")
    assert calls.made == {"GetItem": 2}


@pytest.mark.parametrize(
    "attributes", [None, {"before": "soon"}, {"tokens": 7}], ids=["throttled", "text", "number"]
)
def test_where_it_cannot_be_read_what_is_revoked_nobody_is_let_in_or_heard_until_it_can(
    deployment: Deployment, attributes: dict[str, Any] | None
) -> None:
    deployment.connect(a_token(), "c=")
    if attributes is None:
        throttle(bootstrap._dynamodb(), "GetItem", "revoked#")
    else:
        revoke(**attributes)
    refused = deployment.connect(a_token(), "d=")
    assert refused["statusCode"] == 503
    assert "Try again" in refused["body"]
    assert ("connection#d=", "-1") not in stored()
    a_minute_later()
    for _ in range(2):
        told = frame(deployment, action="sessions")
        assert (told["code"], told["retryable"]) == ("internal", True)
    bootstrap._dynamodb.cache_clear()
    revoke(before=0)
    a_minute_later()
    assert deployment.connect(a_token(), "d=") == {"statusCode": 200}
    assert frame(deployment, action="sessions")["type"] == "sessions"


def test_a_signing_secret_that_cannot_be_read_lets_nobody_in(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIGNING_SECRET_ARN", aws.create_secret("short"))
    assert deployment.connect(bearer())["statusCode"] == 503
    monkeypatch.setenv("SIGNING_SECRET_ARN", "nowhere")
    bootstrap.doorkeeper.cache_clear()
    assert deployment.connect(bearer())["statusCode"] == 503
    assert stored() == {}


@pytest.fixture
def rated(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    """A deployment that takes three frames a minute of an owner, at the beginning of a minute."""
    monkeypatch.setenv("OWNER_RATE", "3")
    minute = time.time() // 60 * 60
    monkeypatch.setattr(bootstrap, "now", lambda: datetime.fromtimestamp(minute + 7, UTC))
    return deployment


def test_an_owner_sends_so_many_frames_a_minute_over_all_connections(rated: Deployment) -> None:
    ada, eve = Speaker.of(rated, "ada"), Speaker.of(rated, "eve")
    rated.connect(bearer("ada"), "second=")
    ada.say("Hi")
    assert frame(rated, "second=", action="query", message="") == {
        "statusCode": 400,
        "body": '{"error": "\'message\' is empty.", "code": "bad_request"}',
    }
    assert ada.act("history", session_id="nothing")["code"] == "not_found"
    assert frame(rated, "second=", action="sessions")["type"] == "sessions"
    for _ in range(2):
        told = ada.act("query", message="Hi")
        assert (told["code"], told["retryable"], told["retry_after"]) == ("quota_exceeded", True, 53)
        assert "At most 3 frames a minute" in told["message"]
        original = frame(rated, "second=", action="query", message="Hi")
        assert original["statusCode"] == 429
        assert json.loads(original["body"])["code"] == "quota_exceeded"
    assert ada.act("ping")["type"] == "pong"
    assert eve.act("sessions")["type"] == "sessions"
    assert rated.work() == []


def test_each_frame_that_counts_is_one_write(rated: Deployment) -> None:
    ada = Speaker.of(rated, "ada")
    calls = aws.Calls(bootstrap._hasty_dynamodb())
    ada.act("ping")
    assert calls.made == {}
    ada.act("sessions")
    assert calls.made == {"UpdateItem": 1}
    (item,) = (item for key, item in stored().items() if key[0].startswith("rate#"))
    assert item["frames"] == 1


def test_where_frames_cannot_be_counted_they_are_let_through_and_a_flood_is_not(rated: Deployment) -> None:
    ada = Speaker.of(rated, "ada")
    throttle(bootstrap._hasty_dynamodb(), "UpdateItem", "rate#")
    assert [ada.act("sessions")["type"] for _ in range(5)] == ["sessions"] * 3 + ["error"] * 2
    assert "a frame could not be counted" in rated.log.getvalue()


def test_without_a_limit_nothing_is_counted(deployment: Deployment) -> None:
    ada = Speaker.of(deployment, "ada")
    for _ in range(9):
        assert ada.act("sessions")["type"] == "sessions"
    assert not any(key[0].startswith("rate#") for key in stored())
