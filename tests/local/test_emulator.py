from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from bridge_local import emulator, reaping
from bridge_local.places import Places
from bridge_local.waking import Waking


def test_the_functions_inherit_no_key_and_no_profile(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-secret")
    monkeypatch.setenv("AWS_PROFILE", "mine")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy")
    monkeypatch.setenv("no_proxy", "example.org")
    made = emulator.environment(places, 4566)
    assert "sk-secret" not in made.values()
    assert "AWS_PROFILE" not in made
    assert made["HTTPS_PROXY"] == "http://proxy"
    assert made["NO_PROXY"] == "example.org,127.0.0.1,localhost"


def test_it_listens_on_this_machine_only_and_keeps_its_state(places: Places) -> None:
    made = emulator.environment(places, 4799)
    assert made["BIND_HOST"] == "127.0.0.1"
    assert made["GATEWAY_PORT"] == "4799"
    assert made["STATE_DIR"].startswith(str(places.root))


@pytest.mark.parametrize(
    ("method", "path", "target", "changed"),
    [
        ("POST", "/", "DynamoDB_20120810.PutItem", {"dynamodb"}),
        ("POST", "/", "DynamoDB_20120810.Query", set()),
        ("POST", "/", "AmazonSQS.SendMessage", {"sqs"}),
        ("POST", "/", "AmazonSQS.ReceiveMessage", set()),
        ("POST", "/", "secretsmanager.PutSecretValue", {"secretsmanager"}),
        ("POST", "/", "Logs_20140328.CreateLogGroup", {emulator.ALL}),
        ("POST", "/2015-03-31/functions/answer/invocations", "", set()),
        ("POST", "/_aws/execute-api/a/local/@connections/c", "", set()),
        ("GET", "/_ministack/health", "", set()),
        ("POST", "/", "", {emulator.ALL}),
    ],
)
def test_what_a_request_may_have_changed(method: str, path: str, target: str, changed: set[str]) -> None:
    assert emulator.services_changed(method, path, target) == changed


def test_the_wrapped_application_tells_after_a_request() -> None:
    heard: list[set[str]] = []

    async def application(*_: Any) -> None:
        assert heard == []

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/",
        "headers": [(b"x-amz-target", b"AmazonSQS.SendMessage")],
    }
    asyncio.run(emulator.watched(application, heard.append)(scope, None, None))
    assert heard == [{"sqs"}]


def test_a_full_log_begins_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emulator, "_LOG_BYTES", 10)
    log = tmp_path / "functions.log"
    emulator.append(log, "0123456789ab\n")
    emulator.append(log, "next\n")
    assert log.read_text() == "next\n"
    assert (tmp_path / "functions.log.1").read_text() == "0123456789ab\n"


class _Wake:
    def __init__(self) -> None:
        self.woken = 0

    def set(self) -> None:
        self.woken += 1


def test_a_message_ends_the_sleep_of_a_long_poll() -> None:
    async def poll() -> float:
        loop = asyncio.get_running_loop()
        began = loop.time()
        loop.call_later(0.02, waking.set)
        await waking.sleep(5)
        return loop.time() - began

    wake = _Wake()
    waking = Waking(wake)
    assert asyncio.run(poll()) < 1
    assert wake.woken == 1


def test_a_long_poll_sleeps_no_longer_than_it_would() -> None:
    asyncio.run(Waking(_Wake()).sleep(0.01))


def test_long_polls_are_broken_off_at_the_end() -> None:
    async def poll() -> None:
        waking.end()
        await waking.sleep(5)

    waking = Waking(_Wake())
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(poll())


def test_it_passes_for_the_module_that_it_replaces() -> None:
    assert Waking(_Wake()).get_running_loop is asyncio.get_running_loop


def test_ministack_has_what_is_reached_into() -> None:
    from ministack import app
    from ministack.core import lambda_runtime, persistence
    from ministack.services import cloudwatch_logs, dynamodb, lambda_svc, sqs

    for module, names in {
        app: ("app", "_build_persistence_save_dict"),
        persistence: ("save_all",),
        lambda_runtime: ("workers_in_use", "reset"),
        lambda_svc: ("_emit_lambda_logs",),
        cloudwatch_logs: ("_log_groups",),
        sqs: ("esm_wake", "asyncio", "_queues"),
        dynamodb: ("_remove_item", "_emit_stream_event"),
    }.items():
        for name in names:
            assert hasattr(module, name), f"{module.__name__}.{name}"
    assert reaping.REAPER in {thread.name for thread in threading.enumerate()}
