"""`bridge usage`: tokens and dollars."""

from __future__ import annotations

import json
import re

import pytest

from bridge_cli.spending import Cost, SessionUsage, in_dollars, total
from bridge_cli.tables import print_usage
from tests.cli.conftest import Run
from tests.cli.fake_bridge import USAGE, FakeBridge


@pytest.fixture
def used(bridge: FakeBridge) -> FakeBridge:
    bridge.used = [
        {
            "session_id": f"plans-{number}",
            "title": f"Title\t{number}",
            "turns": number,
            "last_updated": "2026-11-22T19:37:40.123Z",
            "usage": USAGE,
            "cost": {"dollars": 0.25, "uncached_dollars": 0.5, "unpriced_turns": number % 2},
            "summary_usage": None,
        }
        for number in range(120)
    ]
    return bridge


def test_the_total_is_over_all_pages(used: FakeBridge, run: Run) -> None:
    told = json.loads(run("usage", "--json").stdout)
    assert [frame.get("before") for frame in used.sent("usage")] == [None, "50", "100"]
    assert len(told["sessions"]) == told["total"]["sessions"] == 120
    assert told["total"]["usage"] == {kind: 120 * count for kind, count in USAGE.items()}
    assert told["total"]["cost"] == {"dollars": 30.0, "uncached_dollars": 60.0, "unpriced_turns": 60}
    assert told["total"]["cache_share"] == told["sessions"][0]["cache_share"] == 0.74
    assert told["sessions"][1]["cost"] == {"dollars": 0.25, "uncached_dollars": 0.5, "unpriced_turns": 1}


def test_in_a_pipe_it_is_tab_separated_and_the_sum_is_beside_it(used: FakeBridge, run: Run) -> None:
    used.used[3]["cost"] |= {"unpriced_turns": 3}
    used.used[:] = [used.used[2], used.used[3]]
    told = run("usage")
    assert told.stdout.splitlines() == [
        "plans-2\t2\t12\t300\t888\t7\t0.7400\t0.250000\t0.500000\tTitle 2",
        "plans-3\t3\t12\t300\t888\t7\t0.7400\t\t\tTitle 3",  # none of its turns has a price
    ]
    assert "2 sessions, 5 turns, 2,400 tokens of input (74% from the cache), 14 of output" in told.stderr
    assert "$0.5000; without the cache $1.0000" in told.stderr
    assert "Turns without a price: 3." in told.stderr


def test_a_session_that_is_named_tells_its_summaries(used: FakeBridge, run: Run) -> None:
    told = run("usage", "plans-4")
    assert told.stdout.startswith("plans-4\t4\t")
    assert "Together" not in told.stderr
    assert "2,000 tokens of input, 100 of output: $0.0003" in told.stderr
    told = run("usage", "nowhere")
    assert told.exit_code == 1
    assert "bridge sessions" in told.stderr


def test_no_sessions_are_no_error(bridge: FakeBridge, run: Run) -> None:
    assert run("usage").stdout == ""
    assert json.loads(run("usage", "--json").stdout)["total"]["turns"] == 0


def test_on_a_terminal_of_80_columns_no_number_is_cut(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    usage = {
        "input_tokens": 1_234_567,
        "cache_creation_input_tokens": 23_456,
        "cache_read_input_tokens": 999_999_999,
        "output_tokens": 9_999,
    }
    sessions = [
        SessionUsage("chat-m36wydxg", "T", 120, "", usage, Cost(99.4567, 1234.5)),
        SessionUsage("a-name-that-is-rather-long", "T", 1, "", {}, None),
    ]
    print_usage(sessions, total(sessions))
    told = capsys.readouterr()
    rows = re.sub(r"\x1b\[[0-9;]*m", "", told.out).splitlines()
    assert rows[1].split() == [
        *["chat-m36wydxg", "120", "1,234k", "23.5k", "999M", "9,999", "100%", "$99.4567", "$1,234.50"]
    ]
    assert "…" not in told.out
    assert rows[-1].split()[:3] == ["2", "sessions", "121"]
    assert "Turns without a price: 1." in told.err
    print_usage([], total([]))
    assert "There are no sessions yet" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("amount", "shown"),
    [(0, "$0.0000"), (0.00001, "<$0.0001"), (0.00025, "$0.0003"), (1234.5, "$1,234.50")],
)
def test_dollars(amount: float, shown: str) -> None:
    assert in_dollars(amount) == shown
