"""An environment's settings: what is read, what is refused, and what the refusal says."""

import re
from typing import Any

import pytest
from aws_cdk import RemovalPolicy
from aws_cdk.aws_lambda import Architecture
from aws_cdk.aws_logs import RetentionDays

from stacks.settings import SETTINGS, SettingsError, read
from tests.infrastructure.conftest import CONTEXT, REQUIRED, ROOT


def _context(settings: Any = None, **given: Any) -> dict[str, Any]:
    return {"environments": {"dev": {} if settings is None else settings, "prod": {}}, **given}


@pytest.mark.parametrize("environment", ["dev", "staging", "prod", "local"])
def test_the_environments_of_cdk_json_are_good(environment: str) -> None:
    settings = read({**CONTEXT, **REQUIRED.get(environment, {}), "env": environment})
    assert settings.environment == settings.props.stage_name == environment


def test_dev_is_deployed_where_no_environment_is_named() -> None:
    assert read(_context()).environment == "dev"


def test_every_setting_is_read_from_the_environment() -> None:
    props = read(
        _context(
            {
                "auth": "iam",
                "daily_tokens": 500_000,
                "owner_rate": 30,
                "hold_seconds": 15,
                "alarms": False,
                "allowed_models": ["claude-opus-5-5"],
                "max_output_tokens": 10,
                "session_ttl_hours": 1,
                "memory_ttl_days": 2,
                "answer_timeout_seconds": 60,
                "log_retention_days": 365,
                "removal_policy": "retain",
                "point_in_time_recovery": True,
                "architecture": "x86_64",
                "poll_queue": False,
                "poll_stream": False,
                "recall": "off",
                "recall_tokens": 500,
                "context": "full",
                "full_context_tokens": 3000,
                "summary_model": "claude-sonnet-5-5",
                "prices": {"local/llama:8b": [0, 0.000001], "m": [1, 10_000]},
            }
        )
    ).props
    assert props.auth == "iam"
    assert (props.daily_tokens, props.owner_rate) == (500_000, 30)
    assert (props.hold_seconds, props.alarms) == (15, False)
    assert props.models == ("claude-sonnet-5-5", "claude-opus-5-5")
    assert props.max_output_tokens == 10
    assert props.session_ttl.to_hours() == 1
    assert props.memory_ttl.to_days() == 2
    assert props.answer_timeout.to_seconds() == 60
    assert props.log_retention == RetentionDays.ONE_YEAR
    assert props.removal_policy == RemovalPolicy.RETAIN
    assert props.point_in_time_recovery is True
    assert props.architecture.name == Architecture.X86_64.name
    assert props.poll_queue is False
    assert props.poll_stream is False
    assert (props.recall, props.recall_tokens) == ("off", 500)
    assert (props.context, props.window_limit) == ("full", 12_000)
    assert props.summary_model == "claude-sonnet-5-5"
    assert props.prices == {"local/llama:8b": (0, 0.000001), "m": (1, 10_000)}


def test_only_prod_keeps_and_protects_unasked() -> None:
    dev = read(_context()).props
    assert (dev.removal_policy, dev.point_in_time_recovery, dev.deletion_protection) == (
        RemovalPolicy.DESTROY,
        False,
        False,
    )
    prod = read(_context(env="prod")).props
    assert (prod.removal_policy, prod.point_in_time_recovery, prod.deletion_protection) == (
        RemovalPolicy.RETAIN,
        True,
        True,
    )


def test_the_command_line_overrides_one_setting() -> None:
    props = read(
        _context(
            {"max_output_tokens": 10, "context_limit": 5000},
            max_output_tokens="20",
            poll_queue="False",
            allowed_models="a, b,,a",
            system_prompt="",
            prices=" a = 0.1/0.5, openai/gpt:x=12/3.25 ,",
        )
    ).props
    assert props.max_output_tokens == 20
    assert props.context_limit == 5000
    assert props.poll_queue is False
    assert props.models == ("claude-sonnet-5-5", "a", "b")
    assert props.prices == {"a": (0.1, 0.5), "openai/gpt:x": (12, 3.25)}


