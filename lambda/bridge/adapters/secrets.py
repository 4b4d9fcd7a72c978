"""Secrets from Secrets Manager or from Parameter Store, through Powertools' cache. Their ARNs say which."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aws_lambda_powertools.utilities.parameters import SecretsProvider, SSMProvider
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError

from bridge.errors import Internal
from bridge.ports.secrets import UNSET, Secret

MAX_AGE = 300
"""Seconds for which a value is taken as read: a rotated secret is in use after five minutes."""

_SERVICE = 2  # the third part of an ARN


def secret(arn: str, client: Callable[[str], Any]) -> Secret:
    """Return a secret, whichever service its ARN names; ``client`` makes a service's client.

    The emulator's CloudFormation tells a secret's name instead, once the stack was updated.
    """
    if arn.split(":")[_SERVICE : _SERVICE + 1] == ["ssm"]:
        return StoredParameter(client("ssm"), arn)
    return ManagedSecret(client("secretsmanager"), arn)


class ManagedSecret:
    """One secret of Secrets Manager's, by its ARN."""

    def __init__(self, client: Any, arn: str) -> None:
        self._provider = SecretsProvider(boto3_client=client)
        self._arn = arn

    def value(self, *, fresh: bool = False) -> str:
        """Return the secret's text. Raises `Internal` where it cannot be read."""
        try:
            value = self._provider.get(self._arn, max_age=MAX_AGE, force_fetch=fresh)
        except GetParameterError as error:
            raise _unreadable(error) from error
        return value.decode() if isinstance(value, bytes) else str(value)


class StoredParameter:
    """One SecureString of Parameter Store's, by its ARN."""

    def __init__(self, client: Any, arn: str) -> None:
        self._provider = SSMProvider(boto3_client=client)
        self._name = arn.partition(":parameter")[2]

    def value(self, *, fresh: bool = False) -> str:
        """Return the parameter's text, `UNSET` where there is none: no deployment can make a SecureString.

        Raises `Internal` where it cannot be read.
        """
        try:
            value = self._provider.get(self._name, max_age=MAX_AGE, decrypt=True, force_fetch=fresh)
        except GetParameterError as error:
            if _code(error) == "ParameterNotFound":
                return UNSET
            raise _unreadable(error) from error
        return str(value)


def _unreadable(error: GetParameterError) -> Internal:
    return Internal("The bridge could not read one of its secrets. Try again.", detail=str(error))


def _code(error: GetParameterError) -> str:
    """Return the code of the error of AWS's in which Powertools' own was raised."""
    response: dict[str, Any] = getattr(error.__context__, "response", {})
    return str(response.get("Error", {}).get("Code", ""))
