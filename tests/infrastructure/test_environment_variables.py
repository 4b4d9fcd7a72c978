"""What the functions are told, and that no secret is among it."""

import json
import re

import pytest

from tests.infrastructure.conftest import Synthesized, synthesize

EVERY = {"POWERTOOLS_SERVICE_NAME", "POWERTOOLS_METRICS_NAMESPACE", "POWERTOOLS_LOG_LEVEL", "CONTEXT_TABLE"}
TURN = {"QUEUE_URL", "SESSION_TTL", "MEMORY_TTL"}
EXPECTED = {
    "connect": EVERY | {"AUTH", "SIGNING_SECRET_ARN"},
    "disconnect": EVERY,
    "message": EVERY | TURN | {"HASH_TABLE", "MODEL", "ALLOWED_MODELS", "MAX_MESSAGE_LENGTH"},
    "answer": EVERY
    | TURN
    | {"CALLBACK_URL", "ANTHROPIC_SECRET_ARN", "ANTHROPIC_BASE_URL", "ANTHROPIC_VERSION"}
    | {"ANTHROPIC_AUTH_HEADER", "MAX_OUTPUT_TOKENS", "CONTEXT_LIMIT", "SYSTEM_PROMPT"},
}


@pytest.mark.parametrize("name", EXPECTED)
def test_a_function_is_told_what_it_uses(name: str, prod: Synthesized) -> None:
    assert set(prod.function(name)["Environment"]["Variables"]) == EXPECTED[name]


def test_settings_arrive_in_the_units_that_the_functions_read() -> None:
    stack = synthesize(
        "dev",
        session_ttl_hours="2",
        memory_ttl_days="3",
        model="claude-haiku-5-5",
        allowed_models="claude-opus-5-5",
        max_output_tokens="100",
        context_limit="5000",
        max_message_length="70",
        system_prompt="Be brief.",
        anthropic_base_url="http://127.0.0.1:8080/",
        anthropic_version="2026-10-21",
        anthropic_auth_header="authorization",
        log_level="WARNING",
        metrics_namespace="Mine",
    )
    message = stack.function("message")["Environment"]["Variables"]
    assert message["MODEL"] == "claude-haiku-5-5"
    assert message["ALLOWED_MODELS"] == "claude-haiku-5-5,claude-opus-5-5"
    answer = stack.function("answer")["Environment"]["Variables"]
    assert (
        answer.items()
        >= {
            "POWERTOOLS_SERVICE_NAME": "bridge",
            "POWERTOOLS_METRICS_NAMESPACE": "Mine",
            "POWERTOOLS_LOG_LEVEL": "WARNING",
            "SESSION_TTL": "7200",
            "MEMORY_TTL": "259200",
            "MAX_OUTPUT_TOKENS": "100",
            "CONTEXT_LIMIT": "5000",
            "SYSTEM_PROMPT": "Be brief.",
            "ANTHROPIC_BASE_URL": "http://127.0.0.1:8080",
            "ANTHROPIC_VERSION": "2026-10-21",
            "ANTHROPIC_AUTH_HEADER": "authorization",
        }.items()
    )
    assert stack.function("message")["Environment"]["Variables"]["MAX_MESSAGE_LENGTH"] == "70"


def test_functions_find_tables_queue_and_secrets_by_reference(prod: Synthesized) -> None:
    message = prod.function("message")["Environment"]["Variables"]
    assert message["CONTEXT_TABLE"] == {"Ref": prod.id_of("DynamoDB::GlobalTable", "Storage/Sessions")}
    assert message["HASH_TABLE"] == {"Ref": prod.id_of("DynamoDB::GlobalTable", "Storage/Hashes")}
    assert message["QUEUE_URL"] == {"Ref": prod.id_of("SQS::Queue", "Queue/Turns")}
    answer = prod.function("answer")["Environment"]["Variables"]
    assert answer["ANTHROPIC_SECRET_ARN"] == {
        "Ref": prod.id_of("SecretsManager::Secret", "Secrets/Anthropic")
    }
    connect = prod.function("connect")["Environment"]["Variables"]
    assert connect["SIGNING_SECRET_ARN"] == {"Ref": prod.id_of("SecretsManager::Secret", "Secrets/Signing")}


def test_no_secret_is_in_the_template(monkeypatch: pytest.MonkeyPatch, prod: Synthesized) -> None:
    """A key in the environment of whoever deploys is not taken from there either."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-from-the-environment")
    synthesize.cache_clear()
    for stack in (prod, synthesize("dev")):
        text = json.dumps(stack.template)
        assert not re.search("sk-|{{resolve:", text)
        anthropic = stack.one("SecretsManager::Secret", "Secrets/Anthropic")
        assert anthropic["SecretString"] == "unset"
        signing = stack.one("SecretsManager::Secret", "Secrets/Signing")
        assert "SecretString" not in signing
        assert signing["GenerateSecretString"] == {"ExcludePunctuation": True, "PasswordLength": 64}


def test_what_fits_the_limit_fits_lambdas_4_kb() -> None:
    """A deployment would fail late; 170 characters stand for each thing that CloudFormation fills in."""
    stack = synthesize("prod", system_prompt="x" * 2000, metrics_namespace="n" * 255, model="m" * 128)
    variables = stack.function("answer")["Environment"]["Variables"]
    free = ("SYSTEM_PROMPT", "ANTHROPIC_BASE_URL", "POWERTOOLS_METRICS_NAMESPACE")
    rest = {name: value for name, value in variables.items() if name not in free}
    size = sum(len(name) + (len(value) if isinstance(value, str) else 170) for name, value in rest.items())
    assert size + sum(map(len, free)) + 2900 <= 4096
