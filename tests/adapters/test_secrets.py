"""Secrets: read once, and anew where a key may have changed."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from typing import Any

import boto3
import pytest
from aws_lambda_powertools.utilities.parameters import base

from bridge.adapters.secrets import MAX_AGE, ManagedSecret
from bridge.errors import Internal
from tests import aws


@pytest.fixture
def client(moto: None) -> Any:
    return boto3.client("secretsmanager", region_name=aws.REGION)


def test_a_secret_is_read_once(client: Any) -> None:
    arn = aws.create_secret("one")
    calls = aws.Calls(client)
    secret = ManagedSecret(client, arn)
    assert secret.value() == secret.value() == "one"
    assert calls.made == {"GetSecretValue": 1}


def test_a_rotated_secret_is_there_for_whoever_asks_for_it(client: Any) -> None:
    arn = aws.create_secret("one")
    secret = ManagedSecret(client, arn)
    assert secret.value() == "one"
    client.put_secret_value(SecretId=arn, SecretString="two")
    assert secret.value() == "one"
    assert secret.value(fresh=True) == "two"
    assert secret.value() == "two"


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
    secret = ManagedSecret(client, arn)
    assert secret.value() == "one"
    client.put_secret_value(SecretId=arn, SecretString="two")
    monkeypatch.setattr(base, "datetime", Later)
    assert secret.value() == "two"
    assert MAX_AGE <= 5 * 60
