"""`bridge token`, `bridge key` and `--stack`, against moto."""

from __future__ import annotations

import json
from typing import Any

import jwt
import pytest

from bridge_cli import tokens
from bridge_cli.errors import UsageError
from tests.cli.conftest import Run
from tests.cli.fake_aws import SIGNING, STACK, Deployed, FakeAws
from tests.cli.fake_bridge import FakeBridge

KEY = "sk-ant-api03-" + "k" * 90


@pytest.fixture
def deployed(aws: FakeAws) -> Deployed:
    return aws.deploy("wss://x.example/test")


def claims(token: str) -> dict[str, Any]:
    return dict(jwt.decode(token, SIGNING, algorithms=["HS256"]))


def test_a_token_is_all_that_is_printed(deployed: Deployed, run: Run) -> None:
    told = run("token", "create", "--owner", "ada", "--expires", "30m", "--stack", STACK)
    assert told.exit_code == 0
    read = claims(told.stdout.removesuffix("\n"))
    assert read["jti"] in told.stderr
    assert told.stdout.strip() not in told.stderr
    assert set(read) == {"sub", "exp", "iat", "jti"}
    assert read["sub"] == "ada"
    assert read["exp"] - read["iat"] == 1800


def test_a_token_with_its_id_as_json(deployed: Deployed, run: Run) -> None:
    told = json.loads(run("token", "create", "--owner", "ada", "--stack", STACK, "--json").stdout)
    read = claims(told["token"])
    assert told == {"token": told["token"], "id": read["jti"], "owner": "ada", "expires": read["exp"]}


def test_the_signing_secret_comes_from_an_option_a_profile_or_the_environment(
    deployed: Deployed, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert claims(run("token", "create", "-o", "ada", "--secret", deployed.signing).stdout.strip())
    run("config", "set", "signing_secret", deployed.signing, "--profile", "bare")
    assert claims(run("token", "create", "-o", "ada", "--profile", "bare").stdout.strip())
    run("config", "set", "stack", STACK, "--profile", "test")
    assert claims(run("token", "create", "-o", "ada", "--profile", "test").stdout.strip())
    monkeypatch.setenv("BRIDGE_STACK", STACK)
    assert claims(run("token", "create", "-o", "ada").stdout.strip())


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--owner", "a#b"], 2),
        (["--owner", ""], 2),
        (["--owner", "a\nb"], 2),
        (["--owner", "x" * 257], 2),
        (["--owner", "ada", "--expires", "soon"], 2),
        (["--owner", "ada", "--expires", "0"], 2),
        (["--owner", "ada"], 3),
        (["--owner", "ada", "--stack", "other"], 3),
        (["--owner", "ada", "--secret", "arn:aws:secretsmanager:eu-central-1:123456789012:secret:none"], 3),
    ],
)
def test_no_token_where_something_is_wrong(aws: FakeAws, run: Run, arguments: list[str], code: int) -> None:
    told = run("token", "create", *arguments)
    assert told.exit_code == code
    assert told.stdout == ""
    assert told.stderr


@pytest.mark.parametrize(
    ("given", "seconds"), [("90", 90), ("90s", 90), ("30m", 1800), ("24H", 86_400), ("2w", 1_209_600)]
)
def test_times(given: str, seconds: int) -> None:
    assert tokens.seconds_of(given) == seconds
    with pytest.raises(UsageError):
        tokens.seconds_of("366d")


