"""Secrets: read once, and anew where a key may have changed."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from typing import Any

import boto3
import pytest
from aws_lambda_powertools.utilities.parameters import base
from botocore.exceptions import ClientError

from bridge.adapters.secrets import MAX_AGE, ManagedSecret, StoredParameter, secret
from bridge.errors import Internal
from tests import aws


@pytest.fixture
def client(moto: None) -> Any:
    return boto3.client("secretsmanager", region_name=aws.REGION)


def test_a_secret_is_read_once(client: Any) -> None:
    arn = aws.create_secret("one")
    calls = aws.Calls(client)
    stored = ManagedSecret(client, arn)
    assert stored.value() == stored.value() == "one"
    assert calls.made == {"GetSecretValue": 1}


def test_a_rotated_secret_is_there_for_whoever_asks_for_it(client: Any) -> None:
    arn = aws.create_secret("one")
    stored = ManagedSecret(client, arn)
    assert stored.value() == "one"
    client.put_secret_value(SecretId=arn, SecretString="two")
    assert stored.value() == "one"
    assert stored.value(fresh=True) == "two"
    assert stored.value() == "two"


def test_a_binary_secret_is_text(client: Any) -> None:
    arn = client.create_secret(Name="binary", SecretBinary=b"one")["ARN"]
    assert ManagedSecret(client, arn).value() == "one"


def test_two_secrets_are_apart(client: Any) -> None:
    first, second = aws.create_secret("one"), aws.create_secret("two")
    assert (ManagedSecret(client, first).value(), ManagedSecret(client, second).value()) == ("one", "two")


def test_a_secret_that_cannot_be_read_is_the_bridges_own_failure(client: Any) -> None:
    arn = aws.create_secret("one")
    client.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)
    with pytest.raises(Internal) as caught:
        ManagedSecret(client, arn).value()
    assert "ResourceNotFoundException" in (caught.value.detail or "")


def test_a_rotated_secret_is_in_use_within_five_minutes(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    class Later(datetime):
        """A time that is five minutes ahead."""

        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + timedelta(seconds=MAX_AGE)

    arn = aws.create_secret("one")
    stored = ManagedSecret(client, arn)
    assert stored.value() == "one"
    client.put_secret_value(SecretId=arn, SecretString="two")
    monkeypatch.setattr(base, "datetime", Later)
    assert stored.value() == "two"
    assert MAX_AGE <= 5 * 60


ARN = f"arn:aws:ssm:{aws.REGION}:{aws.ACCOUNT}:parameter/claude-context-bridge-dev/Bridge/anthropic"
NAME = "/claude-context-bridge-dev/Bridge/anthropic"


@pytest.fixture
def ssm(moto: None) -> Any:
    return boto3.client("ssm", region_name=aws.REGION)


def test_an_arn_says_where_a_secret_lives(client: Any) -> None:
    asked: list[str] = []

    def made(service: str) -> Any:
        asked.append(service)
        return boto3.client(service, region_name=aws.REGION)

    assert isinstance(secret(ARN, made), StoredParameter)
    assert isinstance(secret(aws.create_secret("one"), made), ManagedSecret)
    assert isinstance(secret("a-name-as-the-emulator-tells-it", made), ManagedSecret)
    assert asked == ["ssm", "secretsmanager", "secretsmanager"]


def test_a_parameter_is_read_once_decrypted_and_anew_for_whoever_asks(ssm: Any) -> None:
    ssm.put_parameter(Name=NAME, Value="one", Type="SecureString")
    calls = aws.Calls(ssm)
    stored = StoredParameter(ssm, ARN)
    assert stored.value() == stored.value() == "one"
    assert calls.made == {"GetParameter": 1}
    ssm.put_parameter(Name=NAME, Value="two", Type="SecureString", Overwrite=True)
    assert (stored.value(), stored.value(fresh=True), stored.value()) == ("one", "two", "two")


def test_a_parameter_that_is_missing_is_there_as_soon_as_it_is_made(ssm: Any) -> None:
    stored = StoredParameter(ssm, ARN)
    assert stored.value() == "unset"
    ssm.put_parameter(Name=NAME, Value="one", Type="SecureString")
    assert stored.value() == "one"


def test_a_parameter_that_cannot_be_read_is_the_bridges_own_failure(
    ssm: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    denied = {"Error": {"Code": "AccessDeniedException", "Message": "no"}}

    def refuse(**_: object) -> None:
        raise ClientError(denied, "GetParameter")

    monkeypatch.setattr(ssm, "get_parameter", refuse)
    with pytest.raises(Internal) as caught:
        StoredParameter(ssm, ARN).value()
    assert "AccessDeniedException" in (caught.value.detail or "")
