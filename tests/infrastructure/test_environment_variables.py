"""What the functions are told, and that no secret is among it."""

import json
import re

import pytest

from tests.infrastructure.conftest import Synthesized, synthesize

EVERY = {"POWERTOOLS_SERVICE_NAME", "POWERTOOLS_METRICS_NAMESPACE", "POWERTOOLS_LOG_LEVEL", "CONTEXT_TABLE"}
LIFETIMES = {"SESSION_TTL", "MEMORY_TTL"}
CLAUDE = {
    "ANTHROPIC_SECRET_ARN",
    "ANTHROPIC_BASE_URL",
    "ANTHROPIC_VERSION",
    "ANTHROPIC_AUTH_HEADER",
    "PRICES",
}
EXPECTED = {
    "connect": EVERY | {"AWS_MAX_ATTEMPTS", "AUTH", "SIGNING_SECRET_ARN"},
    "disconnect": EVERY | {"AWS_MAX_ATTEMPTS"},
    "message": EVERY
    | {"AWS_MAX_ATTEMPTS"}
    | LIFETIMES
    | {"QUEUE_URL", "DEAD_LETTER_URL", "CALLBACK_URL", "HASH_TABLE"}
    | {"MODEL", "ALLOWED_MODELS", "MAX_MESSAGE_LENGTH"}
    | {"RECALL", "RECALL_TOKENS"},
    "answer": EVERY
    | LIFETIMES
    | CLAUDE
    | {"QUEUE_URL", "CALLBACK_URL", "HASH_TABLE", "HOLD_SECONDS"}
    | {"MAX_OUTPUT_TOKENS", "CONTEXT_LIMIT", "RECALL_TOKENS", "SYSTEM_PROMPT"},
    "remember": EVERY | LIFETIMES | CLAUDE | {"HASH_TABLE", "SUMMARY_MODEL", "MAX_OUTPUT_TOKENS"},
}


@pytest.mark.parametrize("name", EXPECTED)
def test_a_function_is_told_what_it_uses(name: str, prod: Synthesized) -> None:
    assert set(prod.function(name)["Environment"]["Variables"]) == EXPECTED[name]


def test_where_no_metrics_are_wanted_none_are_put_out() -> None:
    for environment, told in {"dev": "true", "staging": None}.items():
        for name in EXPECTED:
            variables = synthesize(environment).function(name)["Environment"]["Variables"]
            assert variables.get("POWERTOOLS_METRICS_DISABLED") == told


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
        recall="session",
        recall_tokens="300",
        summary_model="claude-sonnet-5-5",
        prices="claude-sonnet-5-5=2/10.5",
        log_level="WARNING",
        metrics_namespace="Mine",
    )
    message = stack.function("message")["Environment"]["Variables"]
    assert message["MODEL"] == "claude-haiku-5-5"
    assert message["ALLOWED_MODELS"] == "claude-haiku-5-5,claude-opus-5-5"
    assert message["RECALL"] == "session"
    assert message["RECALL_TOKENS"] == "300"
    answer = stack.function("answer")["Environment"]["Variables"]
    assert (
        answer.items()
        >= {
            "POWERTOOLS_SERVICE_NAME": "claude-context-bridge-dev/Bridge",
            "POWERTOOLS_METRICS_NAMESPACE": "Mine",
            "POWERTOOLS_LOG_LEVEL": "WARNING",
            "SESSION_TTL": "7200",
            "MEMORY_TTL": "259200",
            "MAX_OUTPUT_TOKENS": "100",
            "CONTEXT_LIMIT": "5000",
            "RECALL_TOKENS": "300",
            "PRICES": "claude-sonnet-5-5=2/10.5",
            "SYSTEM_PROMPT": "Be brief.",
            "ANTHROPIC_BASE_URL": "http://127.0.0.1:8080",
            "ANTHROPIC_VERSION": "2026-10-21",
            "ANTHROPIC_AUTH_HEADER": "authorization",
        }.items()
    )
    assert message["MAX_MESSAGE_LENGTH"] == "70"
    remember = stack.function("remember")["Environment"]["Variables"]
    shared = ("SESSION_TTL", "MEMORY_TTL", "PRICES", "ANTHROPIC_BASE_URL", "ANTHROPIC_AUTH_HEADER")
    assert remember.items() >= {name: answer[name] for name in shared}.items()
    assert remember["SUMMARY_MODEL"] == "claude-sonnet-5-5"


