"""`auth: iam`: handshakes signed with AWS credentials, checked by a server that recomputes the signature."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.credentials import Credentials, RefreshableCredentials
from moto import mock_aws
from websockets.asyncio.server import ServerConnection

from bridge_cli.aws import AwsAccess
from bridge_cli.client import BridgeClient
from bridge_cli.endpoint import Endpoint
from bridge_cli.signing import Signature, refused
from tests.cli.conftest import Run
from tests.cli.fake_bridge import FakeBridge, Frame, abort
from tests.cli.signature_check import SigningBridge

KEY_ID = "AKIDEXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
SESSION_TOKEN = "IQoJb3JpZ2luX2Vj//example+token=="


@pytest.fixture
def iam(monkeypatch: pytest.MonkeyPatch) -> Iterator[SigningBridge]:
    with SigningBridge() as running:
        running.secrets[KEY_ID] = SECRET
        monkeypatch.setenv("BRIDGE_URL", running.url)
        monkeypatch.setenv("BRIDGE_AUTH", "iam")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY_ID)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        monkeypatch.setenv("AWS_REGION", "eu-central-1")
        yield running


def connect(url: str, access: AwsAccess | None = None) -> None:
    async def once() -> None:
        async with BridgeClient(Endpoint(url, sign=Signature(access or AwsAccess(), url))) as bridge:
            await bridge.ping()

    asyncio.run(once())


def test_a_signed_handshake_is_let_in_and_bears_no_token(
    iam: SigningBridge, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BRIDGE_TOKEN", "a.b.c")
    assert run("ask", "Hi", "plans").stdout == "Hello, world\n"
    assert iam.complaints == []
    assert "a.b.c" not in str(iam.handshakes[0])
    assert "X-Amz-Security-Token" not in iam.handshakes[0]


def test_a_session_token_is_sent_and_signed(iam: SigningBridge, monkeypatch: pytest.MonkeyPatch) -> None:
    iam.session_tokens[KEY_ID] = SESSION_TOKEN
    monkeypatch.setenv("AWS_SESSION_TOKEN", SESSION_TOKEN)
    connect(iam.url)
    assert "x-amz-security-token" in iam.handshakes[0]["Authorization"]


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/prod/",
        "/my%20stage",
        "/stäge",
        "/prod?b=2&a=1&a=0",
        "/prod?key=a/b:c&empty=&bare",
        "/prod?name=two%20words%2Bplus&ü=é",
    ],
)
def test_whatever_the_url_looks_like_the_signature_is_of_what_is_sent(iam: SigningBridge, path: str) -> None:
    connect(iam.url.removesuffix("/test") + path)
    assert iam.complaints == []


def cut_off(iam: SigningBridge, then: Callable[[], None]) -> None:
    """Cut the next question's connection, after `then`."""

    async def cut(bridge: FakeBridge, connection: ServerConnection, frame: Frame) -> None:
        then()
        abort(connection)

    iam.behaviours.append(cut)


