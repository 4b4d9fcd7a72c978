"""The original's wire: one frame back for each query, its ``body`` a string of JSON.

Its clients wait for exactly one frame, and take any ``statusCode`` but 200 for an error.
"""

from __future__ import annotations

import json

from bridge.conversation import Exchange
from bridge.errors import BridgeError
from bridge.protocol.frames import Frame, encode

MAX_FRAME_BYTES = 131_072
"""The most bytes that API Gateway posts at once."""

_STATUS = {
    "bad_request": 400,
    "unknown_action": 400,
    "unauthorized": 401,
    "not_found": 404,
    "conflict": 409,
    "too_large": 413,
    "quota_exceeded": 429,
    "upstream_error": 502,
    "refused": 502,
    "upstream_overloaded": 503,
}


def answer(exchange: Exchange, session_id: str, window_messages: int) -> Frame:
    """Return the whole answer in one frame; ``context_length`` counts messages, this turn's included.

    An answer over what can be posted at once becomes an error that says where the answer is.
    """
    frame = _frame(
        200,
        {
            "response": exchange.answer or "",
            "session_id": session_id,
            "context_length": window_messages + 2,
        },
    )
    if len(encode(frame).encode()) <= MAX_FRAME_BYTES:
        return frame
    message = "The answer is kept, but too long for one frame. Read it with the action 'history'."
    return _frame(413, {"error": message, "code": "too_large", "session_id": session_id})


def error(problem: BridgeError) -> Frame:
    """Return an error as the original's clients understand it."""
    return _frame(_STATUS.get(problem.code, 500), {"error": problem.message, "code": problem.code})


def _frame(status: int, body: dict[str, object]) -> Frame:
    return {"statusCode": status, "body": json.dumps(body, ensure_ascii=False)}
