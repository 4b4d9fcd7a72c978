"""What a turn ends with on the wire."""

from __future__ import annotations

from bridge.conversation import Exchange, Turn
from bridge.errors import BridgeError, by_code
from bridge.memory.prompt import Parts
from bridge.protocol import frames, original
from bridge.protocol.frames import Frame


def closing_frame(
    turn: Turn, exchange: Exchange, parts: Parts, *, deltas: int | None, failure: BridgeError | None
) -> Frame:
    """Return the last frame of a turn. ``deltas`` is None where it is told once more.

    ``failure`` is what happened just now: it may know more than was recorded, if that is what was.
    """
    if exchange.failure is not None:
        told = recorded_failure(exchange)
        if failure is not None and (failure.code, failure.message) == (told.code, told.message):
            told = failure
        return original.error(told) if turn.wire == "original" else frames.error(told, turn.request_id)
    if turn.wire == "original":
        return original.answer(exchange, turn.key.name, parts.window.messages)
    memory = frames.memory(parts, turn.recall, retold=deltas is None)
    return frames.answer(exchange, turn.key.name, memory, deltas)


def recorded_failure(exchange: Exchange) -> BridgeError:
    """Return the error that a failed exchange was recorded with."""
    assert exchange.failure is not None  # noqa: S101 - asked of failed exchanges only
    failure = exchange.failure
    return by_code(failure.code, failure.message, retryable=failure.retryable)
