"""What the functions log and measure: enough to run them, and nothing that anybody said."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import boto3
import pytest

from bridge import bootstrap
from tests import aws
from tests.contract.conftest import SEAL_AT, SIGNING_SECRET, Deployment, bearer, golden
from tests.contract.speaking import Speaker, reply
from tests.messages_server import END, KEY, START, STOP, Reply, event, failing, text

OTHER_ID = "123e4567-e89b-12d3-a456-426614174001"
ID = "123e4567-e89b-12d3-a456-426614174000"
SAID = "MARMALADE-QUESTION"
ANSWERED = "MARMALADE-ANSWER"


def query(**fields: Any) -> str:
    return json.dumps({"action": "query", "message": SAID, "session_id": "travel", **fields})


def lines(text_logged: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text_logged.splitlines() if line.startswith("{")]


def golden_connection() -> str:
    """Return the connection on which the tests' frames come."""
    return str(golden("message")["requestContext"]["connectionId"])


def test_no_text_no_token_and_no_key_is_logged(
    connected: Deployment,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    header = bearer()
    connected.connect(header, "another")
    connected.connect({"Authorization": header["Authorization"][:-3]}, "forged")
    connected.claude.reply(
        Reply((START, text(ANSWERED), END, STOP)),
        failing(400, "invalid_request_error", SAID),
        failing(401, "authentication_error", KEY),
        Reply((START, text(ANSWERED))),
    )
    for number in range(4):
        connected.receive(query(request_id=ID[:-1] + str(number)))
        connected.work()
    connected.receive(query(request_id=ID, message=SAID * 9000))
    connected.receive(query(request_id=SAID))
    connected.receive(query(session_id=SAID + " "))
    connected.receive(query(model=SAID))
    connected.receive(json.dumps({"action": SAID}))
    connected.receive(SAID)
    connected.receive(json.dumps({"action": "history", "session_id": "travel"}))
    boto3.client("dynamodb", region_name=aws.REGION).delete_table(TableName=aws.HASHES_TABLE)
    connected.receive(query(request_id=ID, session_id="cooking"))
    connected.disconnect()
    captured = capsys.readouterr()
    logged = connected.log.getvalue() + captured.out + captured.err + caplog.text
    assert logged
    for secret in ("MARMALADE", KEY, "marker", SIGNING_SECRET, header["Authorization"].split(".")[1]):
        assert secret not in logged


def test_nothing_of_what_is_remembered_is_logged(
    deployment: Deployment,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("CONTEXT_LIMIT", "100")
    ada = Speaker.of(deployment, "ada")
    for _ in range(8):
        ada.say(SAID, "marmalade", answer=ANSWERED)
    deployment.claude.reply(failing(400, "invalid_request_error", SAID), failing(401, message=KEY))
    assert deployment.remember("ada/marmalade") == []
    assert deployment.remember("ada/marmalade") == []
    deployment.claude.reply(failing(529, "overloaded_error", SAID, retry_after="3600"))
    assert deployment.remember("ada/marmalade")
    deployment.claude.reply(reply(ANSWERED))
    assert deployment.remember("ada/marmalade") == []
    assert ada.recall(SAID)
    ada.say(SAID, "other", answer=ANSWERED)
    ada.act("usage", session_id="marmalade")
    ada.act("forget", session_id="marmalade")
    boto3.client("dynamodb", region_name=aws.REGION).delete_table(TableName=aws.SESSIONS_TABLE)
    assert deployment.remember("ada/marmalade")
    for action in ("recall", "forget", "usage"):
        assert ada.act(action, session_id="marmalade", text=SAID)["code"] == "internal"
    captured = capsys.readouterr()
    logged = deployment.log.getvalue() + captured.out + captured.err + caplog.text
    assert {"summary written", "no summary was written"} <= {
        line["message"] for line in lines(deployment.log.getvalue())
    }
    for secret in ("MARMALADE", KEY, "marker", SIGNING_SECRET):
        assert secret not in logged


def test_a_turns_line_tells_what_it_took(connected: Deployment) -> None:
    connected.claude.reply(Reply())
    connected.receive(query(request_id=ID))
    connected.work()
    line = lines(connected.log.getvalue())[-1]
    assert line["message"] == "turn answered"
    assert line["correlation_id"] == ID
    assert (line["turn"], line["stop_reason"], line["usage"]["input_tokens"]) == (1, "end_turn", 7)
    assert line["posts"] >= 2


def test_a_turn_is_followed_from_its_frame_to_claudes_request(
    connected: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected.claude.reply(
        Reply(headers={"request-id": "req_7"}), failing(529, **{"x-should-retry": "false"})
    )
    for request_id in (ID, OTHER_ID):
        connected.receive(query(request_id=request_id))
        connected.work()
    received, answered, _, failed = lines(connected.log.getvalue())[-4:]
    assert [each["correlation_id"] for each in (received, answered, failed)] == [ID, ID, OTHER_ID]
    assert received["connection_id"] == answered["connection_id"] == golden_connection()
    assert (answered["claude_request_id"], failed["claude_request_id"]) == ("req_7", "req_1")
    assert (failed["message"], failed["code"]) == ("turn failed", "upstream_overloaded")


def test_every_line_of_a_frame_bears_its_request(
    connected: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OWNER_RATE", "10")
    bootstrap.speakers.cache_clear()
    boto3.client("dynamodb", region_name=aws.REGION).delete_table(TableName=aws.SESSIONS_TABLE)
    before = len(lines(connected.log.getvalue()))
    connected.receive(query(request_id=ID))
    told = lines(connected.log.getvalue())[before:]
    assert len(told) >= 2
    assert {line["correlation_id"] for line in told} == {ID}
    assert told[-1]["connection_id"] == golden_connection()


def test_a_turn_of_the_originals_has_one_name_in_all_functions(connected: Deployment) -> None:
    connected.claude.reply(Reply())
    connected.receive(query())
    connected.work()
    received, answered = lines(connected.log.getvalue())[-2:]
    assert (received["message"], answered["message"]) == ("frame received", "turn answered")
    assert received["correlation_id"] == answered["correlation_id"]


def test_what_remember_does_for_a_turn_names_it(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONTEXT_LIMIT", "100")
    ada = Speaker.of(deployment, "ada")
    asked = [ada.say(SAID * 5, answer=ANSWERED)["request_id"] for _ in range(SEAL_AT)]
    deployment.claude.reply(replace(reply("Notes."), headers={"request-id": "req_sum"}))
    assert deployment.remember("ada/travel") == []
    told = {line["message"]: line for line in lines(deployment.log.getvalue())}
    assert told["exchanges taken into a memory"]["request_ids"] == asked
    summary = told["summary written"]
    assert summary["request_ids"] == asked[: len(summary["request_ids"])] != []
    assert summary["claude_request_ids"] == ["req_sum"]


def test_dollars_are_measured_by_kind(connected: Deployment, capsys: pytest.CaptureFixture[str]) -> None:
    usage = {"input_tokens": 1000, "cache_creation_input_tokens": 100, "cache_read_input_tokens": 5000}
    start = event("message_start", message={"model": "claude-sonnet-5-5", "usage": usage})
    connected.claude.reply(Reply((start, text(ANSWERED), END, STOP)))
    connected.receive(query(request_id=ID))
    connected.work()
    measured = {
        name: value[0]
        for line in lines(capsys.readouterr().out)
        for name, value in line.items()
        if name.startswith("Dollars")
    }
    by_kind = {
        "DollarsInput": 0.002,
        "DollarsOutput": 0.00003,
        "DollarsCacheWrite": 0.00025,
        "DollarsCacheRead": 0.001,
    }
    assert measured == pytest.approx(by_kind | {"Dollars": sum(by_kind.values())})
    logged = lines(connected.log.getvalue())[-1]["dollars"]
    assert list(logged.values()) == pytest.approx(list(by_kind.values()))


def test_an_internal_failures_line_has_its_cause(
    connected: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HASH_TABLE", "nowhere")
    connected.receive(query(request_id=ID))
    failed = [line for line in lines(connected.log.getvalue()) if line["level"] == "ERROR"]
    assert len(failed) == 1
    assert "ResourceNotFoundException" in failed[0]["exception"]


def test_a_turn_is_measured(connected: Deployment, capsys: pytest.CaptureFixture[str]) -> None:
    connected.claude.reply(Reply(), failing(400))
    connected.receive(query(request_id=ID))
    connected.work()
    written = [line for line in lines(capsys.readouterr().out) if "_aws" in line]
    measured = {name for line in written for name in line}
    assert [line["UpstreamFailures"] for line in written] == [[0.0]]
    assert {"Turns", "TimeToFirstToken", "Duration", "QueueWait", "Posts"} <= measured
    assert {"InputTokens", "OutputTokens", "CacheReadInputTokens", "CacheCreationInputTokens"} <= measured
    assert "Failures" not in measured
    connected.receive(query(request_id=ID[:-1] + "1"))
    connected.work()
    written = lines(capsys.readouterr().out)
    assert [line["code"] for line in written if "Failures" in line] == ["upstream_error"]
    assert [line["UpstreamFailures"] for line in written if "Turns" in line] == [[1.0]]
