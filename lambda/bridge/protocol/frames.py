"""Frames to the client, as dictionaries, and their text on the wire."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from bridge.conversation import Cost, Exchange, RecallScope, Session, Usage, format_time
from bridge.errors import BridgeError
from bridge.memory import fence
from bridge.memory.fence import Recalled
from bridge.memory.prompt import Parts

Frame = dict[str, Any]

MAX_POST_BYTES = 32_000
"""The most bytes of one frame: API Gateway meters by 32 KB, and a client may read frames of that size."""

MAX_DELTA_BYTES = 24_000
"""The most bytes that a delta's text takes in its frame, which leaves room for the rest of it."""

MAX_ENTRY_BYTES = 30_000
"""The most bytes of a page's entries; the rest of a frame's 32,000 is for what surrounds them."""

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


def answer(exchange: Exchange, session_id: str, memory: Frame | None, deltas: int | None) -> Frame:
    """The turn is kept. The text came in so many ``deltas``; here is what Claude was told, and what it took.

    ``deltas`` is None where the turn had been kept before and is only told once more, ``memory`` where
    what Claude was told is not known any more.
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
        "cost": None if exchange.cost is None else _dollars(exchange.cost),
        "memory": memory,
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
    entries = [_session_entry(session) for session in listed]
    return _echo({"type": "sessions", "sessions": entries, "before": before}, request_id)


def memories(recalled: Sequence[Recalled], limit: int, request_id: str | None) -> Frame:
    """What would be remembered, best first: as much as ``limit`` allows and a frame holds."""
    entries: list[Frame] = []
    room = MAX_ENTRY_BYTES
    for each in recalled[:limit]:
        entry = {**recalled_entry(each), "text": each.text}
        room -= size(entry) + 1
        if room < 0:
            break
        entries.append(entry)
    return _echo({"type": "memories", "memories": entries}, request_id)


def memory(parts: Parts, scope: RecallScope, *, retold: bool) -> Frame:
    """What Claude was told besides the message. What was recalled is not known of a turn told once more."""
    summary = parts.summary
    own = parts.instructions
    in_time = sorted(parts.recalled, key=fence.order)
    return {
        "system": {"turn": own.turn, "characters": len(own.text)} if own else None,
        "window_messages": parts.window.messages,
        "window_characters": parts.window.characters,
        "summary": {"turns": summary.covers, "characters": len(summary.text)} if summary else None,
        "recall": scope,
        "recalled": None if retold else [recalled_entry(each) for each in in_time],
        "tokens": parts.tokens(),
    }


def recalled_entry(recalled: Recalled) -> Frame:
    """Where something that is remembered was said, by whom, and how well it fits."""
    return {
        "session_id": recalled.session_id,
        "turn": recalled.turn,
        "role": recalled.role,
        "at": format_time(recalled.at),
        "score": round(recalled.score, 3),
    }


def forgotten(session_id: str | None, exchanges: int, request_id: str | None) -> Frame:
    """Everything of a session, or without one of its owner, is gone: so many exchanges."""
    return _echo({"type": "forgotten", "session_id": session_id, "exchanges": exchanges}, request_id)


def usage(entries: list[Frame], before: str | None, request_id: str | None) -> Frame:
    """What a page of sessions took."""
    return _echo({"type": "usage", "sessions": entries, "before": before}, request_id)


def usage_entry(session: Session, *, with_summary: bool) -> Frame:
    """What one session took. What its summary took is known of a session that was asked for by name."""
    summary: Frame | None = None
    if with_summary and session.summary_usage != Usage():
        summary = {
            "input_tokens": session.summary_usage.input_tokens
            + session.summary_usage.cache_creation_input_tokens
            + session.summary_usage.cache_read_input_tokens,
            "output_tokens": session.summary_usage.output_tokens,
            "dollars": _dollars(session.summary_cost)["dollars"],
        }
    return {
        **_session_entry(session),
        "usage": session.usage.as_dict(),
        "cost": {**_dollars(session.cost), "unpriced_turns": session.unpriced_turns},
        "summary_usage": summary,
    }


def history(
    session_id: str,
    entries: list[Frame],
    before: str | None,
    request_id: str | None,
    system: str | None = None,
) -> Frame:
    """A page of a session's exchanges, oldest first; with the newest ones, the session's own instructions."""
    frame: Frame = {"type": "history", "session_id": session_id, "exchanges": entries, "before": before}
    if system is not None:
        frame["system"] = system
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


def _session_entry(session: Session) -> Frame:
    return {
        "session_id": session.key.name,
        "title": session.title,
        "turns": session.turns,
        "last_updated": format_time(session.last_updated) if session.last_updated else None,
    }


def _dollars(cost: Cost) -> dict[str, float]:
    return {
        "dollars": cost.nanodollars / 1e9,
        "uncached_dollars": cost.uncached_nanodollars / 1e9,
    }


def _echo(frame: Frame, request_id: str | None) -> Frame:
    return frame if request_id is None else {**frame, "request_id": request_id}