def test_each_handshake_is_signed_anew(iam: SigningBridge, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def renew() -> None:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDRENEWED")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "other")
        iam.secrets = {"AKIDRENEWED": "other"}

    cut_off(iam, renew)
    assert run("ask", "Hi", "plans").stdout == "Hello, world\n"
    assert iam.complaints == []
    assert KEY_ID in iam.handshakes[0]["Authorization"]
    assert "AKIDRENEWED" in iam.handshakes[1]["Authorization"]


def test_credentials_that_renew_themselves_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def renewed() -> dict[str, str]:
        asked.append("renew")
        expires = datetime.now(UTC) + timedelta(minutes=5 if len(asked) < 3 else 60)
        return {
            "access_key": f"AKID{len(asked)}",
            "secret_key": "s",
            "token": "t",
            "expiry_time": expires.isoformat(),
        }

    class Session:
        looked = 0

        def get_credentials(self) -> Any:
            Session.looked += 1
            return RefreshableCredentials.create_from_metadata(renewed(), renewed, "test")

    monkeypatch.setattr(AwsAccess, "session", lambda self: Session())
    signature = Signature(AwsAccess(), "wss://x.execute-api.eu-central-1.amazonaws.com/prod")
    ids = [signature()["Authorization"].split("=")[1].split("/")[0] for _ in range(3)]
    assert Session.looked == 1
    assert ids[-1] == "AKID3"


@pytest.mark.parametrize(
    ("url", "region"),
    [
        ("wss://abc.execute-api.us-west-2.amazonaws.com/prod", "us-west-2"),
        ("wss://abc.execute-api.cn-north-1.amazonaws.com.cn/prod", "cn-north-1"),
        ("wss://vpce-1-abc.execute-api.eu-west-1.vpce.amazonaws.com/prod", "eu-west-1"),
        ("wss://bridge.example.org/", "eu-central-1"),
        ("wss://x.execute-api.us-west-2.amazonaws.com.example.org/", "eu-central-1"),
    ],
)
def test_the_region_is_the_urls_else_the_one_that_is_set(
    monkeypatch: pytest.MonkeyPatch, url: str, region: str
) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setattr(Signature, "credentials", lambda self: Credentials(KEY_ID, SECRET))
    assert f"/{region}/execute-api/" in Signature(AwsAccess(), url)()["Authorization"]


def told(*arguments: str, run: Run) -> str:
    result = run("ask", "Hi", "plans", *arguments)
    assert result.exit_code == 3
    assert SECRET not in result.output
    return result.stderr


def test_what_is_missing_is_told(iam: SigningBridge, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_REGION")
    assert "AWS_REGION" in told(run=run)
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert "there are no AWS credentials" in told(run=run)
    monkeypatch.setenv("AWS_PROFILE", "nowhere")
    assert "nowhere" in told(run=run)
    assert iam.paths == []


def test_credentials_that_have_expired_are_told_before_they_are_sent(
    iam: SigningBridge, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_CREDENTIAL_EXPIRATION", "2020-01-01T00:00:00Z")
    assert "have expired" in told(run=run)
    assert iam.paths == []


def test_a_refusal_is_told_with_its_reason(
    iam: SigningBridge, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET[:-1])
    assert "the signature wrong" in told(run=run)
    monkeypatch.setenv("AWS_SESSION_TOKEN", "old")
    assert "expired" in told(run=run)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDOTHER")
    assert "does not know" in told(run=run)


@pytest.mark.parametrize(
    ("status", "kind", "said"),
    [
        (403, "AccessDeniedException", "execute-api:Invoke"),
        (403, None, "execute-api:Invoke"),
        (403, "ExpiredTokenException:http://internal.amazon.com/", "renew"),
        (401, None, "auth token"),
    ],
)
def test_refusals_say_what_to_do(status: int, kind: str | None, said: str) -> None:
    error = refused(status, kind)
    assert said in error.hint
    assert error.status == status
    assert "\n" not in error.message


def test_a_bridge_that_wants_a_signature_says_so_to_whom_has_none(
    iam: SigningBridge, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BRIDGE_AUTH")
    assert "BRIDGE_AUTH=iam" in told(run=run)


def test_a_profile_says_that_it_signs(iam: SigningBridge, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BRIDGE_URL")
    monkeypatch.delenv("BRIDGE_AUTH")
    assert run("config", "set", "auth", "both").exit_code == 2
    for name, value in (("url", iam.url), ("auth", "iam")):
        assert run("config", "set", name, value, "--profile", "prod").exit_code == 0
    assert run("ask", "Hi", "plans", "--profile", "prod").exit_code == 0
    monkeypatch.setenv("BRIDGE_AUTH", "none")
    assert run("ask", "Hi", "plans", "--profile", "prod").exit_code == 0
    monkeypatch.setenv("BRIDGE_PROFILE", "prod")
    assert "wants a token" in told(run=run)
    monkeypatch.setenv("BRIDGE_AUTH", "nonsense")
    assert run("ask", "Hi", "plans").exit_code == 2


def test_a_token_file_that_is_named_is_stronger(iam: SigningBridge, run: Run, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("a.b.c")
    assert "your token was refused" in told("--token-file", str(tmp_path / "token"), run=run)


def test_credentials_that_are_gone_when_it_reconnects_are_told(
    iam: SigningBridge, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_off(iam, lambda: monkeypatch.delenv("AWS_ACCESS_KEY_ID"))
    assert "credentials" in told(run=run)


def checks(run: Run) -> dict[str, dict[str, Any]]:
    return {check["name"]: check for check in json.loads(run("doctor", "--json").stdout)["checks"]}


def test_doctor_says_who_one_is(iam: SigningBridge, run: Run) -> None:
    with mock_aws(config={"core": {"mock_credentials": False}}):  # those of the environment
        found = checks(run)
    assert "owner arn:aws:" in found["AWS credentials"]["detail"]
    assert found["AWS credentials"]["ok"]
    assert found["handshake"]["ok"]
    assert "token" not in found


def test_doctor_says_what_is_wrong_with_the_credentials(
    iam: SigningBridge, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    found = checks(run)
    assert found["AWS credentials"]["ok"] is False
    assert "AWS_PROFILE" in found["AWS credentials"]["mend"]
    assert found["handshake"]["ok"] is False
