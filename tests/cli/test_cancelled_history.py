"""Cancelled turns, where they are read later."""

from __future__ import annotations

import json

import pytest

from bridge_cli.events import Answer
from bridge_cli.exchanges import Exchange
from bridge_cli.tables import print_exchanges
from bridge_cli.why import why
from tests.cli.conftest import Run
from tests.cli.fake_bridge import FakeBridge

ASKED = {"role": "user", "content": "Hi"}
SAID = {"role": "assistant", "content": "Half an"}


@pytest.fixture
def kept(bridge: FakeBridge) -> FakeBridge:
    for context in ([ASKED, SAID], [ASKED]):
        frame = {"session_id": "plans", "message": "Hi", "request_id": "r"}
        bridge.keep(frame, context=context, stop_reason="cancelled")
    return bridge


def test_in_a_pipe(kept: FakeBridge, run: Run) -> None:
    shown = run("history", "plans").stdout
    assert "Half an\n\n[1] Cancelled.\n\n" in shown
    assert shown.endswith("Hi\n\n[2] Cancelled before Claude said anything.\n\n")
    told = json.loads(run("history", "plans", "--json").stdout)["exchanges"]
    assert [one["stop_reason"] for one in told] == ["cancelled", "cancelled"]
    assert "error" not in told[0]


def test_on_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    print_exchanges([Exchange(1, "", (("user", "Hi"), ("assistant", "Half an")), stop_reason="cancelled")])
    assert "Cancelled." in capsys.readouterr().out


def test_why_says_what_its_tokens_are() -> None:
    answer = Answer("r", "plans", 1, "cancelled", "claude", {"input_tokens": 5, "output_tokens": 2})
    assert any("cancelled" in line and "estimated" in line for line in why(answer))