def test_the_key_goes_from_the_environment_into_the_secret_and_nowhere_else(
    deployed: Deployed, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    told = run("key", "set", "--stack", STACK)
    assert told.exit_code == 0
    assert deployed.key() == KEY
    assert KEY not in told.output
    assert "Warning" not in told.stderr
    assert "ANTHROPIC_API_KEY" in told.stderr


def test_the_key_from_a_pipe(deployed: Deployed, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    told = run("key", "set", "--stack", STACK, input=f" {KEY}\n")
    assert deployed.key() == KEY
    assert told.exit_code == 0
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-of-the-environment")
    run("key", "set", "-", "--secret", deployed.anthropic, input="sk-other-of-a-gateway-somewhere")
    assert deployed.key() == "sk-other-of-a-gateway-somewhere"


def test_an_unusual_key_is_kept_with_a_warning(deployed: Deployed, run: Run) -> None:
    told = run("key", "set", "--stack", STACK, input="short-key")
    assert deployed.key() == "short-key"
    assert told.stderr.count("Warning") == 2
    assert "short-key" not in told.output


@pytest.mark.parametrize("key", ["", "unset", "two words", "sk-ant-ü", "sk-ant-\x1b[31m"])
def test_what_is_no_key_is_refused(deployed: Deployed, run: Run, key: str) -> None:
    assert run("key", "set", "--stack", STACK, input=key).exit_code == 2
    assert deployed.key() == "unset"


def test_a_key_on_the_command_line_is_refused_and_not_repeated(deployed: Deployed, run: Run) -> None:
    told = run("key", "set", KEY, "--stack", STACK)
    assert told.exit_code == 2
    assert KEY not in told.output
    assert deployed.key() == "unset"


def test_a_stack_tells_the_endpoint_and_lets_one_in(
    aws: FakeAws, bridge: FakeBridge, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BRIDGE_URL")
    aws.deploy(bridge.url)
    assert run("ask", "Hi", "plans", "--stack", STACK).stdout == "Hello, world\n"
    sent = bridge.handshakes[0]["Authorization"].removeprefix("Bearer ")
    assert claims(sent)["sub"] == tokens.local_user()
    assert claims(sent)["exp"] - claims(sent)["iat"] == tokens.OWN_LIFETIME
    run("config", "set", "stack", STACK, "--profile", "test")
    run("config", "set", "owner", "ada", "--profile", "test")
    assert run("ask", "Hi", "plans", "--profile", "test").exit_code == 0
    assert claims(bridge.handshakes[1]["Authorization"].removeprefix("Bearer "))["sub"] == "ada"


def test_a_stack_without_authentication_gets_no_token(
    aws: FakeAws, bridge: FakeBridge, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BRIDGE_URL")
    aws.deploy(bridge.url, auth="none")
    assert run("ask", "Hi", "plans", "--stack", STACK).exit_code == 0
    assert "Authorization" not in bridge.handshakes[0]


def test_without_aws_access_it_says_what_is_missing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    told = run("ask", "Hi", "--stack", STACK)
    assert told.exit_code == 3
    assert "region" in told.stderr
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    told = run("ask", "Hi", "--stack", STACK)
    assert told.exit_code == 3
    assert "credentials" in told.stderr


def test_doctor_sees_whether_the_key_is_there(
    aws: FakeAws, bridge: FakeBridge, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BRIDGE_URL")
    stack = aws.deploy(bridge.url)
    told = run("doctor", "--stack", STACK)
    assert told.exit_code == 1
    assert "✗ Anthropic key" in told.stdout
    assert "bridge key set" in told.stdout
    aws.secrets.put_secret_value(SecretId=stack.anthropic, SecretString=KEY)
    told = run("doctor", "--stack", STACK)
    assert told.exit_code == 0
    assert "✓ Anthropic key" in told.stdout
    assert KEY not in told.output
    assert SIGNING not in told.output


@pytest.mark.parametrize("auth", ["none", "iam"])
def test_where_no_tokens_are_taken_none_is_made(aws: FakeAws, run: Run, auth: str) -> None:
    aws.stacks[STACK] = {"Url": "wss://a.example/x", "Auth": auth}
    told = run("token", "create", "--owner", "ada", "--stack", STACK)
    assert told.exit_code == 3
    assert f"auth is {auth} here: there are no tokens" in told.stderr
    assert "--secret" not in told.stderr


def test_one_bridge_of_several_in_a_stack_is_named_by_its_prefix(
    deployed: Deployed, aws: FakeAws, run: Run
) -> None:
    plain = aws.stacks.pop(STACK)
    aws.stacks[STACK] = {f"Team{name}": value for name, value in plain.items()} | {
        "SupportUrl": "wss://other"
    }
    told = run("token", "create", "--owner", "ada", "--stack", f"{STACK}/Team")
    assert claims(told.stdout.strip())["sub"] == "ada"
    told = run("token", "create", "--owner", "ada", "--stack", f"{STACK}/Tea")
    assert told.exit_code == 3
    assert (
        run("token", "create", "--owner", "ada", "--stack", f"{STACK}/Sales")
        .stderr.splitlines()[0]
        .endswith(f"the stack {STACK} has no outputs that begin with Sales")
    )
