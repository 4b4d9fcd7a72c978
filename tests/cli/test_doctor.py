"""`bridge doctor`: each step, what fails, and how to mend it."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from bridge_cli import local_aws, tokens
from bridge_cli.profiles import ProfileFile
from tests.cli.conftest import Run
from tests.cli.fake_bridge import FakeBridge

SIGNING = "s" * 64


def checks(run: Run, *arguments: str) -> dict[str, dict[str, Any]]:
    told = run("doctor", "--json", *arguments)
    body = json.loads(told.stdout)
    assert told.exit_code == (0 if body["ok"] else 1)
    return {check["name"]: check for check in body["checks"]}


def failed(told: dict[str, dict[str, Any]]) -> list[str]:
    return [name for name, check in told.items() if check["ok"] is False]


def test_all_in_order(bridge: FakeBridge, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BRIDGE_TOKEN", tokens.mint(SIGNING, "ada"))
    told = checks(run)
    assert failed(told) == []
    assert [name for name, check in told.items() if check["ok"]] == [
        "endpoint", "DNS", "TCP", "token", "handshake", "ping",
    ]  # fmt: skip
    assert "owner ada" in told["token"]["detail"]


def test_marks_are_for_people(bridge: FakeBridge, run: Run) -> None:
    told = run("doctor")
    assert told.exit_code == 0
    assert "✓ ping: answered after" in told.stdout


def test_nothing_is_configured(run: Run) -> None:
    told = checks(run)
    assert failed(told) == ["endpoint"]
    assert "BRIDGE_URL" in told["endpoint"]["mend"]


@pytest.mark.parametrize(
    ("token", "said"),
    [("no token", "not a token"), ("a.b.c", "not a token"), (None, "expired")],
)
def test_a_bad_token(
    bridge: FakeBridge, run: Run, monkeypatch: pytest.MonkeyPatch, token: str | None, said: str
) -> None:
    expired = tokens.mint(SIGNING, "ada", -int(time.time() % 60) - 60)
    monkeypatch.setenv("BRIDGE_TOKEN", token or expired)
    bridge.refusals = [401]
    told = checks(run)
    assert failed(told) == ["token", "handshake"]
    assert said in told["token"]["detail"]
    assert "bridge token create" in told["token"]["mend"]
    assert "expired, revoked, or another environment's" in told["handshake"]["mend"]
    assert f"bridge token revoked --owner {'O' if token else 'ada'}`" in told["handshake"]["mend"]
    assert expired not in json.dumps(told)


def test_nothing_listens(bridge: FakeBridge, run: Run) -> None:
    bridge.stop()
    told = checks(run)
    assert failed(told) == ["TCP"]
    assert "bridge local up" in told["TCP"]["mend"]


def test_no_such_host(run: Run) -> None:
    assert failed(checks(run, "--url", "wss://bridge.invalid/prod")) == ["DNS"]


def test_no_tls_where_it_is_asked_for(bridge: FakeBridge, run: Run) -> None:
    assert failed(checks(run, "--url", bridge.url.replace("ws://", "wss://"))) == ["TLS"]


def test_an_open_profile_file(bridge: FakeBridge, run: Run) -> None:
    file = ProfileFile()
    file.set("default", "url", bridge.url)
    file.path.chmod(0o644)
    told = checks(run)
    assert failed(told) == ["profile file"]
    assert told["profile file"]["mend"].startswith("chmod 600")


def test_a_damaged_profile_file(run: Run) -> None:
    file = ProfileFile()
    file.path.parent.mkdir(parents=True)
    file.path.write_text("{")
    file.path.chmod(0o600)
    assert failed(checks(run)) == ["profile file"]


def test_a_token_sent_in_clear(run: Run) -> None:
    told = checks(run, "--url", "ws://bridge.invalid/prod")
    assert "endpoint" in failed(told)
    assert "wss://" in told["endpoint"]["mend"]


def test_the_bridge_on_this_machine(bridge: FakeBridge, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    status = {"url": bridge.url, "model_note": "A tiny model answers, not Claude.", "tiny_model": True}
    monkeypatch.setattr(local_aws, "_status", lambda: status)
    told = checks(run)
    assert "tiny" in told["local AWS"]["detail"]
    assert "tiny" in told["Anthropic key"]["detail"]