BAD: list[tuple[str, Any]] = [
    ("auth", "IAM"),
    ("auth", 1),
    ("daily_tokens", -1),
    ("daily_tokens", 10**12 + 1),
    ("daily_tokens", "unlimited"),
    ("daily_tokens", None),
    ("owner_rate", -1),
    ("owner_rate", 0.5),
    ("hold_seconds", 9),
    ("hold_seconds", 111),
    ("alarms", "false"),
    ("dashboard", 1),
    ("metrics", "no"),
    ("provider", "openai"),
    ("secret_store", "vault"),
    ("snap_start", "on"),
    ("table_class", "cold"),
    ("max_read_units", -1),
    ("max_write_units", 40_001),
    ("model", ""),
    ("model", "with space"),
    ("allowed_models", "claude-opus-5-5"),
    ("allowed_models", [1]),
    ("max_output_tokens", 0),
    ("max_output_tokens", 32_001),
    ("max_output_tokens", "8192"),
    ("max_output_tokens", True),
    ("max_output_tokens", None),
    ("context_limit", 999),
    ("max_message_length", 100_001),
    ("session_ttl_hours", 0.5),
    ("memory_ttl_days", 0),
    ("system_prompt", 5),
    ("system_prompt", "x" * 2001),
    ("anthropic_base_url", "ftp://host"),
    ("anthropic_base_url", "http://"),
    ("anthropic_base_url", "http://host:port"),
    ("anthropic_base_url", "http://user@host"),
    ("anthropic_base_url", "https://host/{stage}"),
    ("anthropic_base_url", ""),
    ("anthropic_version", "2023 06 01"),
    ("anthropic_auth_header", "Authorization"),
    ("callback_url", "https://host/{account}"),
    ("callback_url", "https://host/{"),
    ("poll_queue", "true"),
    ("poll_stream", "true"),
    ("recall", "everybody"),
    ("recall_tokens", 20_001),
    ("context", "all"),
    ("full_context_tokens", 999),
    ("summary_model", "with space"),
    ("summary_base_url", "host:80"),
    ("prices", "m=1/2"),
    ("prices", {"m": [1]}),
    ("prices", {"m": [1, 2, 3]}),
    ("prices", {"m": "12"}),
    ("prices", {"m": [True, 1]}),
    ("prices", {"m": [-1, 1]}),
    ("prices", {"m": [1, 10_001]}),
    ("prices", {"m": [0.0000001, 1]}),
    ("prices", {"m": [1, float("nan")]}),
    ("prices", {"with space": [1, 2]}),
    ("prices", {f"m{n}": [1, 2] for n in range(21)}),
    ("route_response", 1),
    ("answer_timeout_seconds", 59),
    ("answer_memory_mb", 127),
    ("memory_mb", 10_241),
    ("throttle_rate", 0),
    ("throttle_burst", -1),
    ("log_retention_days", 31),
    ("log_retention_days", "30"),
    ("log_level", "TRACE"),
    ("removal_policy", "snapshot"),
    ("point_in_time_recovery", 1),
    ("deletion_protection", "yes"),
    ("architecture", "arm"),
    ("metrics_namespace", "AWS/Lambda"),
    ("alarm_recipient_required", "yes"),
    ("kms_key_arn", "alias/mine"),
    ("kms_key_arn", "arn:aws:kms:eu-west-1:111122223333:alias/mine"),
    ("vpc_id", "my-network"),
    ("subnet_ids", "subnet-0123abcd"),
    ("subnet_ids", ["subnet-xyz"]),
    ("security_group_ids", [f"sg-0123abc{n}" for n in range(6)]),
    ("domain_name", "https://bridge.example.com"),
    ("certificate_arn", "arn:aws:iam::111122223333:server-certificate/mine"),
    ("hosted_zone_id", "example.com"),
    ("alarm_topic_arn", "oncall"),
    ("alarm_email", "you"),
    ("alarm_email", "you@localhost"),
]


@pytest.mark.parametrize(("name", "value"), BAD)
def test_a_bad_value_in_an_environment_is_named_with_what_is_allowed(name: str, value: Any) -> None:
    with pytest.raises(SettingsError) as refused:
        read(_context({name: value}))
    assert str(refused.value).startswith(f"environments.dev.{name} in cdk.json must be ")


def test_every_setting_has_a_bad_value_above() -> None:
    assert {name for name, _ in BAD} == set(SETTINGS)


