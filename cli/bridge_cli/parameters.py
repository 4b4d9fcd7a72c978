"""Secrets in Parameter Store: CloudFormation cannot make a SecureString, so that `bridge key set` does."""

from __future__ import annotations

import secrets
import string
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from bridge_cli.errors import NotConfigured

if TYPE_CHECKING:
    from bridge_cli.aws import AwsAccess

SIGNING_LENGTH = 64
"""Characters of a generated signing key, as Secrets Manager generates it; HS256 asks for 32 bytes."""

_SERVICE, _REGION = 2, 3  # parts of an ARN


def is_parameter(arn: str) -> bool:
    """Tell whether an ARN is a parameter's."""
    parts = arn.split(":")
    return len(parts) > _REGION and parts[_SERVICE] == "ssm"


def read(aws: AwsAccess, arn: str) -> str | None:
    """Return a parameter's text, decrypted; None where there is none yet. Raises NotConfigured."""
    from bridge_cli.aws import in_words

    client = _beside(aws, arn).client("ssm")
    with in_words(f"the parameter {arn}", "It takes ssm:GetParameter on it. Ask who deployed it."):
        try:
            told = client.get_parameter(Name=_name(arn), WithDecryption=True)
        except client.exceptions.ParameterNotFound:
            return None
    return cast(str, told["Parameter"]["Value"])


def write(aws: AwsAccess, arn: str, value: str, *, replacing: bool = True) -> bool:
    """Put a text into a parameter, a SecureString; return whether it was written: not where one is there.

    Raises NotConfigured.
    """
    from bridge_cli.aws import in_words

    client = _beside(aws, arn).client("ssm")
    with in_words(f"the parameter {arn}", "It takes ssm:PutParameter on it. Ask who deployed it."):
        try:
            client.put_parameter(Name=_name(arn), Value=value, Type="SecureString", Overwrite=replacing)
        except client.exceptions.ParameterAlreadyExists:
            return False
    return True


def make_signing_key(aws: AwsAccess, arn: str) -> bool:
    """Make the key that signs tokens, unless there is one: all tokens would be void. Raises NotConfigured."""
    letters = string.ascii_letters + string.digits
    generated = "".join(secrets.choice(letters) for _ in range(SIGNING_LENGTH))
    return write(aws, arn, generated, replacing=False)


def _name(arn: str) -> str:
    name = arn.partition(":parameter")[2]
    if not name.startswith("/"):
        raise NotConfigured(f"{arn} names no parameter", hint="It ends with :parameter/…")
    return name


def _beside(aws: AwsAccess, arn: str) -> AwsAccess:
    """Return the way to the region that the ARN names: a name alone says none."""
    return replace(aws, region=arn.split(":")[_REGION] or aws.region)
