"""`bridge recall` and `bridge forget`."""

from __future__ import annotations

import json
import re

import pytest

from bridge_cli import sessions
from bridge_cli.endpoint import Endpoint
from bridge_cli.memory import Memory
from bridge_cli.tables import local_time, print_memories
from tests.cli import fake_bridge
from tests.cli.conftest import Run
from tests.cli.fake_bridge import FakeBridge, Frame, failure


def test_recall_in_a_pipe_names_where_each_passage_is_from(filled: FakeBridge, run: Run) -> None:
    told = run("recall", "launch word")
    assert told.stdout == (
        "[plans 1] You, 2026-11-22T19:37:40.123Z, score 2.00\nThe launch word is\nmarmalade\n\n"
        "[other 1] You, 2026-11-22T19:37:40.123Z, score 1.00\na launch\n\n"
    )
    assert (told.stderr, told.exit_code) == ("", 0)
    sent = filled.sent("recall")[0]
    assert (sent["text"], sent["limit"]) == ("launch word", 10)
    assert "session_id" not in sent


def test_recall_in_one_session_and_as_json(filled: FakeBridge, run: Run) -> None:
    told = json.loads(run("recall", "launch word", "-s", "other", "-n", "3", "--json").stdout)
    assert told == {
        "memories": [
            {
                "session_id": "other",
                "turn": 1,
                "role": "user",
                "at": "2026-11-22T19:37:40.123Z",
                "text": "a launch",
                "score": 1.0,
            }
        ]
    }
    assert filled.sent("recall")[0]["limit"] == 3


@pytest.mark.parametrize("arguments", [["-"], []])
def test_what_is_recalled_for_may_be_piped_in(filled: FakeBridge, run: Run, arguments: list[str]) -> None:
    assert "[other 1]" in run("recall", *arguments, input="launch\n").stdout
    assert filled.sent("recall")[0]["text"] == "launch"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["recall", "-"], "the text is empty"),
        (["recall", "x", "--limit", "51"], "50"),
        (["recall", "x", "--session", "my plans"], "cannot name a session"),
        (["forget"], "bridge forget --everything"),
        (["forget", "", "--yes"], "bridge sessions"),
        (["forget", "plans", "--everything", "--yes"], "exclude one another"),
        (["forget", "--everything"], "--yes"),
        (["forget", "my plans", "--yes"], "cannot name a session"),
        (["forget", "plans"], "--yes"),
        (["usage", "my plans"], "cannot name a session"),
        (["ask", "x", "--recall", "all"], "'owner', 'session', 'off'"),
        (["chat", "--recall", "all"], "'owner', 'session', 'off'"),
        (["config", "set", "recall", "all"], "`owner`"),
    ],
)
def test_wrong_usage_says_what_to_do_and_sends_nothing(
    filled: FakeBridge, run: Run, arguments: list[str], said: str
) -> None:
    told = run(*arguments)
    assert told.exit_code == 2
    assert said in told.stderr
    assert filled.received == []


def test_nothing_remembered_is_no_error(bridge: FakeBridge, run: Run) -> None:
    told = run("recall", "launch")
    assert (told.stdout, told.exit_code) == ("", 0)


@pytest.mark.parametrize("arguments", [["recall", "x"], ["forget", "plans", "--yes"], ["usage"]])
def test_an_older_bridge_is_told_so(bridge: FakeBridge, run: Run, arguments: list[str]) -> None:
    bridge.older = True
    told = run(*arguments)
    assert told.exit_code == 1
    assert "older than this client" in told.stderr
    assert json.loads(run(*arguments, "--json").stdout)["error"]["code"] == "unknown_action"


def test_on_a_terminal_passages_wrap_and_steer_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    at = "2026-11-22T21:34:52.605Z"
    print_memories([Memory("plans", 3, "assistant", at, 0.5, "some [bold]words[/] \x1b]0;evil\x07" * 5)])
    shown = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)
    head, *text = shown.splitlines()
    said = " ".join(shown.split())
    assert head.startswith("plans · turn 3 · Claude")
    assert local_time(at) in said
    assert "[bold]words[/]" in said
    assert "\x1b]0" not in said
    assert all(len(line) <= 40 for line in text)
    print_memories([])
    assert "Nothing" in capsys.readouterr().out


def test_forget_tells_what_went_and_ends_continue(filled: FakeBridge, run: Run) -> None:
    run("ask", "Hi", "plans")
    told = run("forget", "plans", "other", "plans", "--yes")
    assert told.stderr == "Forgot plans: 2 exchanges.\nForgot other: 1 exchange.\n"
    assert (told.stdout, told.exit_code) == ("", 0)
    assert filled.exchanges == {}
    assert "no session was used" in run("ask", "Hi", "--continue").stderr


def test_forget_leaves_another_last_session_alone(filled: FakeBridge, run: Run) -> None:
    run("ask", "Hi", "plans")
    run("forget", "other", "--yes")
    assert sessions.last(Endpoint(filled.url)) == "plans"


def test_nothing_under_a_name_is_told_and_is_exit_code_1(filled: FakeBridge, run: Run) -> None:
    told = run("forget", "nowhere", "plans", "--yes")
    assert told.exit_code == 1
    assert "Nothing was kept under nowhere yet; a message of it that was under way is dropped." in told.stderr
    assert "`bridge sessions`" in told.stderr
    assert "Forgot plans: 1 exchange." in told.stderr
    told = run("forget", "nowhere", "--yes", "--json")
    assert told.exit_code == 1
    assert json.loads(told.stdout) == {"forgotten": [{"session_id": "nowhere", "exchanges": 0}]}


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 1), ("\n", 1)])
def test_on_a_terminal_it_asks_first(
    filled: FakeBridge, run: Run, monkeypatch: pytest.MonkeyPatch, answer: str, code: int
) -> None:
    monkeypatch.setattr("bridge_cli.commands.remembering._on_terminal", lambda: True)
    told = run("forget", "plans", input=answer)
    assert told.exit_code == code
    assert "Forget plans for good?" in told.stderr
    assert "up to 18 days" in told.stderr
    assert ("plans" not in filled.exchanges) == (code == 0)
    assert ("Nothing was forgotten." in told.stderr) == (code == 1)


def test_what_was_forgotten_before_an_error_is_told(
    filled: FakeBridge, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(bridge: FakeBridge, frame: Frame) -> Frame:
        if frame["session_id"] == "plans":
            return fake_bridge.forget(bridge, frame)
        return failure("internal", "it broke", frame["request_id"])

    monkeypatch.setitem(fake_bridge.MEMORY_ACTIONS, "forget", fail)
    told = run("forget", "plans", "other", "--yes")
    assert told.exit_code == 1
    assert told.stderr.startswith("Forgot plans: 1 exchange.\nbridge: it broke\n")
    assert "other" in filled.exchanges
