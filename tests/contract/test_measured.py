"""The metrics that the functions write are those that the dashboard, the alarms and `metric_*()` know."""

from __future__ import annotations

import json

import boto3
import pytest

from tests import aws
from tests.contract.conftest import SEAL_AT, Deployment
from tests.contract.speaking import Speaker, reply
from tests.measured import MEASURED


def test_what_is_written_is_what_is_known(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CONTEXT_LIMIT", "100")
    ada = Speaker.of(deployment, "ada")
    for _ in range(SEAL_AT):
        ada.say("MARMALADE" * 20, answer="Noted.")
    deployment.claude.reply(reply("Notes."))
    assert deployment.remember("ada/travel") == []
    ada.act("history", session_id="nowhere")
    boto3.client("dynamodb", region_name=aws.REGION).delete_table(TableName=aws.SESSIONS_TABLE)
    ada.act("sessions")
    written = set()
    for line in capsys.readouterr().out.splitlines():
        for told in json.loads(line)["_aws"]["CloudWatchMetrics"] if line.startswith('{"_aws"') else ():
            (dimensions,) = told["Dimensions"]
            written |= {(metric["Name"], frozenset(dimensions)) for metric in told["Metrics"]}
    assert written == MEASURED


def test_without_metrics_nothing_is_written_but_the_log(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("POWERTOOLS_METRICS_DISABLED", "true")
    ada = Speaker.of(deployment, "ada")
    ada.say("Hello.", answer="Hello.")
    ada.act("history", session_id="nowhere")
    assert '"_aws"' not in capsys.readouterr().out
