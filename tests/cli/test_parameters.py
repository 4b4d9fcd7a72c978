"""`bridge key` and `bridge token` where secrets live in Parameter Store, against moto."""

from __future__ import annotations

from typing import Any

import boto3
import jwt
import pytest

from tests.cli.conftest import Run
from tests.cli.fake_aws import REGION, STACK, FakeAws
from tests.cli.fake_bridge import FakeBridge

KEY = "sk-ant-api03-" + "k" * 90
PATH = f"/{STACK}/Bridge/"
ARN = f"arn:aws:ssm:{REGION}:123456789012:parameter{PATH}"


@pytest.fixture
def ssm(aws: FakeAws) -> Any:
    aws.stacks[STACK] = {
        "Url": "wss://x.example/test",
        "Auth": "token",
        "Provider": "anthropic",
        "AnthropicSecretArn": f"{ARN}anthropic",
        "SigningSecretArn": f"{ARN}signing",
    }
    return boto3.client("ssm", region_name=REGION)


def held(ssm: Any) -> dict[str, tuple[str, str]]:
    """Return the parameters' types and values by the last part of their names."""
    found = ssm.get_parameters_by_path(Path=PATH, WithDecryption=True)["Parameters"]
    return {it["Name"].removeprefix(PATH): (it["Type"], it["Value"]) for it in found}


def test_key_set_makes_both_parameters(ssm: Any, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    told = run("key", "set", "--stack", STACK)
    assert told.exit_code == 0
    both = held(ssm)
    assert both["anthropic"] == ("SecureString", KEY)
    kind, signing = both["signing"]
    assert (kind, len(signing), signing.isalnum()) == ("SecureString", 64, True)
    assert KEY not in told.output
    assert signing not in told.output
    assert "signs tokens" in told.stderr


def test_key_set_renews_the_key_and_never_the_signing_key(ssm: Any, run: Run) -> None:
    run("key", "set", "--stack", STACK, input=KEY)
    signing = held(ssm)["signing"]
    told = run("key", "set", "--stack", STACK, input=KEY[:-1] + "z")
    assert told.exit_code == 0
    assert held(ssm) == {"anthropic": ("SecureString", KEY[:-1] + "z"), "signing": signing}
    assert "signs tokens" not in told.stderr


def test_tokens_are_signed_with_the_parameter(ssm: Any, run: Run) -> None:
    told = run("token", "create", "--owner", "ada", "--stack", STACK)
    assert (told.exit_code, told.stdout) == (3, "")
    assert "bridge key set" in told.stderr
    run("key", "set", "--stack", STACK, input=KEY)
    told = run("token", "create", "--owner", "ada", "--stack", STACK)
    assert jwt.decode(told.stdout.strip(), held(ssm)["signing"][1], algorithms=["HS256"])["sub"] == "ada"


def test_no_token_is_minted_with_a_key_that_is_missing(
    ssm: Any, aws: FakeAws, bridge: FakeBridge, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BRIDGE_URL")
    aws.stacks[STACK]["Url"] = bridge.url
    told = run("ask", "Hi", "plans", "--stack", STACK)
    assert told.exit_code == 3
    assert "bridge key set" in told.stderr
    assert bridge.handshakes == []


def test_a_parameters_region_is_its_arns(ssm: Any, run: Run) -> None:
    elsewhere = f"arn:aws:ssm:us-west-2:123456789012:parameter{PATH}anthropic"
    assert run("key", "set", "--secret", elsewhere, input=KEY).exit_code == 0
    assert held(ssm) == {}
    assert held(boto3.client("ssm", region_name="us-west-2")) == {"anthropic": ("SecureString", KEY)}


def test_an_arn_of_no_parameter_is_refused(ssm: Any, run: Run) -> None:
    told = run("key", "set", "--secret", f"arn:aws:ssm:{REGION}:123456789012:document/x", input=KEY)
    assert told.exit_code == 3
    assert "names no parameter" in told.stderr


def test_on_bedrock_no_key_is_asked_for_and_tokens_get_theirs(ssm: Any, aws: FakeAws, run: Run) -> None:
    aws.stacks[STACK]["Provider"] = "bedrock"
    del aws.stacks[STACK]["AnthropicSecretArn"]
    told = run("key", "set", "--stack", STACK, input=KEY)
    assert told.exit_code == 0
    assert "no key is needed" in told.stderr
    assert list(held(ssm)) == ["signing"]
    del aws.stacks[STACK]["SigningSecretArn"]
    assert run("key", "set", "--stack", STACK).exit_code == 0
