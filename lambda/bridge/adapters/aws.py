"""AWS clients, and how they retry."""

from __future__ import annotations

import os
import re
from typing import Any

import boto3
from botocore.config import Config

ATTEMPTS = 8
"""Attempts of a call in all: with the SDK's backoff a throttled table is waited for about half a minute. A
function that has less time has the SDK's own variable ``AWS_MAX_ATTEMPTS`` say so."""

_APPLICATION_CHARACTERS = 50
"""The most that the SDK takes for an application's id without a complaint."""


def client(
    service: str, *, endpoint_url: str | None = None, read_timeout: float = 10, attempts: int | None = None
) -> Any:
    """Return a client for ``service``; ``read_timeout`` is in seconds."""
    attempts = attempts or int(os.environ.get("AWS_MAX_ATTEMPTS", ATTEMPTS))
    config = Config(
        retries={"mode": "standard", "total_max_attempts": attempts},
        connect_timeout=3,
        read_timeout=read_timeout,
        # Two threads of the answer function post and write at the same time.
        max_pool_connections=10,
        user_agent_appid=_application(),
    )
    return boto3.client(service, endpoint_url=endpoint_url, config=config)


def _application() -> str | None:
    """Return this function's name as its calls bear it (`app/NAME` in their user agent, and in CloudTrail).

    Its end tells functions of one stack apart, so it is the beginning that is cut.
    """
    name = re.sub(r"[^A-Za-z0-9_.-]", "-", os.environ.get("AWS_LAMBDA_FUNCTION_NAME", ""))
    return name[-_APPLICATION_CHARACTERS:] or None