def test_owners_have_limits_only_where_they_are_set() -> None:
    """A function that is told of none does not write down what an owner uses."""

    def told(**settings: str) -> dict[str, object]:
        stack = synthesize("dev", **settings)
        every = {**stack.function("message")["Environment"]["Variables"]}
        every |= stack.function("answer")["Environment"]["Variables"]
        return {name: every[name] for name in ("DAILY_TOKENS", "OWNER_RATE") if name in every}

    assert told() == told(daily_tokens="0", owner_rate="0") == {}
    assert told(daily_tokens="200000") == {"DAILY_TOKENS": "200000"}
    assert told(owner_rate="60") == {"OWNER_RATE": "60"}


def test_a_turn_is_held_no_longer_than_it_may_take() -> None:
    def held(**settings: str) -> object:
        return synthesize("dev", **settings).function("answer")["Environment"]["Variables"]["HOLD_SECONDS"]

    assert held() == "90"
    assert held(hold_seconds="20") == "20"
    assert held(answer_timeout_seconds="60") == "60"
    assert held(hold_seconds="110", answer_timeout_seconds="60") == "60"


def test_summaries_may_be_written_elsewhere() -> None:
    stack = synthesize("dev", summary_base_url="http://127.0.0.1:8081/")
    urls = {
        name: stack.function(name)["Environment"]["Variables"]["ANTHROPIC_BASE_URL"]
        for name in ("answer", "remember")
    }
    assert urls == {"answer": "https://api.anthropic.com", "remember": "http://127.0.0.1:8081"}


def test_a_whole_history_is_a_window_of_four_characters_a_token() -> None:
    def limit(**settings: str) -> object:
        return synthesize("dev", **settings).function("answer")["Environment"]["Variables"]["CONTEXT_LIMIT"]

    assert limit() == "8000"
    assert limit(context="full") == "80000"
    assert limit(context="full", full_context_tokens="2000", context_limit="5000") == "8000"
    assert limit(context="window", full_context_tokens="2000", context_limit="5000") == "5000"


def test_models_are_priced_unless_it_is_said_that_none_is() -> None:
    def prices(**settings: str) -> object:
        return synthesize("dev", **settings).function("remember")["Environment"]["Variables"]["PRICES"]

    assert prices() == "claude-haiku-5-5=0.1/0.5,claude-sonnet-5-5=2/10,claude-opus-5-5=4/20"
    assert prices(prices="") == ""


def test_functions_find_tables_queue_and_secrets_by_reference(prod: Synthesized) -> None:
    message = prod.function("message")["Environment"]["Variables"]
    assert message["CONTEXT_TABLE"] == {"Ref": prod.id_of("DynamoDB::GlobalTable", "Storage/Sessions")}
    assert message["HASH_TABLE"] == {"Ref": prod.id_of("DynamoDB::GlobalTable", "Storage/Hashes")}
    assert message["QUEUE_URL"] == {"Ref": prod.id_of("SQS::Queue", "Queue/Turns")}
    assert message["DEAD_LETTER_URL"] == {"Ref": prod.id_of("SQS::Queue", "Queue/DeadLetters")}
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
    for stack in (prod, synthesize("staging")):
        text = json.dumps(stack.template)
        assert not re.search("sk-|{{resolve:", text)
        anthropic = stack.one("SecretsManager::Secret", "Secrets/Anthropic")
        assert anthropic["SecretString"] == "unset"
        signing = stack.one("SecretsManager::Secret", "Secrets/Signing")
        assert "SecretString" not in signing
        assert signing["GenerateSecretString"] == {"ExcludePunctuation": True, "PasswordLength": 64}


@pytest.mark.parametrize("name", ["message", "answer", "remember"])
def test_what_fits_the_limit_fits_lambdas_4_kb(name: str) -> None:
    """A deployment would fail late; 170 characters stand for each thing that CloudFormation fills in."""
    stack = synthesize(
        "prod",
        auth="none",
        metrics_namespace="n" * 255,
        model="m" * 128,
        summary_model="m" * 128,
        context="full",
        full_context_tokens="200000",
        recall_tokens="20000",
        session_ttl_hours="87840",
        memory_ttl_days="3660",
        daily_tokens=str(10**12),
        owner_rate="100000",
        hold_seconds="110",
    )
    variables = stack.function(name)["Environment"]["Variables"]
    # What the limit counts may be shared out among these in any way.
    free = ("SYSTEM_PROMPT", "ALLOWED_MODELS", "ANTHROPIC_BASE_URL", "POWERTOOLS_METRICS_NAMESPACE", "PRICES")
    size = sum(
        len(name) + (0 if name in free else len(value) if isinstance(value, str) else 170)
        for name, value in variables.items()
    )
    assert size + 2800 <= 4096
