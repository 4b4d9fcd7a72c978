"""`bridge top`: figures of what the functions logged, and of what SQS counts."""

from __future__ import annotations

import json
import math
import os
import pty
import time
from datetime import timedelta
from typing import Any

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge_cli.deployed_parts import FUNCTIONS, LogGroup
from bridge_cli.log_lines import Line, line_of
from bridge_cli.top_figures import Lately, figures_of, percentile
from tests.cli.conftest import Run
from tests.cli.fake_aws import REGION, STACK, FakeAws
from tests.cli.logged import NOW, Logs, answered, deploy, text


def line(function: str, message: str, number: int = 0) -> Line:
    group = LogGroup("Bridge", next(each for each in FUNCTIONS if each == function), "a-log")
    found = line_of(group, {"timestamp": NOW.timestamp() * 1000, "message": message}, str(number))
    assert found is not None
    return found


FAILED = answered(
    message="turn failed",
    stop_reason="error",
    code="upstream_overloaded",
    usage={},
    dollars=None,
    first_token_ms=None,
)
SUMMARY = text("summary written", usage={"input_tokens": 1000, "output_tokens": 10}, dollars={"input": 0.5})


@pytest.fixture
def logs(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> Logs:
    monkeypatch.setenv("BRIDGE_STACK", STACK)
    return deploy(aws)


def send(aws: FakeAws, queue: str, count: int) -> str:
    url = next(physical for _, logical, physical in aws.resources[STACK] if queue in logical)
    for number in range(count):
        boto3.client("sqs", region_name=REGION).send_message(QueueUrl=url, MessageBody=str(number))
    return url


def test_turns_tokens_dollars_and_errors_are_counted() -> None:
    figures = figures_of(
        [
            line("answer", answered()),
            line("answer", answered(first_token_ms=300, duration_ms=990, message="turn cancelled")),
            line("answer", FAILED),
            line("answer", answered(repeated=True)),
            line("message", text("frame received", code="bad_request")),
            line("message", text("frame received", code=None)),
            line("remember", SUMMARY),
            line("remember", text("no summary was written", level="WARNING", code="upstream_error")),
            line("answer", "2026 Task timed out after 900.00 seconds"),
        ]
    )
    assert figures.ends == {"answered": 1, "cancelled": 1, "failed": 1}
    assert (figures.summaries, figures.unpriced) == (1, 0)
    assert (figures.first_token, figures.took) == ((300, 800), (1000, 2010))
    assert figures.tokens == {"input": 1200, "output": 50, "cache_write": 0, "cache_read": 600}
    assert figures.dollars == pytest.approx(
        {"input": 0.5004, "output": 0.0004, "cache_write": 0, "cache_read": 0.00012}
    )
    assert figures.cache_share == pytest.approx(1 / 3)
    assert figures.errors == {"upstream_overloaded": 1, "bad_request": 1, "summary: upstream_error": 1}
    assert figures.alarming == {"answer": 1}


def test_turns_without_a_price_are_counted() -> None:
    assert figures_of([line("answer", answered(dollars=None))]).unpriced == 1


def test_nothing_is_nothing() -> None:
    figures = figures_of([])
    assert (figures.first_token, figures.took, figures.cache_share, figures.turns) == (None, None, None, [])


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0.01, 1))
def test_a_percentile_is_a_value_that_so_many_do_not_exceed(values: list[float], share: float) -> None:
    found = percentile(values, share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values) - 1e-9
    assert sum(value < found for value in values) < share * len(values) + 1e-9


@pytest.mark.parametrize("wrong", [None, "x", True, [], {}, math.inf, {"input": "x"}])
def test_a_line_of_another_shape_counts_for_nothing(wrong: Any) -> None:
    told = answered(usage=wrong, dollars=wrong, duration_ms=wrong, waited_ms=wrong, turn=wrong, code=wrong)
    figures = figures_of([line("answer", told)])
    assert sum(figures.tokens.values()) == sum(figures.dollars.values()) == 0
    assert figures.took == (0, 0)


def test_what_is_older_than_the_window_is_forgotten() -> None:
    lately = Lately(timedelta(minutes=1))
    assert len(lately.figures([line("answer", answered())], NOW).turns) == 1
    assert len(lately.figures([], NOW + timedelta(seconds=59)).turns) == 1
    assert len(lately.figures([], NOW + timedelta(seconds=61)).turns) == 0


def test_it_is_printed_once_where_there_is_no_terminal(logs: Logs, aws: FakeAws, run: Run) -> None:
    logs.put("answer", answered(), FAILED)
    send(aws, "Turns", 3)
    url = send(aws, "DeadLetters", 2)
    boto3.client("sqs", region_name=REGION).receive_message(QueueUrl=url)
    shown = run("top")
    assert shown.exit_code == 0, shown.output
    assert "0 in work · 3 waiting · 2 in the dead-letter queue" in shown.stdout
    assert "1 answered · 1 failed · summaries: 0" in shown.stdout
    assert "75% of the input from the cache" in shown.stdout
    assert "1 upstream_overloaded" in shown.stdout
    row = next(each for each in shown.stdout.splitlines() if each.endswith("end_turn"))
    assert " ".join(row.split()[1:]) == ("123e4567 claude-sonnet-5-5 1 400 75% 20 800 ms 2.0 s end_turn")


def test_it_is_told_as_json(logs: Logs, run: Run) -> None:
    logs.put("answer", answered())
    told = json.loads(run("top", "--json").stdout)
    assert told["queue"] == {"waiting": 0, "in_work": 0, "dead_letters": 0}
    assert told["turns"] == {"answered": 1}
    assert told["first_token_ms"] == {"p50": 800, "p95": 800}


def test_it_goes_on_on_a_terminal_until_ctrl_c(logs: Logs, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    master, slave = pty.openpty()
    pauses = 0

    def pause(seconds: float) -> None:
        nonlocal pauses
        pauses += 1
        assert 2.4 <= seconds <= 3.6
        if pauses == 2:
            raise KeyboardInterrupt
        logs.put("answer", answered(model="claude-\x1b[2J"))

    monkeypatch.setattr(time, "sleep", pause)
    from bridge_cli.commands import top

    with os.fdopen(slave, "w") as terminal:
        monkeypatch.setattr("sys.stdout", terminal)
        top.top(interval=3)
        terminal.flush()
        shown = os.read(master, 100_000).decode()
    os.close(master)
    assert "(no turn ended yet)" in shown
    assert "1 answered" in shown
    assert "claude-\x1b" not in shown


def test_a_right_that_lacks_is_named(logs: Logs, run: Run, aws: FakeAws) -> None:
    aws.resources[STACK] = [
        (kind, logical, "https://eu-central-1.queue.amazonaws.com/1/gone" if "SQS" in kind else physical)
        for kind, logical, physical in aws.resources[STACK]
    ]
    shown = run("top", "--once")
    assert shown.exit_code == 3
    assert "AWS does not know the queue" in shown.stderr
