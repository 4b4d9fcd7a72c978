"""One address for several Claude stand-ins: a request goes to the one that its model's name asks for.

The deployment under test knows a single base URL. The switchboard reads a request, finds its model,
passes it on, and hands every byte of the answer back as it comes, breaks and silences included.
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

Route = Callable[[str], str]
"""From a model's name to the base URL of who plays it."""


class Switchboard:
    """The server, in a thread of its own; a context that ends with it stopped."""

    def __init__(self, route: Route, port: int = 0) -> None:
        self._route = route
        self._port = port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="switchboard", daemon=True)
        self._tasks: set[asyncio.Task[Any] | None] = set()
        self.bodies: list[bytes] = []

    @property
    def url(self) -> str:
        """The base URL to configure."""
        return f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        self._thread.start()
        started = asyncio.start_server(self._serve, "127.0.0.1", self._port, limit=2**20)
        self._server = asyncio.run_coroutine_threadsafe(started, self._loop).result()
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _close(self) -> None:
        self._server.close()
        tasks = [task for task in self._tasks if task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        self._tasks.add(task)  # the event loop itself would not keep it from being collected
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"(?i)content-length: *(\d+)", head)
            body = await reader.readexactly(int(length[1]) if length else 0)
            self.bodies.append(body)
            await self._pass_on(head, body, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
            self._tasks.discard(task)

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
