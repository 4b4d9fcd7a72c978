"""A model of API Gateway's WebSocket APIs: the limits and failures that the emulator does not have.

Clients connect to `Gateway.websocket_url`, functions post to `Gateway.url`. The numbers are AWS's quotas for
WebSocket APIs: frames of 32 KB, messages and posts of 128 KB, 29 s for an integration, 10 minutes without a
message, 2 hours for a connection. It reads the deployed API's routes and runs their functions itself: a proxy
in front of the emulator's own WebSocket API could know neither which message an integration still works on,
nor a connection's id, nor what `$connect` answered.

What it does not model: throttling by rate, and how API Gateway cuts long messages to the client into frames.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket as sockets
import struct
from collections.abc import Coroutine
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from bench.looped import LoopedServer
from tests.gateway.backend import Backend
from tests.gateway.clock import MovableClock
from tests.gateway.posts import Post, Posts
from tests.gateway.routing import Admission, Routing, Visitor
from tests.gateway.traps import Traps

FRAME_BYTES = 32 * 1024
MESSAGE_BYTES = 128 * 1024
IDLE_SECONDS = 600.0
LIFETIME_SECONDS = 7200.0

BINARY_REFUSED = 1003
GOING_AWAY = 1001
ABNORMAL = 1006


@dataclass(frozen=True)
class Recorded:
    """A message that passed, from the client (`in`) or to it (`out`)."""

    connection_id: str
    direction: Literal["in", "out"]
    text: str


class _Socket(ServerConnection):
    """A client's connection, from the handshake on; times are the movable clock's."""

    visitor: Visitor
    admission: Admission
    opened = 0.0
    active = 0.0
    stalled = False

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.ready = asyncio.Event()

    def reset(self) -> None:
        """Close it with a TCP reset."""
        raw = self.transport.get_extra_info("socket")
        raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()


class Gateway(LoopedServer):
    """The gateway, in a thread of its own; `attach` says what stands behind it.

    `traps` catch posts; `frames` are the messages that passed, `refusals` what refused handshakes were told.
    With `lossy_disconnects` a connection's end is told to nobody: `$disconnect` is best effort.
    """

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.traps: Traps[Post] = Traps()
        self.frames: list[Recorded] = []
        self.refusals: list[str] = []
        self.lossy_disconnects = False
        self._clock = MovableClock()
        self._routing = Routing(self._clock)
        self._posts = Posts(self.traps, self._deliver)
        self._sockets: dict[str, _Socket] = {}
        self._server_of_sockets: Server | None = None
        self._running: set[asyncio.Task[None]] = set()

    def attach(self, backend: Backend, elsewhere: str = "") -> None:
        """Lead the routes to ``backend``; posts to connections unknown here go on to ``elsewhere``."""
        self._routing.attach(backend)
        self._posts.elsewhere = elsewhere

    @property
    def websocket_url(self) -> str:
        """Where clients connect."""
        assert self._server_of_sockets is not None
        port = next(iter(self._server_of_sockets.sockets)).getsockname()[1]
        return f"ws://127.0.0.1:{port}/{self._routing.stage}"

    @property
    def posts(self) -> list[Post]:
        """Every post that a function made, with what it was answered."""
        return self._posts.made

    def connections(self) -> list[str]:
        """Return the ids of the open connections, the oldest first."""
        return list(self._sockets)

    def advance(self, seconds: float) -> None:
        """Let time pass."""

        async def advance() -> None:
            self._clock.advance(seconds)

        self.call(advance())

    def drop(self, connection_id: str) -> None:
        """Break a connection off as a network does: with a reset, and no closing frame."""

        async def drop() -> None:
            if connection_id in self._sockets:
                self._sockets[connection_id].reset()

        self.call(drop())

    def stall(self, connection_id: str) -> None:
        """Let a connection hang: nothing is read from it, what is posted vanishes, and nobody is told."""

        async def stall() -> None:
            if (socket := self._sockets.get(connection_id)) is not None:
                socket.stalled = True
                socket.transport.pause_reading()

        self.call(stall())

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve the functions' posts."""
        await self._posts.serve(reader, writer)

    async def _open(self) -> None:
        await super()._open()
        self._server_of_sockets = await serve(
            self._converse,  # type: ignore[arg-type]
            "127.0.0.1",
            0,
            create_connection=_Socket,
            process_request=self._handshake,  # type: ignore[arg-type]
            process_response=self._confirm,  # type: ignore[arg-type]
            max_size=(MESSAGE_BYTES, FRAME_BYTES),
            max_queue=None,
            compression=None,
            ping_interval=None,
            open_timeout=None,
            close_timeout=1,
        )

    async def _close(self) -> None:
        if self._server_of_sockets is not None:
            self._server_of_sockets.close()
            await self._server_of_sockets.wait_closed()
        running = list(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await super()._close()

    async def _handshake(self, socket: _Socket, request: Request) -> Response | None:
        socket.visitor = Visitor(request.headers.get("User-Agent", ""))
        headers = dict(request.headers.raw_items())
        socket.admission = await self._routing.connect(socket.visitor, request.path, headers)
        if socket.admission.granted:
            return None
        self.refusals.append(socket.admission.body)
        return _refused(socket.admission)

    def _confirm(self, socket: _Socket, _request: Request, response: Response) -> None:
        if response.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
            return
        if socket.admission.subprotocol:
            response.headers["Sec-WebSocket-Protocol"] = socket.admission.subprotocol
        socket.opened = socket.active = self._clock.now()
        self._sockets[socket.visitor.id] = socket  # a client that was let in is known from then on

    async def _converse(self, socket: _Socket) -> None:
        socket.ready.set()
        expiry = asyncio.create_task(self._expire(socket))
        try:
            async for message in socket:
                socket.active = self._clock.now()
                if isinstance(message, bytes):
                    await socket.close(BINARY_REFUSED, "binary frames are not supported")
                    break
                self.frames.append(Recorded(socket.visitor.id, "in", message))
                self._begin(self._answer(socket, message))  # messages are worked on side by side
        except ConnectionClosed:
            pass
        finally:
            expiry.cancel()
            del self._sockets[socket.visitor.id]
            if not self.lossy_disconnects:
                code, reason = socket.close_code or ABNORMAL, socket.close_reason or ""
                self._begin(self._routing.disconnect(socket.visitor, code, reason))

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _answer(self, socket: _Socket, text: str) -> None:
        reply = await self._routing.message(socket.visitor, text)
        if reply is not None:
            await self._send(socket, reply)

    async def _expire(self, socket: _Socket) -> None:
        while True:
            ends = min(socket.opened + LIFETIME_SECONDS, socket.active + IDLE_SECONDS)
            left = ends - self._clock.now()
            if left <= 0:
                break
            await self._clock.sleep(left)
        await socket.close(GOING_AWAY, "Going away")

    async def _deliver(self, connection_id: str, text: str) -> bool:
        """Send a function's post to its client; tell whether there is such a connection."""
        socket = self._sockets.get(connection_id)
        if socket is None:
            return False
        await self._send(socket, text)
        return True

    async def _send(self, socket: _Socket, text: str) -> None:
        socket.active = self._clock.now()
        if socket.stalled:
            return
        self.frames.append(Recorded(socket.visitor.id, "out", text))
        await socket.ready.wait()
        with contextlib.suppress(ConnectionClosed):
            await socket.send(text)


def _refused(admission: Admission) -> Response:
    body = admission.body.encode()
    headers = Headers({"Content-Type": "application/json", "Content-Length": str(len(body))})
    headers["Connection"] = "close"
    return Response(admission.status, HTTPStatus(admission.status).phrase, headers, body)
