"""A refusal tells what is wrong, and nothing of the secret that was shown."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import boto3
import jwt
import pytest

from bridge import bootstrap
from tests import aws
from tests.contract.conftest import SIGNING_SECRET, Deployment
from tests.contract.test_who_may_speak import a_minute_later, frame, revoke, throttle

CLAIMS: dict[str, Any] = {
    "sub": "adalovelace",
    "exp": 4_000_000_000,
    "iat": 1_700_000_000,
    "jti": "b2f1c3d4e5f60718" * 2,
}


def token(key: str = SIGNING_SECRET, **claims: Any) -> str:
    return sealed(json.dumps(CLAIMS | claims).encode(), key)


def sealed(claims: bytes, key: str = SIGNING_SECRET) -> str:
    return jwt.api_jws.PyJWS().encode(claims, key, algorithm="HS256")


REFUSED = {
    "forged": token("x" * 64),
    "sealed anew": f"{token().rpartition('.')[0]}.{base64.urlsafe_b64encode(b'forged' * 6).decode()}",
    "HS512": jwt.encode(CLAIMS, SIGNING_SECRET, algorithm="HS512"),
    "unsigned": jwt.encode(CLAIMS, "", algorithm="none"),
    "expired": token(exp=1_700_000_001),
    "not yet": token(nbf=3_999_999_999),
    "of the future": token(iat=3_999_999_999),
    "a date": token(exp="2033-05-18T03:33:20Z"),
    "for another": token(aud="anotherservice"),
    "no owner": token(sub="ada#lovelace"),
    "no id": token(jti="b2f1c3d4\u200be5f60718"),
    "no JSON": sealed(b"adalovelace"),
    "too long": token(note="adalovelace" * 900),
    "two": f"{token()} {token(sub='evelovelace')}",
    "line break": f"{token()[:40]}\n{token()[40:]}",
    "padded": f"{token()}=====",
}


class Ears:
    """All that is told or logged, by whatever way."""

    def __init__(
        self, deployment: Deployment, out: pytest.CaptureFixture[str], log: pytest.LogCaptureFixture
    ) -> None:
        self._deployment = deployment
        self._out = out
        self._log = log
        self._told = ""

    def hear(self, reply: object) -> None:
        self._told += json.dumps(reply)

    def heard(self) -> str:
        captured = self._out.readouterr()
        logged = self._deployment.log.getvalue()
        assert logged
        return self._told + logged + captured.out + captured.err + self._log.text

    def assert_nothing_of(self, *shown: str) -> None:
        """Nothing of what was shown: neither as it was, nor decoded, nor cut."""
        heard = self.heard()
        for text in shown:
            pieces = {text[start : start + 12] for start in range(0, max(len(text) - 12, 1), 4)}
            assert not [piece for piece in pieces if piece in heard]
        for told in ("lovelace", "b2f1c3d4", "e5f60718", SIGNING_SECRET, "marker", "eyJ"):
            assert told not in heard


@pytest.fixture
def ears(
    deployment: Deployment, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> Ears:
    return Ears(deployment, capsys, caplog)


SHOWN: dict[str, Callable[[str], dict[str, str]]] = {
    "header": lambda shown: {"Authorization": f"Bearer {shown}"},
    "subprotocol": lambda shown: {"Sec-WebSocket-Protocol": f"bridge, bearer.{shown}"},
    "no scheme": lambda shown: {"Authorization": shown},
    "two headers": lambda shown: {"Authorization": f"Bearer {shown}", "authorization": f"Bearer {shown}"},
    "two subprotocols": lambda shown: {"Sec-WebSocket-Protocol": f"bearer.{shown}, bearer.x{shown}"},
}


@pytest.mark.parametrize("way", SHOWN)
def test_a_handshake_that_is_refused_leaves_nothing_of_its_token(
    deployment: Deployment, ears: Ears, way: str
) -> None:
    for shown in REFUSED.values():
        reply = deployment.connect(SHOWN[way](shown), "c=")
        assert (reply["statusCode"], set(reply)) == (401, {"statusCode", "body"})
        ears.hear(reply)
    assert "refused" in ears.heard()
    ears.assert_nothing_of(*REFUSED.values())


def test_one_that_is_let_in_leaves_nothing_either(deployment: Deployment, ears: Ears) -> None:
    good = token()
    for way in ("header", "subprotocol"):
        reply = deployment.connect(SHOWN[way](good), "c=")
        assert reply["statusCode"] == 200
        ears.hear(reply)
    ears.assert_nothing_of(good)


def test_a_revoked_or_expired_token_is_refused_without_a_word_of_it(
    deployment: Deployment, ears: Ears, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = token()
    soon = token(exp=int(time.time()) + 60)
    deployment.connect(SHOWN["header"](shown), "c=")
    deployment.connect(SHOWN["header"](soon), "d=")
    later = bootstrap.now() + timedelta(seconds=61)
    revoke(CLAIMS["sub"], tokens={CLAIMS["jti"]})
    a_minute_later()
    ears.hear(deployment.connect(SHOWN["header"](shown), "e="))
    for fields in ({"action": "sessions"}, {"action": "query", "message": "Hi"}):
        told = frame(deployment, "c=", **fields)
        assert "unauthorized" in json.dumps(told)
        ears.hear(told)
    monkeypatch.setattr(bootstrap, "now", lambda: later)
    a_minute_later()
    told = frame(deployment, "d=", action="sessions")
    assert "expired" in told["message"]
    ears.hear(told)
    ears.assert_nothing_of(shown, soon)


def test_what_fails_in_the_bridge_leaves_nothing_of_the_token(
    deployment: Deployment, ears: Ears, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = token()
    deployment.connect(SHOWN["header"](shown), "c=")
    a_minute_later()
    throttle(bootstrap._dynamodb(), "GetItem", "revoked#")
    ears.hear(deployment.connect(SHOWN["header"](shown), "d="))
    ears.hear(frame(deployment, "c=", action="sessions"))
    bootstrap._dynamodb.cache_clear()
    monkeypatch.setenv("SIGNING_SECRET_ARN", aws.create_secret("short-marker"))
    bootstrap.doorkeeper.cache_clear()
    ears.hear(deployment.connect(SHOWN["header"](shown), "d="))
    monkeypatch.setenv("SIGNING_SECRET_ARN", "nowhere")
    bootstrap.doorkeeper.cache_clear()
    ears.hear(deployment.connect(SHOWN["header"](shown), "d="))
    monkeypatch.setenv("AUTH", "nothing")
    bootstrap.settings.cache_clear()
    bootstrap.doorkeeper.cache_clear()
    ears.hear(deployment.connect(SHOWN["header"](shown), "d="))
    assert ears.heard().count('"statusCode": 503') == 4
    ears.assert_nothing_of(shown)


def test_a_token_that_strayed_into_a_frame_is_not_logged(deployment: Deployment, ears: Ears) -> None:
    shown = token()
    deployment.connect(SHOWN["header"](shown), "c=")
    for fields in (
        {"action": shown},
        {"action": "ping", "request_id": shown},
        {"action": "history", "session_id": shown},
        {"action": "query", "message": "Hi", "model": shown},
        {"action": "sessions", "before": shown},
        {"action": "sessions", "token": shown},
        {shown: shown},
    ):
        frame(deployment, "c=", **fields)
    deployment.receive(shown)
    client = boto3.client("dynamodb", region_name=aws.REGION)
    client.delete_table(TableName=aws.SESSIONS_TABLE)
    frame(deployment, "c=", action="history", session_id="x", before="1", token=shown)
    ears.assert_nothing_of(shown)
