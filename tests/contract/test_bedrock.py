"""The functions with Claude on Bedrock, and with secrets in Parameter Store, through the real handlers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import pytest

from bridge import bootstrap
from tests import aws
from tests.bedrock_wire import REQUEST_ID, event, failing, streaming
from tests.contract.conftest import SIGNING_SECRET, Deployment, bearer
from tests.contract.speaking import Speaker, stored
from tests.messages_server import KEY, Reply

HAIKU = "global.anthropic.claude-haiku-5-5-v1:0"
SONNET = "eu.anthropic.claude-sonnet-5-5-v1:0"
PARAMETERS = f"arn:aws:ssm:{aws.REGION}:{aws.ACCOUNT}:parameter/claude-context-bridge-dev/Bridge/"


def answered(text: str, model: str = "claude-sonnet-5-5") -> Reply:
    usage = {"input_tokens": 1000, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
    return streaming(
        event("message_start", message={"model": model, "usage": usage}),
        event("content_block_delta", index=0, delta={"type": "text_delta", "text": text}),
        event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 100}),
        event("message_stop"),
    )


def ask(speaker: Speaker, message: str) -> tuple[str, dict[str, Any]]:
    """Send a message, and let it be answered; return what was said, and the turn's last frame."""
    assert speaker.act("query", message=message, session_id="travel")["type"] == "accepted"
    *deltas, closing = map(json.loads, speaker.deployment.work())
    return "".join(delta.get("text", "") for delta in deltas), closing


@pytest.fixture
def bedrock(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    for name in ("SECRET_ARN", "BASE_URL", "VERSION", "AUTH_HEADER"):
        monkeypatch.delenv(f"ANTHROPIC_{name}")
    monkeypatch.setenv("PROVIDER", "bedrock")
    monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", deployment.claude.url)
    monkeypatch.setenv("MODEL", SONNET)
    monkeypatch.setenv("ALLOWED_MODELS", f"{SONNET},{HAIKU}")
    monkeypatch.setenv("SUMMARY_MODEL", HAIKU)
    monkeypatch.setenv("CONTEXT_LIMIT", "180")
    monkeypatch.setenv("PRICES", f"claude-haiku-5-5=0.10/0.50,claude-sonnet-5-5=2/10,{SONNET}=4/20")
    return deployment


def test_a_conversation_on_bedrock_its_costs_and_its_summary(bedrock: Deployment) -> None:
    ada = Speaker.of(bedrock, "ada")
    for number in range(4):
        bedrock.claude.reply(answered(f"Noted: {number}."))
        said, closing = ask(ada, f"Number {number}: let us plan how to sail to Skagen.")
    assert said == "Noted: 3."
    assert closing["model"] == SONNET
    assert closing["cost"] == {"dollars": 0.006, "uncached_dollars": 0.006}
    assert {asked.path for asked in bedrock.claude.asked} == {
        f"/model/{SONNET.replace(':', '%3A')}/invoke-with-response-stream"
    }
    bedrock.claude.reply(answered("Ada sails to Skagen.", "claude-haiku-5-5"))
    assert bedrock.remember("ada/travel") == []
    assert HAIKU.replace(":", "%3A") in bedrock.claude.asked[-1].path
    assert any(item.get("text") == "Ada sails to Skagen." for item in stored().values())
    assert REQUEST_ID in bedrock.log.getvalue()


def test_what_bedrock_refuses_the_client_is_told(bedrock: Deployment) -> None:
    ada = Speaker.of(bedrock, "ada")
    bedrock.claude.reply(failing(403, "AccessDeniedException", "arn:aws:sts::123456789012:assumed-role/r"))
    _, told = ask(ada, "Hello?")
    assert (told["type"], told["code"], told["retryable"]) == ("error", "upstream_error", False)
    assert "access to the model" in told["message"]
    assert "assumed-role" not in json.dumps(told)


@pytest.fixture
def parameters(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("ANTHROPIC_SECRET_ARN", f"{PARAMETERS}anthropic")
    monkeypatch.setenv("SIGNING_SECRET_ARN", f"{PARAMETERS}signing")
    return boto3.client("ssm", region_name=aws.REGION)


def put(ssm: Any, name: str, value: str) -> None:
    ssm.put_parameter(Name=f"/claude-context-bridge-dev/Bridge/{name}", Value=value, Type="SecureString")


def test_secrets_in_parameter_store_are_used_as_soon_as_they_are_there(
    deployment: Deployment, parameters: Any
) -> None:
    assert deployment.connect(bearer())["statusCode"] == 503
    assert "bridge key set" in deployment.log.getvalue()
    put(parameters, "signing", SIGNING_SECRET)
    ada = Speaker.of(deployment, "ada")
    _, told = ask(ada, "Hello?")
    assert "bridge key set" in told["message"]
    put(parameters, "anthropic", KEY)
    deployment.claude.reply(Reply())
    assert ask(ada, "Hello again?")[0] == "Hello 中😀"
    assert deployment.claude.asked[-1].headers["x-api-key"] == KEY
    assert KEY not in deployment.log.getvalue()
    assert SIGNING_SECRET not in deployment.log.getvalue()


def test_nobody_is_let_in_by_a_signing_key_that_is_none(deployment: Deployment, parameters: Any) -> None:
    assert deployment.connect(bearer(secret="unset" * 13))["statusCode"] == 503


def test_whoever_asks_anthropic_loads_nothing_of_bedrocks() -> None:
    told = (
        "import sys; from bridge import bootstrap; bootstrap._claude(9); "
        "sys.exit('bridge.adapters.bedrock' in sys.modules)"
    )
    environment = {
        **aws.ENVIRONMENT,
        "ANTHROPIC_SECRET_ARN": f"{PARAMETERS}anthropic",
        "ANTHROPIC_BASE_URL": "http://localhost:1",
        "ANTHROPIC_VERSION": "2023-06-01",
        "ANTHROPIC_AUTH_HEADER": "x-api-key",
        "PYTHONPATH": str(Path(bootstrap.__file__).parents[1]),
    }
    subprocess.run([sys.executable, "-c", told], env=environment, check=True)
