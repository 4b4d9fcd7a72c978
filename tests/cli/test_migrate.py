"""`bridge migrate`, on the command line, against moto."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient

from bridge_cli.archive_table import SessionsTable
from bridge_cli.exporting import export
from bridge_cli.migrating import target_name
from bridge_cli.migrating_lifetimes import DAY, HOUR
from bridge_cli.migrating_messages import messages_of
from tests.aws import SESSIONS_TABLE
from tests.cli import originals as drawn
from tests.cli.archived import exchange, header
from tests.cli.conftest import Run
from tests.cli.fake_aws import REGION, STACK, FakeAws
from tests.cli.migrated import (
    HOW_LONG,
    NOTHING_DONE,
    PLANS,
    migrate,
    said,
    turns,
)
from tests.cli.originals import conversation, item
from tests.cli.test_archive import empty, held, pending, put


def test_on_the_command_line(dynamodb: Any, run: Run) -> None:
    source = drawn.table(
        dynamodb,
        item("plans", PLANS, last_updated="2024-03-01T10:00:00", ttl=4_000_000_000, created_by="ada"),
        item("user 7", json.dumps(PLANS[:2])),
        item("none", []),
    )
    command = ("migrate", "--from", source, "--owner", "anonymous", *HOW_LONG)
    told = run(*command, "--dry-run")
    assert told.exit_code == 0, told.output
    assert "Would be done, of 3 sessions: 2 migrated" in told.stderr
    assert held(dynamodb) == []
    told = run(*command)
    assert told.exit_code == 0, told.output
    assert "Of 3 sessions: 2 migrated, 0 added to, 0 there already, 1 empty" in told.stderr
    assert "Of 6 messages: 6 written in 3 exchanges" in told.stderr
    assert "the attribute created_by of 1 session" in told.stderr
    renamed = target_name("user 7")
    assert f"user 7 (as {renamed}: the bridge takes no such name)" in told.stderr
    assert len(turns(dynamodb, "plans", owner="anonymous")) == 2
    assert len(turns(dynamodb, renamed, owner="anonymous")) == 1
    before = held(dynamodb)
    told = run(*command, "--json")
    assert json.loads(told.stdout)["sessions"] == NOTHING_DONE | {"source": 3, "there": 2, "empty": 1}
    assert held(dynamodb) == before


def test_from_a_file(dynamodb: Any, run: Run, tmp_path: Path) -> None:
    source = drawn.table(dynamodb, item("plans", PLANS))
    path = tmp_path / "original.json"
    path.write_text(json.dumps({"Items": dynamodb.scan(TableName=source)["Items"]}))
    assert run("migrate", "--from-file", str(path), "--owner", "ada", *HOW_LONG).exit_code == 0
    told = run("migrate", "--from-file", "-", "--owner", "ada", *HOW_LONG, input=path.read_bytes())
    assert "1 there already" in told.stderr
    assert said(dynamodb, "plans") == messages_of(PLANS)


def test_a_source_in_another_region(dynamodb: Any, run: Run) -> None:
    source = drawn.table(boto3.client("dynamodb", region_name="us-east-1"), item("plans", PLANS))
    command = ("migrate", "--from", source, "--owner", "ada", *HOW_LONG)
    told = run(*command)
    assert told.exit_code == 3
    assert f"AWS does not know the table {source}" in told.stderr
    assert run(*command, "--from-region", "us-east-1").exit_code == 0
    assert said(dynamodb, "plans") == messages_of(PLANS)


def test_a_session_that_the_bridge_went_on_with_stays_as_it_is(dynamodb: Any, run: Run) -> None:
    source = drawn.table(dynamodb, item("plans", PLANS))
    migrate(dynamodb, source)
    put(dynamodb, exchange("ada", "plans", 3, "On the bridge?"))
    before = held(dynamodb)
    assert not migrate(dynamodb, source).failed  # all of it is there
    dynamodb.put_item(TableName=source, Item=item("plans", [*PLANS, *conversation("More?", "Yes.")]))
    told = run("migrate", "--from", source, "--owner", "ada", *HOW_LONG)
    assert told.exit_code == 1
    assert "Skipped plans: it went on in the bridge" in told.stderr
    assert "2 of its messages are not taken in" in told.stderr
    assert held(dynamodb) == before
    assert run("migrate", "--from", source, "--owner", "ada", *HOW_LONG, "--beside").exit_code == 0
    assert [one for one in held(dynamodb) if one in before] == before
    assert said(dynamodb, "plans-original")[-1].content == "Yes."


def test_a_conversation_of_the_bridges_own_stays_as_it_is(dynamodb: Any, run: Run) -> None:
    there = [header("ada", "plans"), exchange("ada", "plans", 1)]
    put(dynamodb, *there)
    source = drawn.table(dynamodb, item("plans", PLANS), item("talk", PLANS))
    told = run("migrate", "--from", source, "--owner", "ada", *HOW_LONG, "--json")
    assert told.exit_code == 1
    result = json.loads(told.stdout)
    assert (result["sessions"]["failed"], result["messages"]["skipped"]) == (1, 4)
    assert [(one["session_id"], "--beside" in one["why"]) for one in result["told"]] == [("plans", True)]
    assert [one for one in held(dynamodb) if one["session_id"]["S"] == "ada/plans"] == there
    assert run("migrate", "--from", source, "--owner", "ada", *HOW_LONG, "--beside").exit_code == 0
    assert said(dynamodb, "plans-original") == messages_of(PLANS)
    told = run("migrate", "--from", source, "--owner", "ada", *HOW_LONG)  # and there it goes on
    assert (told.exit_code, "2 there already" in told.stderr) == (0, True)


def test_an_apology_is_not_told_to_claude(dynamodb: Any, run: Run) -> None:
    sorry = "I'm sorry, I could not reach Claude."
    source = drawn.table(dynamodb, item("plans", conversation("Hello?", sorry)))
    assert (
        run("migrate", "--from", source, "--owner", "ada", *HOW_LONG, "--apology", "I'm sorry").exit_code == 0
    )
    [failed] = turns(dynamodb, "plans")
    assert failed["error"]["M"]["message"] == {"S": sorry}
    assert [one["M"]["role"]["S"] for one in failed["context"]["L"]] == ["user"]
    assert [name.endswith("-") for name in pending(dynamodb)] == [True]
    assert run("migrate", "--from", source, "--owner", "ada", *HOW_LONG).exit_code == 0  # the same without it
    assert turns(dynamodb, "plans") == [failed]


def test_what_cannot_be_read_is_told_and_the_rest_is_migrated(dynamodb: Any, run: Run) -> None:
    source = drawn.table(dynamodb, item("plans", PLANS), item("broken", "You: hello"))
    told = run("migrate", "--from", source, "--owner", "ada", *HOW_LONG)
    assert told.exit_code == 1
    assert "Skipped broken: its context is a text that is no JSON" in told.stderr
    assert "1 failed" in told.stderr
    assert said(dynamodb, "plans") == messages_of(PLANS)


def test_a_message_that_no_item_holds_is_told(dynamodb: Any, run: Run, tmp_path: Path) -> None:
    path = tmp_path / "large.json"
    large = {"session_id": "large", "context": conversation("x" * 420_000, "Long.")}
    path.write_text(json.dumps([large, {"session_id": "plans", "context": PLANS}]))
    told = run("migrate", "--from-file", str(path), "--owner", "ada", *HOW_LONG)
    assert told.exit_code == 1
    assert "Skipped large: it is larger than the 400 KB" in told.stderr
    assert len(turns(dynamodb, "plans")) == 2


def test_a_session_that_a_file_holds_twice(dynamodb: Any, run: Run, tmp_path: Path) -> None:
    path = tmp_path / "twice.json"
    path.write_text(json.dumps([{"session_id": "plans", "context": some} for some in (PLANS[:2], PLANS)]))
    assert run("migrate", "--from-file", str(path), "--owner", "ada", *HOW_LONG).exit_code == 0
    assert said(dynamodb, "plans") == messages_of(PLANS)


def test_an_export_carries_on_what_was_migrated(dynamodb: Any, run: Run, tmp_path: Path) -> None:
    source = drawn.table(dynamodb, item("plans", PLANS))
    migrate(dynamodb, source)
    path, target = tmp_path / "ada.jsonl", empty(dynamodb)
    with path.open("wb") as file:
        export(SessionsTable(dynamodb, SESSIONS_TABLE), "ada", [], time.time(), file.write)
    assert run("import", str(path), "--table", target).exit_code == 0
    assert migrate(dynamodb, source, target).messages["there"] == len(PLANS)


@pytest.fixture
def function(dynamodb: Any, aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Have the stack name an answer function with these variables."""
    variables = {"MEMORY_TTL": str(30 * DAY), "SESSION_TTL": str(48 * HOUR)}
    aws.stacks[STACK]["AnswerFunction"] = "answer"
    call = BaseClient._make_api_call

    def answer(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        if operation == "GetFunctionConfiguration":
            assert parameters == {"FunctionName": "answer"}
            return {"Environment": {"Variables": variables}}
        return call(client, operation, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", answer)
    return variables


def test_the_environment_tells_how_long_it_keeps_things(
    dynamodb: Any, run: Run, function: dict[str, str]
) -> None:
    source = drawn.table(dynamodb, item("plans", PLANS))
    told = run("migrate", "--from", source, "--owner", "ada")
    assert told.exit_code == 0, told.output
    assert "for 48 hours" in told.stderr
    assert "Warning: in 30 days nothing of what is migrated is left" in told.stderr
    [last] = [int(one["ttl"]["N"]) for one in turns(dynamodb, "plans")][-1:]
    assert abs(last - time.time() - 30 * DAY) < 60
    function["MEMORY_TTL"] = str(365 * DAY)
    assert "Warning" not in run("migrate", "--from", source, "--owner", "ada").stderr
    del function["SESSION_TTL"]
    told = run("migrate", "--from", source, "--owner", "ada")
    assert told.exit_code == 3
    assert "--session-ttl-hours" in told.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        (["--from", "x"], 2, "--owner"),
        (["--owner", "ada"], 2, "--from-file"),
        (["--owner", "ada", "--from", "x", "--from-file", "y"], 2, "twice"),
        (["--owner", "a#b", "--from", "x"], 2, "an owner's name"),
        (["--owner", "ada", "--from", SESSIONS_TABLE], 2, "the bridge's own table"),
        (["--owner", "ada", "--from-file", "x", "--from-region", REGION], 2, "--from-region"),
        (["--owner", "ada", "--from", "x", "--apology", " "], 2, "every answer"),
        (["--owner", "ada", "--from", "x"], 3, "--memory-ttl-days"),
        (["--owner", "ada", "--from", "x", *HOW_LONG], 3, "AWS does not know the table x"),
    ],
)
def test_a_call_that_makes_no_sense_is_told(
    dynamodb: Any, run: Run, arguments: list[str], code: int, why: str
) -> None:
    told = run("migrate", *arguments)
    assert told.exit_code == code, told.output
    assert why in told.stderr


def test_a_table_of_another_kind_is_told(dynamodb: Any, run: Run) -> None:
    hashes = drawn.table(dynamodb, {"hash": {"S": "0cc1"}}, key="hash")
    told = run("migrate", "--from", hashes, "--owner", "ada", *HOW_LONG)
    assert (told.exit_code, "nothing to migrate" in told.stderr) == (2, True)
    other = empty(dynamodb)
    put(dynamodb, exchange("ada", "plans", 1), table=other)
    told = run("migrate", "--from", other, "--owner", "ada", *HOW_LONG)
    assert (told.exit_code, "bridge export" in told.stderr) == (2, True)
