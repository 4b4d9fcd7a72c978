"""The deployed bridge, as the end-to-end tests use it."""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass
from typing import Any

import boto3
import jwt

from bridge_local.runtime import LocalAws
from bridge_local.status import Status
from tests.e2e.switchboard import Switchboard
from tests.e2e.wire import Wire

CLAUDE = "claude-stand-in"
"""The model that the failing stand-in plays."""

ANTHROPIC_KEY = f"sk-ant-marker-{uuid.uuid4().hex}"
"""Stands in for the Anthropic key: a test looks for it where no key may be."""


@dataclass
class Deployed:
    """One local AWS with the bridge in it, and all who play Claude behind one switchboard."""

    local: LocalAws
    status: Status
    switchboard: Switchboard
    real_model: str
    owner: str = "ann"
    """Who speaks where a test does not say."""

    def __post_init__(self) -> None:
        secrets = self.aws("secretsmanager")
        arn = self.status.outputs["SigningSecretArn"]
        self.signing_key: str = secrets.get_secret_value(SecretId=arn)["SecretString"]

    @property
    def url(self) -> str:
        """Where clients connect."""
        return self.status.url

    def aws(self, service: str) -> Any:
        """Return a client for the local AWS."""
        return boto3.client(
            service,
            endpoint_url=self.status.aws_endpoint,
            region_name=self.status.region,
            aws_access_key_id="000000000000",
            aws_secret_access_key="local",
        )

    def token(self, owner: str, *, expires: int = 600) -> str:
        """Return a token that is good for ``expires`` seconds."""
        now = int(time.time())
        claims = {"sub": owner, "iat": now, "exp": now + expires, "jti": uuid.uuid4().hex}
        return jwt.encode(claims, self.signing_key, algorithm="HS256")

    def connect(self, owner: str | None = None) -> Wire:
        """Connect as ``owner``."""
        return Wire(self.url, self.token(owner or self.owner))

    def requests_seen(self) -> int:
        """Return how often Claude was asked so far."""
        return len(self.switchboard.bodies)

    def last_request(self) -> dict[str, Any]:
        """Return what Claude was asked last."""
        body: dict[str, Any] = json.loads(self.switchboard.bodies[-1])
        return body
