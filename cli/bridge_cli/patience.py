"""How long the client waits for what, and the ids of its requests."""

from __future__ import annotations

import uuid
from dataclasses import dataclass


def new_request_id() -> str:
    """Return a new UUID, as the wire wants it."""
    return str(uuid.uuid4())


@dataclass(frozen=True)
class Patience:
    """How long the client waits, in seconds.

    `connect`: for DNS, TCP, TLS and the handshake. `reply`: for what is answered at once (API Gateway
    gives the bridge 29). `silence`: between two frames of an answer before the client looks into the
    history. `answer`: for anything of an answer to come (the bridge's longest turn). `keepalive`: idle
    before a ping (API Gateway closes after 600). `backoff`: before another try, doubled up to
    `longest_backoff`. `reconnect`: for a connection to come back.
    """

    connect: float = 10
    reply: float = 35
    silence: float = 60
    answer: float = 900
    keepalive: float = 270
    backoff: float = 0.5
    longest_backoff: float = 8
    reconnect: float = 120
