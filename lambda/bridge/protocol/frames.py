"""Frames to the client, as dictionaries, and their text on the wire."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from bridge.conversation import Exchange, Session, format_time
from bridge.errors import BridgeError
from bridge.memory.window import Window

Frame = dict[str, Any]

MAX_POST_BYTES = 32_000
"""The most bytes of one frame: API Gateway meters by 32 KB, and a client may read frames of that size."""

MAX_DELTA_BYTES = 24_000
"""The most bytes that a delta's text takes in its frame, which leaves room for the rest of it."""

_WIDEST = 6
_ESCAPED_IN_TWO = frozenset('"\\\b\t\n\f\r')


def encode(frame: Frame) -> str:
    """Return the frame's text on the wire."""
    return json.dumps(frame, ensure_ascii=False, separators=(",", ":"))


def size(value: object) -> int:
    """Return how many bytes ``value`` takes within a frame."""
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


def split(text: str, limit: int = MAX_DELTA_BYTES) -> Iterator[str]:
    """Cut ``text`` into pieces of at most ``limit`` bytes each within a frame, never inside a character.

    ``limit`` must hold the widest character: a control character takes six bytes as JSON.
    """
    if text and _WIDEST * len(text) <= limit:
        yield text
        return
    start = used = 0
    for position, character in enumerate(text):
        width = _width(character)
        if used + width > limit:
            yield text[start:position]
            start, used = position, 0
        used += width
    if start < len(text):
        yield text[start:]


def _width(character: str) -> int:
    if character in _ESCAPED_IN_TWO:
        return 2
    return _WIDEST if character < "\x20" else len(character.encode())


def accepted(request_id: str, session_id: str) -> Frame:
    """The message is in the queue: it will be answered, also if the client goes away."""
    return {"type": "accepted", "request_id": request_id, "session_id": session_id}


def delta(request_id: str, seq: int, text: str) -> Frame:
    """The next piece of the answer; ``seq`` counts from 1."""
    return {"type": "delta", "request_id": request_id, "seq": seq, "text": text}


def answer(exchange: Exchange, session_id: str, window: Window, deltas: int | None) -> Frame:
    """The turn is kept. The text came in so many ``deltas``; here is what the turn took.

    ``deltas`` is None where the turn had been kept before and is only told once more.
    """
    return {
        "type": "answer",
        "request_id": exchange.request_id,
        "session_id": session_id,
        "turn": exchange.turn,
        "stop_reason": exchange.stop_reason,
        "model": exchange.model,
        "deltas": deltas,
        "usage": exchange.usage.as_dict(),
        "memory": {"window_messages": window.messages, "window_characters": window.characters},
    }


def error(problem: BridgeError, request_id: str | None = None) -> Frame:
    """Something went wrong, and changed nothing."""
    frame: Frame = {
        "type": "error",
        "code": problem.code,
        "message": problem.message,
        "retryable": problem.retryable,
    }
    if request_id is not None:
        frame["request_id"] = request_id
    if problem.retry_after is not None:
        frame["retry_after"] = problem.retry_after
    return frame


def pong(request_id: str | None) -> Frame:
    """The answer to a ping."""
    return _echo({"type": "pong"}, request_id)


def sessions(listed: list[Session], before: str | None, request_id: str | None) -> Frame:
    """A page of the owner's sessions, newest first."""
    entries = [
        {
            "session_id": session.key.name,
            "title": session.title,
            "turns": session.turns,
            "last_updated": format_time(session.last_updated) if session.last_updated else None,
        }
        for session in listed
    ]
    return _echo({"type": "sessions", "sessions": entries, "before": before}, request_id)


def history(session_id: str, entries: list[Frame], before: str | None, request_id: str | None) -> Frame:
    """A page of a session's exchanges, oldest first."""
    frame = {"type": "history", "session_id": session_id, "exchanges": entries, "before": before}
    return _echo(frame, request_id)


def history_entry(exchange: Exchange) -> Frame:
    """One exchange as `history` lists it."""
    entry: Frame = {
        "turn": exchange.turn,
        "at": format_time(exchange.at),
        "context": exchange.context,
        "request_id": exchange.request_id,
        "stop_reason": exchange.stop_reason,
        "model": exchange.model,
        "usage": exchange.usage.as_dict(),
    }
    if exchange.failure is not None:
        entry["error"] = {"code": exchange.failure.code, "message": exchange.failure.message}
    return entry


def _echo(frame: Frame, request_id: str | None) -> Frame:
    return frame if request_id is None else {**frame, "request_id": request_id}
