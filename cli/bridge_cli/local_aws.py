"""The bridge on this machine, seen from the command line; `bridge_local` is an extra and may be missing."""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass, field
from typing import Any

from bridge_cli.aws import AwsAccess

_REGION = "us-east-1"
_STACK = "claude-context-bridge-local"  # bridge_local/deployment.py


@dataclass(frozen=True)
class LocalBridge:
    """A bridge that runs on this machine: its endpoint, the AWS behind it, and its stack's outputs.

    `model_note` says who answers; `tiny_model` that it is not Claude, which a person has to know.
    """

    url: str
    token: str | None
    aws_endpoint: str
    model: str
    model_note: str
    tiny_model: bool = False
    region: str = _REGION
    stack: str = _STACK
    outputs: dict[str, str] = field(default_factory=dict)

    @property
    def aws(self) -> AwsAccess:
        """The local AWS, which takes any credentials."""
        return AwsAccess(region=self.region, endpoint=self.aws_endpoint, emulated=True)


def installed() -> bool:
    """Tell whether the extra `local` is there: a wheel brings its own part of it in any case."""
    return all(
        importlib.util.find_spec(name) is not None for name in ("bridge_local", "ministack", "aws_cdk")
    )


def fresh_token() -> str | None:
    """Return a token for the bridge on this machine, None where it takes none or does not run."""
    local = running()
    return local.token if local else None


def running() -> LocalBridge | None:
    """Return the bridge on this machine; None where it is not installed or does not run."""
    told = _status()
    if not told or not told.get("running", True) or not told.get("url"):
        return None
    return LocalBridge(
        url=str(told["url"]),
        token=told.get("token") or None,
        aws_endpoint=str(told.get("aws_endpoint") or ""),
        model=str(told.get("model") or ""),
        model_note=str(told.get("model_note") or ""),
        tiny_model=bool(told.get("tiny_model")),
        region=str(told.get("region") or _REGION),
        outputs=dict(told.get("outputs") or {}),
    )


def is_down() -> bool:
    """Tell whether a bridge was started on this machine, and does not run."""
    told = _status()
    return bool(told and told.get("url") and not told.get("running", True))


def _status() -> dict[str, Any] | None:
    """Ask `bridge_local` what runs; None where it cannot say."""
    if not installed():
        return None
    try:
        status = importlib.import_module("bridge_local.status")
    except ImportError:
        return None
    told: dict[str, Any] | None = status.read()
    return told
