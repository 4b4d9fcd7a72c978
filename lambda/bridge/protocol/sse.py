"""Claude's answer as a stream of events, server-sent or not: bytes in, pieces of text out. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from bridge.conversation import Usage
from bridge.errors import BridgeError, UpstreamError, UpstreamOverloaded
from bridge.ports.claude import Completed, Piece, Started, Text

OVERLOADED = ("overloaded_error", "rate_limit_error")
_USAGE = tuple(Usage().as_dict())
_NAME_LENGTH = 128

MAX_LINE_BYTES = 4_000_000
"""The longest line, and the most data of one event: a sane one is some hundred bytes, and none is ever
over an item's 400 KB."""

_MOST_TOKENS = 10**12
_SURROGATE = re.compile("[\ud800-\udfff]")


def lines_of(chunks: Iterable[bytes]) -> Iterator[bytes]:
    r"""Yield the lines of a stream, without their ends, however its bytes were cut into chunks.

    A line ends with ``\n``, ``\r`` or ``\r\n``, and comes as soon as it does; raises `UpstreamError` for one
    over `MAX_LINE_BYTES`. Every byte is copied a few times, however small the chunks are.

    `requests`' own `iter_lines` takes a ``\r\n`` that falls between two chunks for two ends.
    """
    begun = bytearray()
    after_return = False
    for chunk in chunks:
        for piece in chunk.splitlines(keepends=True):
            if after_return and piece == b"\n":
                after_return = False
                continue  # the other half of an end
            after_return = piece.endswith(b"\r")
            line = piece.rstrip(b"\r\n")
            begun += line
            if len(begun) > MAX_LINE_BYTES:
                raise _endless("a line")
            if len(line) < len(piece):
                yield bytes(begun)
                begun.clear()
    if begun:
        yield bytes(begun)


def data_of(lines: Iterable[bytes]) -> Iterator[str]:
    """Yield the data of each event in a stream of lines (without their ends).

    The event's own name is repeated as ``type`` in Claude's data, so that it is not looked at. Raises
    `UpstreamError` for an event over `MAX_LINE_BYTES`.
    """
    data: list[str] = []
    size = 0
    for line in lines:
        if line:
            name, _, value = line.partition(b":")
            if name == b"data":
                size += len(line)
                if size > MAX_LINE_BYTES:
                    raise _endless("an event")
                data.append(value.removeprefix(b" ").decode("utf-8", "replace"))
        elif data:
            yield "\n".join(data)
            data = []
            size = 0
    if data:
        yield "\n".join(data)


def read(lines: Iterable[bytes], model: str, request_id: str | None = None) -> Iterator[Piece]:
    """Yield the pieces of an answer that comes as lines (without their ends); see `interpret`."""
    return interpret(data_of(lines), model, request_id)


def interpret(events: Iterable[str], model: str, request_id: str | None = None) -> Iterator[Piece]:
    """Yield `Started`, the answer's text as it comes, and `Completed` at its end.

    ``events`` are the data of Claude's events, each a JSON object; they are the same whatever carries them.
    ``request_id`` is what whoever answers calls the call.

    Only text counts: thinking and whatever else a reply may hold passes by, and so do events of
    kinds yet unknown. Raises a `BridgeError` for an error event, for what is no event, and for a
    stream that ends before its message does.
    """
    usage: dict[str, int] = {}
    stop_reason = "end_turn"
    for data in events:
        event = _event(data)
        match event.get("type"):
            case "message_start":
                message = _table(event, "message")
                model = _name(message.get("model"), model)
                usage |= _counts(message)
                yield Started(Usage(**usage), model, request_id)
            case "content_block_start":
                block = _table(event, "content_block")
                if block.get("type") == "text" and isinstance(block.get("text"), str) and block["text"]:
                    yield Text(well_formed(block["text"]))
            case "content_block_delta":
                delta = _table(event, "delta")
                if delta.get("type") == "text_delta" and isinstance(delta.get("text"), str):
                    yield Text(well_formed(delta["text"]))
            case "message_delta":
                stop_reason = _name(_table(event, "delta").get("stop_reason"), stop_reason)
                usage |= _counts(event)
            case "message_stop":
                yield Completed(stop_reason, Usage(**usage), model)
                return
            case "error":
                raise error_of(_table(event, "error"))
    raise UpstreamError("Claude's answer broke off before its end. Send it again.", retryable=True)


def error_of(error: dict[str, Any]) -> BridgeError:
    """Return the error that an error event in the middle of a stream tells of."""
    kind = _name(error.get("type"), "unknown")
    if kind in OVERLOADED:
        return UpstreamOverloaded("Claude is overloaded at the moment. Try again in a while.", detail=kind)
    return UpstreamError("Claude's API broke the answer off with an error.", retryable=True, detail=kind)


def well_formed(text: str) -> str:
    """Return ``text`` without halves of surrogate pairs, which no table and no frame could carry."""
    return _SURROGATE.sub("\ufffd", text)


def _endless(what: str) -> UpstreamError:
    return UpstreamError("Claude's answer could not be understood.", detail=f"{what} without an end")


def _name(value: object, otherwise: str) -> str:
    return well_formed(value)[:_NAME_LENGTH] if isinstance(value, str) and value else otherwise


def _event(data: str) -> dict[str, Any]:
    try:
        event = json.loads(data)
    except (ValueError, RecursionError):
        event = None
    if not isinstance(event, dict):
        raise UpstreamError("Claude's answer could not be understood.", retryable=True, detail="not an event")
    return event


def _table(event: dict[str, Any], name: str) -> dict[str, Any]:
    value = event.get(name)
    return value if isinstance(value, dict) else {}


def _counts(holder: dict[str, Any]) -> dict[str, int]:
    usage = _table(holder, "usage")
    counts = {name: usage.get(name) for name in _USAGE}
    counts["cache_creation_1h_input_tokens"] = _table(usage, "cache_creation").get(
        "ephemeral_1h_input_tokens"
    )
    return {name: n for name, n in counts.items() if type(n) is int and 0 <= n < _MOST_TOKENS}
