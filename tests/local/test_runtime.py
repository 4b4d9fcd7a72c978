from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bridge_cli.main import app
from bridge_local import daemon, locks, record, runtime, status, vitals
from bridge_local.places import Places
from bridge_local.record import Deployment, Record
from bridge_local.runtime import LocalAws
from bridge_local.vitals import ProcessVitals, Vitals

OUTPUTS = {
    "Url": "wss://abc123.execute-api.us-east-1.amazonaws.com/local",
    "Auth": "none",
    "Model": "smollm2-135m",
    "QueueUrl": "http://127.0.0.1:4566/000000000000/turns.fifo",
    "AnswerFunction": "arn:aws:lambda:us-east-1:000000000000:function:answer",
}


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["local", *arguments], prog_name="bridge")


def deployed(places: Places, **more: Any) -> Record:
    kept = Record(port=4599, answering="tiny", deployment=Deployment("f", OUTPUTS), **more)
    record.write(places.record, kept)
    return kept


def test_the_local_url_is_the_emulators() -> None:
    url = status.local_url(OUTPUTS["Url"], 4566)
    assert url == "ws://127.0.0.1:4566/_aws/execute-api/abc123/local"


def test_queue_and_function_come_from_the_outputs() -> None:
    assert daemon.queue_and_function(OUTPUTS) == (
        OUTPUTS["QueueUrl"],
        "arn:aws:sqs:us-east-1:000000000000:turns.fifo",
        "answer",
    )


def test_a_deployment_that_was_killed_is_taken_back(places: Places) -> None:
    kept = deployed(places, deploying=True)
    (places.aws / "dynamodb.json").write_text("half")
    (places.before_deploy / "aws").mkdir(parents=True)
    (places.before_deploy / "aws" / "dynamodb.json").write_text("whole")
    (places.before_deploy / "s3").mkdir()
    runtime.restore(places, kept)
    assert (places.aws / "dynamodb.json").read_text() == "whole"
    assert not places.before_deploy.exists()
    assert record.read(places.record).deploying is False


def test_what_ran_in_peace_is_not_taken_back(places: Places) -> None:
    kept = deployed(places)
    (places.aws / "dynamodb.json").write_text("newest")
    runtime.restore(places, kept)
    assert (places.aws / "dynamodb.json").read_text() == "newest"


def test_status_of_what_never_was(tmp_path: Path) -> None:
    assert status.read(tmp_path / "nothing") is None
    assert not LocalAws(tmp_path / "nothing").status().running
    assert LocalAws(tmp_path / "nothing").down() is False
    assert not (tmp_path / "nothing").exists()


def test_status_of_what_is_down(places: Places) -> None:
    deployed(places)
    told = run("status", "--json", "--state-dir", str(places.root))
    assert told.exit_code == 1
    assert json.loads(told.stdout)["running"] is False


def test_status_of_what_is_up(places: Places) -> None:
    deployed(places, settings={"auth": "none"})
    lock = locks.take(places.daemon_lock)
    model = ProcessVitals(pid=13, port=4600, ready=True)
    vitals.write(
        places.vitals, Vitals(pid=1, emulator=ProcessVitals(pid=12, port=4599, ready=True), model=model)
    )
    told = run("status", "--json", "--state-dir", str(places.root))
    os.close(lock)
    assert told.exit_code == 0
    known = json.loads(told.stdout)
    assert known["url"] == "ws://127.0.0.1:4599/_aws/execute-api/abc123/local"
    assert known["aws_endpoint"] == "http://127.0.0.1:4599"
    assert known["pids"] == {"daemon": os.getpid(), "emulator": 12, "model": 13}
    assert known["token"] is None
    assert known["tiny_model"]
    assert "not from Claude" in known["model_note"]
    assert known["settings"] == {"auth": "none"}


def test_status_while_it_is_deployed_names_no_address(places: Places) -> None:
    deployed(places, deploying=True)
    assert LocalAws(places.root).status().url == ""


def test_vitals_that_are_no_more_are_none(places: Places) -> None:
    places.vitals.write_text("{")
    assert vitals.read(places.vitals) == Vitals()


@pytest.mark.parametrize("given", ["auth", "=none", ""])
def test_a_setting_needs_a_name_and_a_value(places: Places, given: str) -> None:
    told = run("up", "--set", given, "--state-dir", str(places.root))
    assert told.exit_code == 2
    assert "NAME=VALUE" in told.output


def test_down_of_what_is_not_up(places: Places) -> None:
    told = run("down", "--state-dir", str(places.root))
    assert told.exit_code == 0
    assert "was not up" in told.output
