"""Secrets from Secrets Manager, through Powertools' cache."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.parameters import SecretsProvider
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError

from bridge.errors import Internal

MAX_AGE = 300
"""Seconds for which a value is taken as read: a rotated secret is in use after five minutes."""


class ManagedSecret:
    """One secret, by its ARN."""

    def __init__(self, client: Any, arn: str) -> None:
        self._provider = SecretsProvider(boto3_client=client)
        self._arn = arn

    def value(self, *, fresh: bool = False) -> str:
        """Return the secret's text. Raises `Internal` where it cannot be read."""
        try:
            value = self._provider.get(self._arn, max_age=MAX_AGE, force_fetch=fresh)
        except GetParameterError as error:
            raise Internal(
                "The bridge could not read one of its secrets. Try again.", detail=str(error)
            ) from error
        return value.decode() if isinstance(value, bytes) else str(value)
