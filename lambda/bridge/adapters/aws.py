"""AWS clients, and how they retry."""

from __future__ import annotations

from typing import Any

import boto3
from botocore.config import Config

RETRIES = 8
"""Attempts of a call in all: with the SDK's backoff a throttled table is waited for about half a minute."""


def client(
    service: str, *, endpoint_url: str | None = None, read_timeout: float = 10, attempts: int = RETRIES
) -> Any:
    """Return a client for ``service``; ``read_timeout`` is in seconds."""
    config = Config(
        retries={"mode": "standard", "total_max_attempts": attempts},
        connect_timeout=3,
        read_timeout=read_timeout,
        # Two threads of the answer function post and write at the same time.
        max_pool_connections=10,
    )
    return boto3.client(service, endpoint_url=endpoint_url, config=config)
