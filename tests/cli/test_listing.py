"""`bridge sessions` and `bridge history`."""

from __future__ import annotations

import json

import pytest

from bridge_cli.events import Session
from bridge_cli.tables import local_time, print_sessions
from tests.cli.conftest import Run
from tests.cli.fake_bridge import FakeBridge


@pytest.fixture
def filled(bridge: FakeBridge) -> FakeBridge:
    bridge.sessions = [
        {
            "session_id": f"plans-{number}",
            "title": f"Title\t{number}\nof two lines",
            "turns": number,
            "last_updated": "2026-11-22T19:37:40.123Z",
        }
        for number in range(5)
    ]
    for number in range(5):
        frame = {"session_id": "plans", "message": f"Question {number}", "request_id": f"r{number}"}
        bridge.keep(frame)
    return bridge


def test_sessions_are_tab_separated_in_a_pipe(filled: FakeBridge, run: Run) -> None:
    told = run("sessions", "--limit", "2")
    assert told.stdout.splitlines() == [
        "plans-0\t0\t2026-11-22T19:37:40.123Z\tTitle 0 of two lines",
        "plans-1\t1\t2026-11-22T19:37:40.123Z\tTitle 1 of two lines",
    ]
    assert "--before 2" in told.stderr
    assert run("sessions", "--limit", "2", "--before", "2").stdout.startswith("plans-2\t")


def test_all_sessions_as_json(filled: FakeBridge, run: Run) -> None:
    told = json.loads(run("sessions", "--all", "--limit", "2", "--json").stdout)
    assert [one["session_id"] for one in told["sessions"]] == [f"plans-{number}" for number in range(5)]
    assert told["before"] is None


def test_history_is_the_last_page_oldest_first(filled: FakeBridge, run: Run) -> None:
    told = run("history", "plans", "--limit", "2")
    assert told.stdout.startswith("[4] You, 2026-11-22T19:37:40.123Z\nQuestion 3\n\n[4] Claude, ")
    assert told.stdout.endswith("Hello, world\n\n")
    assert "--before 3" in told.stderr
    assert run("history", "plans", "--before", "3", "--limit", "1").stdout.startswith("[3] You")


def test_the_whole_history_as_json(filled: FakeBridge, run: Run) -> None:
    told = json.loads(run("history", "plans", "--all", "--limit", "2", "--json").stdout)
    assert [one["turn"] for one in told["exchanges"]] == [1, 2, 3, 4, 5]
    assert told["exchanges"][0]["context"][0] == {"role": "user", "content": "Question 0"}
    assert (told["session_id"], told["before"]) == ("plans", None)


def test_a_failed_turn_says_so(filled: FakeBridge, run: Run) -> None:
    frame = {"session_id": "sad", "message": "Q", "request_id": "r"}
    context = [{"role": "user", "content": "Q"}]
    filled.keep(
        frame, context=context, stop_reason="error", error={"code": "internal", "message": "it broke"}
    )
    assert "[1] No answer: it broke (internal)" in run("history", "sad").stdout
    assert json.loads(run("history", "sad", "--json").stdout)["exchanges"][0]["error"]["code"] == "internal"


def test_an_unknown_session_is_an_error_with_a_next_step(bridge: FakeBridge, run: Run) -> None:
    told = run("history", "nowhere")
    assert told.exit_code == 1
    assert "bridge sessions" in told.stderr
    told = run("history", "nowhere", "--json")
    assert json.loads(told.stdout)["error"]["code"] == "not_found"


def test_on_a_narrow_terminal_only_titles_are_cut(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    print_sessions([Session("chat-m36wydxg", "What is it? " * 6, 12, "2026-11-22T21:34:52.605Z")])
    row = capsys.readouterr().out.splitlines()[1]
    assert row.split()[:2] == ["chat-m36wydxg", "12"]
    assert local_time("2026-11-22T21:34:52.605Z") in row
    assert row.rstrip().endswith("…")


def test_what_a_session_was_told_to_be_stands_below_its_history(filled: FakeBridge, run: Run) -> None:
    assert json.loads(run("history", "plans", "--json").stdout)["system"] is None
    assert "instructions" not in run("history", "plans").stderr
    filled.instructions["plans"] = "Answer in \x1b[31mFrench."
    assert json.loads(run("history", "plans", "--json").stdout)["system"] == "Answer in \x1b[31mFrench."
    told = run("history", "plans").stderr
    assert "The session's own instructions: Answer in " in told
    assert "\x1b" not in told
