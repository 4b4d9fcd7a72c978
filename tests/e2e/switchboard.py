"""One address for several Claude stand-ins: a request goes to the one that its model's name asks for.

The deployment under test knows a single base URL. The switchboard reads a request, finds its model,
passes it on, and hands every byte of the answer back as it comes, breaks and silences included.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from urllib.parse import urlsplit

from bench.looped import LoopedServer, read_request

Route = Callable[[str], str]
"""From a model's name to the base URL of who plays it."""


class Switchboard(LoopedServer):
    """The server, in a thread of its own; a context that ends with it stopped."""

    def __init__(self, route: Route, port: int = 0) -> None:
        super().__init__(port)
        self._route = route
        self.bodies: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass one request on."""
        head, body = await read_request(reader)
        self.bodies.append(body)
        await self._pass_on(head, body, writer)

    async def _pass_on(self, head: bytes, body: bytes, writer: asyncio.StreamWriter) -> None:
        target = urlsplit(self._route(json.loads(body)["model"]))
        there, onward = await asyncio.open_connection(target.hostname, target.port)
        line, *headers = head.rstrip(b"\r\n").split(b"\r\n")
        method, path, version = line.split(b" ")
        kept = [h for h in headers if h.split(b":")[0].lower() not in (b"host", b"connection")]
        kept += [b"host: " + target.netloc.encode(), b"connection: close"]
        path = target.path.rstrip("/").encode() + path
        onward.write(b"\r\n".join([b" ".join([method, path, version]), *kept, b"", body]))
        try:
            while data := await there.read(65_536):
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            writer.transport.abort()
        finally:
            onward.close()
