"""What an operator sees of the deployed bridge: a turn's way through all functions, and all of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.standin import INSTANT
from bridge.remembering import SEAL_AT
from tests.e2e.deployed import Deployed
from tests.e2e.test_command_line import BRIDGE, ROOT
from tests.e2e.test_memory import wait_for


class Operator:
    """Somebody on the machine on which the local AWS runs."""

    def __init__(self, bridge: Deployed, home: Path) -> None:
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "PYTHONPATH": f"{ROOT / 'cli'}:{ROOT / 'local'}",
            "BRIDGE_LOCAL_STATE": bridge.status.state_dir,
        }

    def run(self, *arguments: str) -> list[Any]:
        """Return the JSON lines that a command prints."""
        done = subprocess.run(
            [sys.executable, *BRIDGE[1:], *arguments, "--json"],
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def operator(bridge: Deployed, tmp_path: Path) -> Operator:
    return Operator(bridge, tmp_path)


def test_a_turn_is_followed_from_its_connection_into_the_memory(
    bridge: Deployed, operator: Operator, session: str
) -> None:
    with bridge.connect() as wire:
        answers = [wire.ask("A code word.", session_id=session, model=INSTANT)[1] for _ in range(SEAL_AT)]
    request_id = str(answers[0]["request_id"])
    functions = {"connect", "message", "answer", "remember", "disconnect"}

    def followed() -> list[dict[str, Any]]:
        lines = operator.run("logs", request_id)
        return lines if {line.get("function") for line in lines} == functions else []

    lines = wait_for(followed)
    assert lines == sorted(lines, key=lambda line: str(line["time"]))
    answer = next(line for line in lines if line["function"] == "answer")
    assert (answer["message"], answer["fields"]["turn"]) == ("turn answered", 1)
    assert {line["fields"].get("correlation_id") for line in lines if line["function"] == "message"} == {
        request_id
    }
    (top,) = operator.run("top")
    assert top["turns"]["answered"] >= SEAL_AT
    assert top["dollars"]["output"] > 0
    assert top["first_token_ms"]["p50"] > 0
