"""`bridge logs`, against moto's CloudWatch Logs: all functions' lines, and one turn's way through them."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from typing import Any

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError, EndpointConnectionError

from tests.cli.conftest import Run
from tests.cli.fake_aws import STACK, FakeAws
from tests.cli.logged import CONNECTION, NOW, REQUEST, Logs, answered, deploy, text

OTHER = "123e4567-e89b-12d3-a456-426614174999"


@pytest.fixture
def logs(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> Logs:
    monkeypatch.setenv("BRIDGE_STACK", STACK)
    return deploy(aws)


def told(run: Run, *arguments: str) -> list[dict[str, Any]]:
    shown = run("logs", "--json", *arguments)
    assert shown.exit_code == 0, shown.output
    return [json.loads(line) for line in shown.stdout.splitlines()]


def refuse(monkeypatch: pytest.MonkeyPatch, refused: str, *errors: Exception) -> list[str]:
    """Have an operation fail with errors, one after the other, and then work; return what was asked."""
    to_moto, waiting = BaseClient._make_api_call, list(errors)
    asked: list[str] = []

    def call(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        asked.append(operation)
        if operation == refused and waiting:
            raise waiting.pop(0)
        return to_moto(client, operation, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", call)
    return asked


def test_all_functions_lines_come_in_the_order_of_time(logs: Logs, run: Run) -> None:
    logs.put("remember", text("third", NOW + timedelta(seconds=2)))
    logs.put("message", text("second", NOW), "START RequestId: 1", '{"_aws":{},"Turns":[1]}')
    logs.put("answer", text("first", NOW - timedelta(seconds=1)))
    lines = told(run)
    assert [(line["function"], line["message"]) for line in lines] == [
        ("answer", "first"),
        ("message", "second"),
        ("remember", "third"),
    ]
    assert lines[0].keys() == {"time", "bridge", "function", "level", "message", "fields"}
    shown = run("logs").stdout.splitlines()
    assert [line.split()[2:5] for line in shown] == [
        ["answer", "INFO", "first"],
        ["message", "INFO", "second"],
        ["remember", "INFO", "third"],
    ]


def test_a_turn_is_followed_through_all_functions(logs: Logs, run: Run) -> None:
    logs.put_turn()
    logs.put_turn(OTHER, "another=")
    lines = told(run, REQUEST)
    assert [line["function"] for line in lines][:3] == ["connect", "message", "answer"]
    assert sorted(line["function"] for line in lines) == [
        "answer",
        "connect",
        "disconnect",
        "message",
        "remember",
    ]
    assert {line["fields"].get("connection_id", CONNECTION) for line in lines} == {CONNECTION}
    closing = next(line for line in lines if line["function"] == "answer")
    assert closing["fields"]["claude_request_id"] == "req_7"


def test_a_turn_is_found_by_what_claudes_api_calls_it(logs: Logs, run: Run) -> None:
    logs.put_turn()
    assert len(told(run, "req_7")) == 5


@pytest.mark.parametrize(("level", "count"), [("debug", 4), ("info", 3), ("warning", 2), ("error", 1)])
def test_lines_are_chosen_by_their_level(logs: Logs, run: Run, level: str, count: int) -> None:
    logs.put(
        "answer",
        "END RequestId: 1",
        text("a"),
        text("b", level="WARNING"),
        text("c", level="ERROR", code="x"),
    )
    assert len(told(run, "--level", level)) == count


def test_a_turn_is_found_however_its_id_is_written(logs: Logs, run: Run) -> None:
    logs.put_turn()
    assert told(run, REQUEST.upper()) == told(run, REQUEST)


def test_lines_are_chosen_by_their_function(logs: Logs, run: Run) -> None:
    logs.put_turn()
    lines = told(run, "--function", "answer", "--function", "remember", "--since", "1d")
    assert {line["function"] for line in lines} == {"answer", "remember"}
    assert [line["function"] for line in told(run, REQUEST, "--function", "connect")] == ["connect"]


def test_lines_are_chosen_by_their_time(logs: Logs, run: Run) -> None:
    old = NOW - timedelta(minutes=30)
    logs.put("answer", text("old", old), at=old)
    assert told(run) == []
    assert "Nothing was logged since 15m" in run("logs").stderr
    assert [line["message"] for line in told(run, "--since", "1h")] == ["old"]


def test_what_was_never_logged_is_told_with_what_may_be_the_matter(logs: Logs, run: Run) -> None:
    logs.put_turn(OTHER)
    shown = run("logs", REQUEST)
    assert shown.exit_code == 1
    assert f"hold nothing of {REQUEST} since 1d" in shown.stderr
    for reason in ("--follow", "log_retention_days", "--stack"):
        assert reason in shown.stderr


@pytest.mark.parametrize("request_id", ["two words", 'a"b', "", "x" * 129])
def test_what_is_no_request_is_not_looked_for(logs: Logs, run: Run, request_id: str) -> None:
    assert run("logs", request_id).exit_code == 2


def test_of_several_bridges_one_is_chosen(aws: FakeAws, run: Run) -> None:
    logs = deploy(aws, ("TeamBridge", "SupportBridge"), ("Team", "Support"))
    logs.put("answer", text("of the team"), bridge="TeamBridge")
    logs.put("answer", text("of support"), bridge="SupportBridge")
    both = told(run, "--stack", STACK)
    assert [line["bridge"] for line in both] == ["TeamBridge", "SupportBridge"]
    for chosen in (["--stack", STACK, "--bridge", "support"], ["--stack", f"{STACK}/Support"]):
        assert [line["message"] for line in told(run, *chosen)] == ["of support"]
    aws.stacks[STACK]["SalesUrl"] = "wss://example.com"
    assert "--bridge NAME" in run("logs", "--stack", f"{STACK}/Sales").stderr
    wrong = run("logs", "--stack", STACK, "--bridge", "sales")
    assert wrong.exit_code == 3
    assert "SupportBridge, TeamBridge" in wrong.stderr


def test_a_log_group_that_is_gone_is_told(logs: Logs, run: Run) -> None:
    logs.put_turn()
    logs.client.delete_log_group(logGroupName=logs.names["Bridge", "connect"])
    shown = run("logs", REQUEST)
    assert shown.exit_code == 0
    assert f"connect is not there any more: {logs.names['Bridge', 'connect']}" in shown.stderr


def test_a_stack_without_a_bridge_is_told(aws: FakeAws, run: Run) -> None:
    aws.resources[STACK] = [("AWS::Logs::LogGroup", "SomebodysLogE57224DC", "x")]
    assert "has no log group of a bridge's function" in run("logs", "--stack", STACK).stderr
    assert "AWS does not know" in run("logs", "--stack", "nowhere").stderr


@pytest.mark.parametrize(
    ("operation", "right"),
    [
        ("ListStackResources", "cloudformation:ListStackResources"),
        ("FilterLogEvents", "logs:FilterLogEvents"),
    ],
)
def test_a_right_that_lacks_is_named(
    logs: Logs, run: Run, monkeypatch: pytest.MonkeyPatch, operation: str, right: str
) -> None:
    refuse(monkeypatch, operation, ClientError({"Error": {"Code": "AccessDeniedException"}}, operation))
    shown = run("logs")
    assert shown.exit_code == 3
    assert right in shown.stderr


def test_without_a_stack_it_is_told_how_to_name_one(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BRIDGE_URL", "wss://example.com/x")
    shown = run("logs")
    assert shown.exit_code == 3
    assert "--stack" in shown.stderr


def test_whoever_follows_is_told_what_comes_until_ctrl_c(
    logs: Logs, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    logs.put("answer", text("already there"))
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 4:
            raise KeyboardInterrupt
        logs.put("answer", text(f"after {len(pauses)}"))

    monkeypatch.setattr(time, "sleep", pause)
    shown = run("logs", "--follow", "--json")
    assert shown.exit_code == 0
    assert [json.loads(line)["message"] for line in shown.stdout.splitlines()] == [
        "already there",
        "after 1",
        "after 2",
        "after 3",
    ]
    assert len({*pauses}) == 4
    assert all(1 <= seconds <= 2 for seconds in pauses)


def test_a_turn_that_is_yet_to_come_is_followed(
    logs: Logs, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pause(_: float) -> None:
        if logs.client.describe_log_streams(logGroupName=logs.names["Bridge", "answer"])["logStreams"]:
            raise KeyboardInterrupt
        logs.put_turn()

    monkeypatch.setattr(time, "sleep", pause)
    assert len(told(run, REQUEST, "-f")) == 5


def test_whoever_follows_waits_out_what_passes(logs: Logs, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    asked: list[str] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 1:
            throttled = ClientError({"Error": {"Code": "ThrottlingException"}}, "FilterLogEvents")
            gone = EndpointConnectionError(endpoint_url="https://logs")
            asked.extend(refuse(monkeypatch, "FilterLogEvents", throttled, gone))
            logs.put("answer", answered())
        if len(pauses) == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", pause)
    shown = run("logs", "-f")
    assert shown.exit_code == 0
    assert shown.stdout.count("turn answered") == 1
    assert shown.stderr.count("trying again") == 2
    assert pauses[2] >= 4


def test_whoever_follows_is_told_what_does_not_pass(
    logs: Logs, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(
        monkeypatch, "FilterLogEvents", ClientError({"Error": {"Code": "AccessDenied"}}, "FilterLogEvents")
    )
    assert run("logs", "-f").exit_code == 3
