"""The link to an endpoint: one connection at a time, taken up again when it drops."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from bridge_cli import protocol
from bridge_cli.connection import (
    ClientConnection,
    ConnectionClosed,
    close_quietly,
    open_connection,
    why_closed,
)
from bridge_cli.endpoint import Endpoint
from bridge_cli.errors import BridgeError, CannotConnect, ConnectionLost, ConnectionRefused, UnexpectedFrame
from bridge_cli.events import Event, Failure
from bridge_cli.frames import message_frames
from bridge_cli.patience import Patience, new_request_id
from bridge_cli.protocol import Request


class Dropped(Exception):
    """The connection ended while something was under way."""


class Replies:
    """What comes for one request, in order."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Event | Exception] = asyncio.Queue()

    def put(self, event: Event | Exception) -> None:
        """Add what came."""
        self._queue.put_nowait(event)

    async def next(self, timeout: float) -> Event:
        """Return the next event. Raises Dropped, UnexpectedFrame, or TimeoutError after `timeout` seconds."""
        async with asyncio.timeout(timeout):  # wait_for of Python 3.11 may swallow a cancellation
            event = await self._queue.get()
        if isinstance(event, Exception):
            raise event
        return event


class Link:
    """Keeps the connection and hands each frame to the request that it answers."""

    def __init__(self, endpoint: Endpoint, patience: Patience, notice: Callable[[str], None]) -> None:
        self.endpoint = endpoint
        self._patience = patience
        self._notice = notice
        self._opening = asyncio.Lock()
        self._connection: ClientConnection | None = None
        self._was_open = False
        self._why = ""
        self._last_sent = 0.0
        self._waiting: dict[str, Replies] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @contextlib.contextmanager
    def replies(self, request_id: str) -> Iterator[Replies]:
        """Collect what comes for a request while the block runs."""
        replies = self._waiting[request_id] = Replies()
        try:
            yield replies
        finally:
            self._waiting.pop(request_id, None)

    async def ensure_open(self) -> None:
        """Open the connection unless it is open; after a drop with several tries, and a notice.

        Raises CannotConnect, or ConnectionLost where it was open before and does not come back.
        """
        async with self._opening:
            if self._connection is not None:
                return
            if self._was_open:
                await self._reopen()
            else:
                await self._open()

    async def send(self, request: Request) -> None:
        """Send a request, in frames under 32 KB. Raises Dropped."""
        frames = message_frames(protocol.encode(request))
        connection = self._connection
        if connection is None:
            raise Dropped(self._why)
        self._last_sent = asyncio.get_running_loop().time()
        try:
            await connection.send(frames[0] if len(frames) == 1 else frames)
        except ConnectionClosed as error:
            raise Dropped(self._why or "while sending") from error

    async def drop(self, why: str) -> None:
        """Give the connection up as dead: whoever waits gets Dropped."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._tell_all(Dropped(why))
            self._why = why
            self._start(close_quietly(connection))

    async def close(self) -> None:
        """Close the connection and end what runs beside it."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await close_quietly(connection)
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _open(self) -> None:

        sign = self.endpoint.sign
        signed = await asyncio.to_thread(sign) if sign else None
        token = None if signed else await asyncio.to_thread(self.endpoint.token)
        connection = await open_connection(
            self.endpoint.url, token, timeout=self._patience.connect, signed=signed
        )
        self._connection = connection
        self._was_open = True
        self._last_sent = asyncio.get_running_loop().time()
        self._start(self._read(connection))
        self._start(self._keep_alive(connection))

    async def _reopen(self) -> None:
        self._notice(f"The connection broke off ({self._why}); reconnecting …")
        loop = asyncio.get_running_loop()
        give_up = loop.time() + self._patience.reconnect
        wait = self._patience.backoff
        while True:
            try:
                await self._open()
            except ConnectionRefused:
                raise
            except CannotConnect as error:
                if loop.time() + wait > give_up:
                    raise ConnectionLost(
                        f"the connection broke off and does not come back: {error.message}", hint=error.hint
                    ) from error
                await asyncio.sleep(wait)
                wait = min(wait * 2, self._patience.longest_backoff)
            else:
                self._notice("Connected again.")
                return

    async def _read(self, connection: ClientConnection) -> None:

        why = "closed by the other side"
        try:
            while True:
                self._hand_out(await connection.recv())
        except ConnectionClosed as error:
            why = why_closed(error)
        finally:
            if self._connection is connection:
                self._connection = None
                self._why = why
                self._tell_all(Dropped(why))

    def _hand_out(self, text: str | bytes) -> None:
        try:
            event = protocol.decode(text)
        except UnexpectedFrame as error:
            self._tell_all(error)
            return
        if event.request_id is None:
            if isinstance(event, Failure):  # it names no request: it may mean any
                self._tell_all(event)
        elif event.request_id in self._waiting:
            self._waiting[event.request_id].put(event)

    def _tell_all(self, event: Event | BridgeError | Dropped) -> None:
        for replies in self._waiting.values():
            replies.put(event)

    async def _keep_alive(self, connection: ClientConnection) -> None:
        """Ping before the gateway's idle time-out, which counts messages."""
        loop = asyncio.get_running_loop()
        while self._connection is connection:
            idle = loop.time() - self._last_sent
            if idle < self._patience.keepalive:
                await asyncio.sleep(self._patience.keepalive - idle)
                continue
            with contextlib.suppress(Dropped):
                await self.send(protocol.Ping(request_id=new_request_id()))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
