"""Every test has a home of its own, an environment without settings, and no way to AWS but moto's."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from bridge_cli import local_aws
from bridge_cli.main import app
from tests.cli.fake_aws import STACK, FakeAws, fake_aws
from tests.cli.fake_bridge import FakeBridge
from tests.cli.mcp_clients import TOKEN, Assistants

Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in list(os.environ):
        if name.startswith(("BRIDGE_", "AWS_", "ANTHROPIC_", "XDG_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "aws-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "aws-credentials"))
    monkeypatch.setattr(local_aws, "_status", lambda: None)
    return tmp_path


@pytest.fixture
def bridge(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeBridge]:
    with FakeBridge() as running:
        monkeypatch.setenv("BRIDGE_URL", running.url)
        yield running


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeAws]:
    with fake_aws(monkeypatch) as running:
        yield running


@pytest.fixture
def filled(bridge: FakeBridge) -> FakeBridge:
    for session, message in [("plans", "The launch word is\nmarmalade"), ("other", "a launch")]:
        bridge.keep({"session_id": session, "message": message, "request_id": session})
    return bridge


@pytest.fixture
def assistants(bridge: FakeBridge, tmp_path: Path) -> Assistants:
    return Assistants({"BRIDGE_URL": bridge.url, "BRIDGE_TOKEN": TOKEN}, tmp_path / "mcp.log")


@pytest.fixture
def run() -> Run:
    def invoke(*arguments: str, **more: Any) -> Result:
        result = CliRunner().invoke(app, list(arguments), prog_name="bridge", **more)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    return invoke


@pytest.fixture
def dynamodb(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> Any:
    """DynamoDB, with the tables of the stack that is meant where none is named."""
    monkeypatch.setenv("BRIDGE_STACK", STACK)
    return aws.add_tables()
