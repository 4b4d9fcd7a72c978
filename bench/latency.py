"""How long a client waits: over a real WebSocket, against the local AWS, warm."""

from __future__ import annotations

import json
import statistics
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from websockets.sync.client import ClientConnection, connect

TIMEOUT = 60


@dataclass(frozen=True)
class Times:
    """Milliseconds from the send of a query, and how many deltas came."""

    accepted: float
    first_delta: float
    answer: float
    deltas: int


def open_connection(status: dict[str, Any]) -> ClientConnection:
    """Connect as a client does."""
    headers = {"Authorization": f"Bearer {status['token']}"} if status.get("token") else {}
    return connect(status["url"], additional_headers=headers, open_timeout=TIMEOUT)


def take_turn(connection: ClientConnection, session: str, model: str) -> Times:
    """Ask once and wait for the whole answer."""
    request_id = str(uuid.uuid4())
    frame = {
        "action": "query",
        "request_id": request_id,
        "session_id": session,
        "message": "What did I say before?",
        "model": model,
    }
    text = json.dumps(frame)
    times: dict[str, float] = {}
    deltas = 0
    begun = time.perf_counter()
    connection.send(text)
    while "answer" not in times:
        received = json.loads(connection.recv(timeout=TIMEOUT))
        kind = received["type"]
        if kind == "error":
            raise RuntimeError(f"a turn failed: {received}")
        deltas += kind == "delta"
        times.setdefault(kind, (time.perf_counter() - begun) * 1000)
    return Times(times["accepted"], times["delta"], times["answer"], deltas)


def measure(
    status: dict[str, Any], model: str, *, turns: int, at_once: int = 1, idle: float = 0
) -> list[Times]:
    """Return the times of ``turns`` turns, over ``at_once`` connections with a session each.

    A turn before them warms each session up. ``idle`` seconds pass before every measured turn.
    """

    def talk(number: int) -> list[Times]:
        session = f"bench-{uuid.uuid4().hex[:8]}"
        with open_connection(status) as connection:
            take_turn(connection, session, model)
            taken = []
            for _ in range(turns // at_once):
                time.sleep(idle)
                taken.append(take_turn(connection, session, model))
            return taken

    with ThreadPoolExecutor(at_once) as pool:
        return [times for taken in pool.map(talk, range(at_once)) for times in taken]


def summary(taken: list[Times]) -> dict[str, float]:
    """Return p50 and p95 of each time, in milliseconds, and the posts per answer."""
    result: dict[str, float] = {"n": len(taken)}
    for name in ("accepted", "first_delta", "answer"):
        values = sorted(getattr(times, name) for times in taken)
        result[f"{name}_p50"] = round(statistics.median(values), 1)
        result[f"{name}_p95"] = round(values[min(len(values) - 1, int(len(values) * 0.95))], 1)
    # Each delta is a post, and so is the answer's own frame.
    result["posts_p50"] = statistics.median(times.deltas + 1 for times in taken)
    result["posts_max"] = max(times.deltas + 1 for times in taken)
    return result