def test_every_setting_is_documented_and_nothing_else() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", (ROOT / "docs" / "settings.md").read_text(), re.MULTILINE)
    assert sorted(rows) == sorted(SETTINGS)


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("auth", "password", "must be one of token, iam, none, not 'password'"),
        ("daily_tokens", "-1", "must be a whole number from 0 to 1000000000000 (tokens; 0 is no limit)"),
        ("owner_rate", "10/s", "must be a whole number from 0 to 100000 (frames a minute; 0 is no limit)"),
        ("hold_seconds", "200", "must be a whole number from 10 to 110 (seconds), not 200"),
        ("alarms", "off", "must be true or false, not 'off'"),
        ("max_output_tokens", "many", "must be a whole number from 1 to 32000 (tokens), not 'many'"),
        ("max_output_tokens", "0", "must be a whole number from 1 to 32000 (tokens), not 0"),
        ("poll_queue", "no", "must be true or false, not 'no'"),
        ("log_retention_days", "31", "must be one of 1, 3, 5"),
        ("callback_url", "host", "must be an http:// or https:// URL"),
        ("allowed_models", "a b", "must be a model's name, not 'a b'"),
        ("context", "half", "must be one of window, full, not 'half'"),
        ("prices", "m=1", "must be at most 20 models, each with two numbers"),
        ("prices", "m=1/2,m=3/4", "must be at most 20 models"),
        ("prices", "m=1e3/2", "must be at most 20 models"),
    ],
)
def test_a_bad_override_is_named_with_what_is_allowed(name: str, text: str, says: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read(_context(**{name: text}))
    assert f"-c {name} {says}" in str(refused.value)


def test_an_unknown_setting_is_named_with_the_nearest_and_all_allowed() -> None:
    with pytest.raises(SettingsError) as refused:
        read(_context({"max_tokens": 5}))
    assert "environments.dev.max_tokens in cdk.json: there is no such setting" in str(refused.value)
    assert "did you mean max_output_tokens?" in str(refused.value)
    assert "anthropic_auth_header, anthropic_base_url" in str(refused.value)


def test_a_misspelt_override_is_not_lost_in_silence() -> None:
    with pytest.raises(
        SettingsError, match="-c throtle_rate: there is no such setting; did you mean throttle"
    ):
        read(_context(throtle_rate="5"))
    with pytest.raises(SettingsError, match=r"-c modle: there is no such setting; did you mean model\?"):
        read(_context(modle="claude-haiku-5-5"))


@pytest.mark.parametrize(
    ("prop", "says"),
    [
        ("session_ttl", r"there is no such setting; did you mean session_ttl_hours\?"),
        ("alarm_topic", r"there is no such setting; did you mean alarm_topic_arn\?"),
    ],
)
def test_an_override_by_the_name_of_a_prop_is_not_lost_in_silence(prop: str, says: str) -> None:
    with pytest.raises(SettingsError, match=f"^-c {prop}: {says}"):
        read(_context(**{prop: "1"}))


def test_the_context_of_others_is_left_alone() -> None:
    read(_context(**{"@aws-cdk/core:newStyleStackSynthesis": True, "vpc": "vpc-1", "aws:cdk:toolkit": "x"}))


@pytest.mark.parametrize(
    ("context", "says"),
    [
        ({}, "cdk.json has no environments"),
        ({"environments": []}, "cdk.json has no environments"),
        (_context(env="prd"), r"env 'prd' is unknown; did you mean prod\? Allowed: dev, prod"),
        (_context(env=""), r"env '' is unknown\. Allowed: dev, prod"),
        (_context(env=["dev"]), r"env \['dev'\] is unknown"),
        (_context([]), r"environments.dev in cdk.json must be an object, not \[\]"),
        ({"environments": {"Dev_1": {}}, "env": "Dev_1"}, "env 'Dev_1': a name needs"),
    ],
)
def test_a_bad_environment_is_named(context: dict[str, Any], says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        read(context)


def test_what_does_not_fit_a_functions_environment_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"system_prompt .* must be at most 2800 bytes together"):
        read(
            _context({"system_prompt": "x" * 2000, "allowed_models": ["m" * 120 + str(n) for n in range(8)]})
        )
