"""The deployed bridge, as the end-to-end tests use it.

    client ── gateway (a model of API Gateway) ── functions ── recorder ── emulator
                          └─ @connections ──────────┘└─ switchboard ── who plays Claude

The functions run in the emulator. Clients come through the gateway, which has API Gateway's limits; the
functions' calls to AWS go through the recorder, and their calls to Claude through the switchboard.
"""

from __future__ import annotations

import os
import re
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import boto3
import jwt

from bench.standin import INSTANT, STEADY
from bridge.memory.summary import INSTRUCTIONS
from bridge_local import model_server, ports
from bridge_local.deployment import STACK
from bridge_local.emulator import FUNCTIONS_ENDPOINT
from bridge_local.runtime import LocalAws
from bridge_local.status import Status
from tests.e2e.switchboard import Route, Switchboard
from tests.e2e.wire import Wire
from tests.gateway.backend import Emulated
from tests.gateway.model import Gateway
from tests.recorder.recorder import Recorder

CLAUDE = "claude-stand-in"
"""The model that the failing stand-in plays."""

PACED = "tokens-40-every-25ms"
"""The model that takes a second, in a dozen deltas."""

BRISK = "tokens-80-every-25ms"
"""The model that takes two seconds: long enough for a connection or two to end meanwhile."""

ANTHROPIC_KEY = f"sk-ant-marker-{uuid.uuid4().hex}"
"""Stands in for the Anthropic key: a test looks for it where no key may be."""

HOLD_SECONDS = 10
"""How long after a killed function its turn is taken up again: the least that may be set."""


@dataclass
class Deployed:
    """One local AWS with the bridge in it, and all that stands around it."""

    local: LocalAws
    gateway: Gateway
    recorder: Recorder
    switchboard: Switchboard
    port: int
    status: Status = None  # type: ignore[assignment]  # from `up` on
    signing_key: str = ""
    owner: str = "ann"
    """Who speaks where a test does not say."""
    tokens: list[str] = field(default_factory=list)
    """Every token that was minted."""
    _functions: dict[str, str] = field(default_factory=dict)

    def up(self, **options: Any) -> None:
        """Bring it up, or up again."""
        with _in_environment(FUNCTIONS_ENDPOINT, self.recorder.url):
            self.status = self.local.up(port=self.port, **options)
        self.gateway.attach(
            Emulated(self.port, self.aws("apigatewayv2"), self.status.url),
            elsewhere=self.status.url.replace("ws://", "http://"),
        )
        arn = self.status.outputs["SigningSecretArn"]
        self.signing_key = self.aws("secretsmanager").get_secret_value(SecretId=arn)["SecretString"]

    @property
    def url(self) -> str:
        """Where clients connect."""
        return self.gateway.websocket_url

    @property
    def real_model(self) -> str:
        """The name of a real, tiny model."""
        return model_server.MODEL

    def aws(self, service: str) -> Any:
        """Return a client for the local AWS, past the recorder."""
        return boto3.client(
            service,
            endpoint_url=f"http://127.0.0.1:{self.port}",
            region_name="us-east-1",
            aws_access_key_id="000000000000",
            aws_secret_access_key="local",
        )

    def physical_names(self) -> dict[str, str]:
        """Return what the stack's resources are called, by their logical ids."""
        pages = self.aws("cloudformation").get_paginator("list_stack_resources").paginate(StackName=STACK)
        listed = [each for page in pages for each in page["StackResourceSummaries"]]
        return {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in listed}

    def function(self, name: str) -> str:
        """Return what a function's calls bear as its name: ``answer`` is the end of a long one."""
        if name not in self._functions:
            for logical_id, physical in self.physical_names().items():
                if found := re.fullmatch(r"BridgeFunctions(\w+)Function\w{8}", logical_id):
                    self._functions[found[1].lower()] = physical[-50:]
        return self._functions[name]

    def token(self, owner: str, *, expires: int = 600) -> str:
        """Return a token that is good for ``expires`` seconds."""
        now = int(time.time())
        claims = {"sub": owner, "iat": now, "exp": now + expires, "jti": uuid.uuid4().hex}
        token = jwt.encode(claims, self.signing_key, algorithm="HS256")
        self.tokens.append(token)
        return token

    def connect(self, owner: str | None = None) -> Wire:
        """Connect as ``owner``."""
        return Wire(self.url, self.token(owner or self.owner))

    def requests_seen(self) -> int:
        """Return how often Claude was asked so far."""
        return len(self.switchboard.asked)

    def last_request(self) -> dict[str, Any]:
        """Return what Claude was asked last for a turn: a summary may be asked for at any time beside it."""
        asked = (each.request for each in reversed(self.switchboard.asked))
        return next(request for request in asked if INSTRUCTIONS not in str(request.get("system")))


@contextmanager
def deployed(
    folder: Path,
    route: Route,
    *,
    settings: Mapping[str, str] = MappingProxyType({}),
    progress: Callable[[str], None] = print,
) -> Iterator[Deployed]:
    """Bring the real template up in ``folder``; ``route`` says who plays Claude."""
    port = ports.free_port(30_000)
    with ExitStack() as stack:
        switchboard = stack.enter_context(Switchboard(route))
        gateway = stack.enter_context(Gateway())
        recorder = stack.enter_context(Recorder(f"http://127.0.0.1:{port}"))
        local = LocalAws(folder, progress=progress)
        bridge = Deployed(local, gateway, recorder, switchboard, port)
        stack.callback(local.down)
        base = {
            "anthropic_base_url": switchboard.url,
            "callback_url": f"{gateway.url}/{{stage}}",
            "hold_seconds": str(HOLD_SECONDS),
            "model": INSTANT,
            "allowed_models": ",".join([INSTANT, PACED, BRISK, STEADY, CLAUDE, model_server.MODEL]),
            "summary_model": INSTANT,
            "prices": f"{INSTANT}=2/10",
        }
        bridge.up(settings=base | dict(settings), api_key=ANTHROPIC_KEY)
        yield bridge


@contextmanager
def _in_environment(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
