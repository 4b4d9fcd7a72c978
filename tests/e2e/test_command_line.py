"""The command line against the deployed bridge, as a person and as a script use it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.standin import INSTANT
from tests.e2e.deployed import CLAUDE, Deployed
from tests.e2e.test_conversation import INSTANT_TEXT

Done = subprocess.CompletedProcess[str]
Run = Callable[..., Done]

ROOT = Path(__file__).parents[2]
BRIDGE = [sys.executable, "-c", "from bridge_cli.main import run; run()"]


@pytest.fixture
def run(bridge: Deployed, tmp_path: Path) -> Run:
    """Run `bridge` with a configuration of its own, and the endpoint in the environment."""

    def run(*arguments: str, stdin: str = "", token: str | None = None) -> Done:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "PYTHONPATH": f"{ROOT / 'cli'}:{ROOT / 'local'}",
            "BRIDGE_URL": bridge.url,
            "BRIDGE_TOKEN": token or bridge.token(bridge.owner),
        }
        return subprocess.run(
            [*BRIDGE, *arguments], input=stdin, env=environment, capture_output=True, text=True, check=False
        )

    return run


def test_ask_prints_the_answer_and_nothing_else(run: Run, session: str) -> None:
    done = run("ask", "Hello", session, "--model", INSTANT)
    assert (done.returncode, done.stdout) == (0, INSTANT_TEXT + "\n"), done.stderr


def test_what_was_asked_is_listed_and_read_again(run: Run, session: str) -> None:
    asked = json.loads(run("ask", "--json", "-", session, "--model", INSTANT, stdin="Hello 😀\n").stdout)
    assert (asked["session_id"], asked["turn"], asked["text"]) == (session, 1, INSTANT_TEXT)
    listed = json.loads(run("sessions", "--json").stdout)
    assert session in [entry["session_id"] for entry in listed["sessions"]]
    kept = json.loads(run("history", session, "--json").stdout)["exchanges"]
    assert kept[0]["context"][0]["content"].strip() == "Hello 😀"


def test_a_long_question_goes_through_a_pipe(run: Run, bridge: Deployed, session: str) -> None:
    question = "A long story. " * 4000
    assert run("ask", "-", session, "--model", INSTANT, stdin=question).returncode == 0
    assert bridge.last_request()["messages"][-1]["content"][0]["text"].strip() == question.strip()


def test_an_error_of_claudes_is_told_in_a_line(run: Run, session: str, claude: object) -> None:
    claude.fail(400)  # type: ignore[attr-defined]
    done = run("ask", "Hello", session, "--model", CLAUDE)
    assert done.returncode == 1
    assert done.stdout.strip() == ""
    assert "Traceback" not in done.stderr
    assert "400" in done.stderr


def test_a_refused_token_is_told_in_a_line(run: Run, bridge: Deployed) -> None:
    done = run("ask", "Hello", token=bridge.token(bridge.owner, expires=-10))
    assert done.returncode == 3
    assert "Traceback" not in done.stderr
    assert "token" in done.stderr


def test_doctor_finds_nothing_wrong(run: Run) -> None:
    done = run("doctor")
    assert done.returncode == 0, done.stdout + done.stderr
