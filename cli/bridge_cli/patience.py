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
    gives the bridge 29). `silence`: between two frames of an answer before the client resumes it. `gap`:
    for a delta that its answer overtook. `answer`: for anything of an answer to come (the bridge's longest
    turn). `cancel`: for a cancelled one to end.

    `keepalive`: idle before a ping (API Gateway closes after 600). `quiet`: without a frame, where one is
    waited for, before a ping; `pong`: for that to be answered by anything, or the connection counts as dead;
    `pulse`: between two looks at the clock for all of these.

    `backoff`: before another try, doubled up to `longest_backoff`. `reconnect`: for a connection to come
    back; `tell`: before the person is told that it is gone.
    """

    connect: float = 10
    reply: float = 35
    silence: float = 60
    gap: float = 2
    answer: float = 900
    cancel: float = 5
    keepalive: float = 270
    quiet: float = 20
    pong: float = 10
    pulse: float = 5
    backoff: float = 0.5
    longest_backoff: float = 8
    reconnect: float = 120
    tell: float = 1
