"""One address for several Claude stand-ins: a request goes to the one that its model's name asks for.

The deployment under test knows a single base URL. The switchboard reads a request, finds its model, passes it
on, and hands every byte of the answer back as it comes, silences included. Where an answer breaks off, it
ends without a reset: what was said until then arrives.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from bench.looped import LoopedServer, read_request
from tests.gateway.upstream import readdressed

Route = Callable[[str], str]
"""From a model's name to the base URL of who plays it."""

REFUSED = (
    b"HTTP/1.1 401 Unauthorized\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n"
    b'{"type": "error", "error": {"type": "authentication_error", "message": "invalid x-api-key"}}'
)
"""What Claude's API answers to a key that it does not know."""


@dataclass
class Asked:
    """One request to Claude, and what it was answered, as it went over the wire; ``key`` is whose it is."""

    request: dict[str, Any]
    key: str = ""
    answer: bytearray = field(default_factory=bytearray)

    @property
    def message(self) -> str:
        """What the user said last."""
        return str(self.request["messages"][-1]["content"][-1]["text"])

    @property
    def status(self) -> int:
        """The answer's status; 0 where there is none."""
        return int(self.answer.split(b" ", 2)[1]) if self.answer else 0

    @property
    def said(self) -> str:
        """What Claude said. The stand-ins write each event in one piece: HTTP's chunks cut no line."""
        events = [line[6:] for line in bytes(self.answer).split(b"\n") if line.startswith(b"data: ")]
        return "".join(map(_text, events))

    @property
    def complete(self) -> bool:
        """Tell whether Claude came to an end."""
        return b'"type":"message_stop"' in self.answer.replace(b'": ', b'":')


class Switchboard(LoopedServer):
    """The server, in a thread of its own; a context that ends with it stopped."""

    def __init__(self, route: Route, port: int = 0) -> None:
        super().__init__(port)
        self._route = route
        self.asked: list[Asked] = []
        self.refused_keys: set[str] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass one request on."""
        head, body = await read_request(reader)
        asked = Asked(json.loads(body), _key(head))
        self.asked.append(asked)
        if asked.key in self.refused_keys:
            asked.answer += REFUSED
            writer.write(REFUSED)
            return
        target = urlsplit(self._route(asked.request["model"]))
        there, onward = await asyncio.open_connection(target.hostname, target.port)
        onward.write(readdressed(head, target) + body)
        try:
            while data := await there.read(65_536):
                asked.answer += data
                writer.write(data)
                await writer.drain()
        finally:
            onward.close()


def _key(head: bytes) -> str:
    found = re.search(rb"(?im)^x-api-key: *(\S+)", head)
    return found[1].decode() if found else ""


def _text(event: bytes) -> str:
    try:
        return str(json.loads(event)["delta"]["text"])
    except (ValueError, LookupError, TypeError):
        return ""
