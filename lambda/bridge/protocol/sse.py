"""Claude's answer as a stream of server-sent events: bytes in, pieces of text out. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from bridge.conversation import Usage
from bridge.errors import BridgeError, UpstreamError, UpstreamOverloaded
from bridge.ports import Completed, Text

OVERLOADED = ("overloaded_error", "rate_limit_error")
_USAGE = tuple(Usage().as_dict())
_SURROGATE = re.compile("[\ud800-\udfff]")


def data_of(lines: Iterable[bytes]) -> Iterator[str]:
    """Yield the data of each event in a stream of lines (without their ends).

    The event's own name is repeated as ``type`` in Claude's data, so that it is not looked at.
    """
    data: list[str] = []
    for line in lines:
        if line:
            name, _, value = line.partition(b":")
            if name == b"data":
                data.append(value.removeprefix(b" ").decode("utf-8", "replace"))
        elif data:
            yield "\n".join(data)
            data = []
    if data:
        yield "\n".join(data)


def read(lines: Iterable[bytes], model: str) -> Iterator[Text | Completed]:
    """Yield the answer's text as it comes, and `Completed` at its end.

    Only text counts: thinking and whatever else a reply may hold passes by, and so do events of
    kinds yet unknown. Raises a `BridgeError` for an error event, for what is no event, and for a
    stream that ends before its message does.
    """
    usage: dict[str, int] = {}
    stop_reason = "end_turn"
    for data in data_of(lines):
        event = _event(data)
        match event.get("type"):
            case "message_start":
                message = _table(event, "message")
                model = str(message.get("model") or model)
                usage |= _counts(message)
            case "content_block_start":
                text = _table(event, "content_block").get("text")
                if isinstance(text, str) and text:
                    yield _text(text)
            case "content_block_delta":
                delta = _table(event, "delta")
                if delta.get("type") == "text_delta" and isinstance(delta.get("text"), str):
                    yield _text(delta["text"])
            case "message_delta":
                stop_reason = str(_table(event, "delta").get("stop_reason") or stop_reason)
                usage |= _counts(event)
            case "message_stop":
                yield Completed(stop_reason, Usage(**usage), model)
                return
            case "error":
                raise error_of(_table(event, "error"))
    raise UpstreamError("Claude's answer broke off before its end. Send it again.", retryable=True)


def error_of(error: dict[str, Any]) -> BridgeError:
    """Return the error that an error event in the middle of a stream tells of."""
    kind = str(error.get("type", "unknown"))[:64]
    if kind in OVERLOADED:
        return UpstreamOverloaded("Claude is overloaded at the moment. Try again in a while.", detail=kind)
    return UpstreamError("Claude's API broke the answer off with an error.", retryable=True, detail=kind)


def _text(text: str) -> Text:
    # Half a surrogate pair is no character: no table and no frame could carry it.
    return Text(_SURROGATE.sub("\ufffd", text))


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
    return {name: usage[name] for name in _USAGE if isinstance(usage.get(name), int)}
