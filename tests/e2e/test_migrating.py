"""What the original's table holds goes on in the deployed bridge, as its operator migrates it."""

from __future__ import annotations

import os
import subprocess
import uuid
from pathlib import Path

from bench.standin import INSTANT
from bridge_local.deployment import STACK
from tests.cli.originals import conversation, item, table
from tests.e2e.deployed import Deployed
from tests.e2e.test_command_line import BRIDGE, ROOT

PLANS = conversation("The launch code word is marmalade.", "Noted.", "And when is it?", "On Friday.")


def migrate(bridge: Deployed, source: str, home: Path) -> str:
    """Say `bridge migrate` with the local AWS for AWS; return what it told."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "PYTHONPATH": f"{ROOT / 'cli'}:{ROOT / 'local'}",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{bridge.port}",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "000000000000",
        "AWS_SECRET_ACCESS_KEY": "local",
    }
    command = ["migrate", "--from", source, "--owner", bridge.owner, "--stack", STACK]
    done = subprocess.run([*BRIDGE, *command], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_a_migrated_session_goes_on_and_is_recalled(bridge: Deployed, session: str, tmp_path: Path) -> None:
    items = [item(session, PLANS, last_updated="2024-03-01T10:00:00")]
    source = table(bridge.aws("dynamodb"), *items, name=f"original-{uuid.uuid4().hex[:12]}")
    assert "4 written in 2 exchanges" in migrate(bridge, source, tmp_path)
    assert "4 there already" in migrate(bridge, source, tmp_path)
    with bridge.connect() as wire:
        _, answer = wire.ask("Where were we?", session_id=session, model=INSTANT)
        told = bridge.last_request()["messages"]
        assert [each["content"][0]["text"] for each in told[:4]] == [each["content"] for each in PLANS]
        assert (answer["turn"], answer["memory"]["window_messages"]) == (3, 4)
        wire.ask("What is the launch code word?", session_id=f"{session}-new", model=INSTANT)
    recalled, _ = bridge.last_request()["messages"][-1]["content"]
    assert "The launch code word is marmalade." in recalled["text"]
