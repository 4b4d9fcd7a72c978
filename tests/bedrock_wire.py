"""AWS's event stream, encoded: what a stand-in for Bedrock sends.

A message is a prelude (its whole length, its headers' length, and their checksum), headers, a payload, and
the checksum of all; numbers are big-endian, checksums CRC-32.
"""

from __future__ import annotations

import base64
import json
import struct
import zlib
from typing import Any

from tests.messages_server import ANSWER, Reply
from tests.messages_server import event as server_sent

REQUEST_ID = "5d1f1c0e-8f0f-4b57-9a2a-0d6f0c1a2b3c"

_STRING = 7


def message(headers: dict[str, str], payload: bytes) -> bytes:
    """Encode a message; all its headers are strings."""
    encoded = b"".join(
        struct.pack("!B", len(name))
        + name.encode()
        + struct.pack("!BH", _STRING, len(value))
        + value.encode()
        for name, value in headers.items()
    )
    prelude = struct.pack("!II", 4 + 4 + 4 + len(encoded) + len(payload) + 4, len(encoded))
    checked = prelude + struct.pack("!I", zlib.crc32(prelude)) + encoded + payload
    return checked + struct.pack("!I", zlib.crc32(checked))


def chunk(data: bytes, **beside: Any) -> bytes:
    """Encode one of Claude's events, as Bedrock wraps it."""
    headers = {":event-type": "chunk", ":content-type": "application/json", ":message-type": "event"}
    return message(headers, json.dumps({"bytes": base64.b64encode(data).decode(), **beside}).encode())


def wrapped(event: bytes) -> bytes:
    """Encode a server-sent event of Claude's as the same event of Bedrock's."""
    _, _, data = event.partition(b"data: ")
    return chunk(data.strip())


def event(kind: str, **fields: Any) -> bytes:
    """Encode an event of Claude's."""
    return wrapped(server_sent(kind, **fields))


def exception(kind: str, told: str = "No.") -> bytes:
    """Encode an exception in the middle of a stream."""
    headers = {":exception-type": kind, ":content-type": "application/json", ":message-type": "exception"}
    return message(headers, json.dumps({"message": told}).encode())


def failing(status: int, kind: str, told: str = "No.") -> Reply:
    """Return the response that refuses a call."""
    body = json.dumps({"message": told}).encode()
    headers = {"x-amzn-errortype": f"{kind}:http://internal.amazon.com/", "x-amzn-requestid": REQUEST_ID}
    return Reply((body,), status, headers, chunked=False)


def streaming(*messages: bytes, chunked: bool = True) -> Reply:
    """Return the response that streams ``messages``, or without any a whole answer."""
    said = messages or tuple(map(wrapped, ANSWER))
    return Reply(said, headers={"x-amzn-requestid": REQUEST_ID}, chunked=chunked)
