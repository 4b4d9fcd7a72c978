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
from bridge_cli.errors import (
    BridgeError,
    CannotConnect,
    ConnectionLost,
    ConnectionRefused,
    NotBack,
    UnexpectedFrame,
)
from bridge_cli.events import Event, Failure
from bridge_cli.frames import message_frames
from bridge_cli.patience import Patience, new_request_id
from bridge_cli.protocol import Request
from bridge_cli.pulse import Pulse


class Dropped(Exception):
    """A connection ended while something was under way; `number` says which one, from 1."""

    def __init__(self, why: str, number: int) -> None:
        super().__init__(why)
        self.number = number


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
    """Keeps the connection and hands each frame to the request that it answers.

    `number` counts the connections that were opened: a request that was sent over an earlier one than this
    may have been lost with it.
    """

    def __init__(self, endpoint: Endpoint, patience: Patience, notice: Callable[[str], None]) -> None:
        self.endpoint = endpoint
        self.number = 0
        self._patience = patience
        self._notice = notice
        self._opening = asyncio.Lock()
        self._connection: ClientConnection | None = None
        self._why = ""
        self._sent = 0.0  # when, by the loop's clock, something was sent, and when something came
        self._came = 0.0
        self._waiting: dict[str, Replies] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def collect(self, request_id: str) -> Replies:
        """Collect what comes for a request, until `ignore`."""
        replies = self._waiting[request_id] = Replies()
        return replies

    def ignore(self, request_id: str) -> None:
        """Collect nothing more for a request."""
        self._waiting.pop(request_id, None)

    @contextlib.contextmanager
    def replies(self, request_id: str) -> Iterator[Replies]:
        """Collect what comes for a request while the block runs."""
        try:
            yield self.collect(request_id)
        finally:
            self.ignore(request_id)

    async def ensure_open(self) -> None:
        """Open the connection unless it is open; after a drop with several tries, and a notice.

        Raises CannotConnect, or NotBack where it was open before and does not come back.
        """
        async with self._opening:
            if self._connection is not None:
                return
            if self.number:
                await self._reopen()
            else:
                await self._open()

    async def send(self, request: Request) -> None:
        """Send a request, in frames under 32 KB. Raises Dropped."""
        frames = message_frames(protocol.encode(request))
        connection, number = self._connection, self.number
        if connection is None:
            raise Dropped(self._why, number)
        self._sent = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(self._patience.reply):  # a dead one takes in no more than its buffer
                await connection.send(frames[0] if len(frames) == 1 else frames)
        except ConnectionClosed as error:
            why = why_closed(error)
            if self._connection is connection:  # its reader has yet to notice
                self._lose(why)
            raise Dropped(why, number) from error
        except TimeoutError as error:
            self.drop("it takes nothing in", number)
            raise Dropped("it takes nothing in", number) from error

    def drop(self, why: str, number: int) -> None:
        """Give a connection up as dead, if it is the one that is open: whoever waits gets Dropped."""
        if number == self.number and (connection := self._lose(why)):
            self._start(close_quietly(connection))

    def abandon(self) -> None:
        """Drop the connection at once, and wait for nothing."""
        if connection := self._lose("left"):
            connection.transport.abort()

    async def close(self) -> None:
        """Close the connection and end what runs beside it; whoever still waits gets ConnectionLost."""
        for replies in self._waiting.values():
            replies.put(ConnectionLost("the client was closed before the reply came"))
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
        self.number += 1
        self._sent = self._came = asyncio.get_running_loop().time()
        self._start(self._read(connection))
        self._start(self._keep_alive(connection))

    async def _reopen(self) -> None:
        """Take the connection up again; of one that comes back soon the person need not hear."""
        loop = asyncio.get_running_loop()
        give_up = loop.time() + self._patience.reconnect
        wait = self._patience.backoff
        told = explained = False

        def tell() -> None:
            nonlocal told
            told = True
            self._notice(f"The connection broke off ({self._why}); reconnecting …")

        telling = loop.call_later(self._patience.tell, tell)
        try:
            while True:
                try:
                    await self._open()
                except ConnectionRefused:
                    raise
                except CannotConnect as error:
                    if loop.time() + wait > give_up:
                        # The URL was good before: a hint to check it would mislead.
                        local = "Is the local AWS down? `bridge local up` starts it."
                        raise NotBack(
                            f"the connection broke off and does not come back: {error.message}",
                            hint=local if self.endpoint.is_local else "`bridge doctor` checks each step.",
                        ) from error
                    if told and not explained:
                        explained = True
                        hint = f" {error.hint}" if self.endpoint.is_local else ""
                        self._notice(f"Still trying: {error.message}.{hint}")
                    await asyncio.sleep(wait)
                    wait = min(wait * 2, self._patience.longest_backoff)
                else:
                    break
        finally:
            telling.cancel()
        if told:
            self._notice("Connected again.")

    async def _read(self, connection: ClientConnection) -> None:
        why = "closed by the other side"
        try:
            while True:
                self._hand_out(await connection.recv())
        except ConnectionClosed as error:
            why = why_closed(error)
        finally:
            if self._connection is connection:
                self._lose(why)

    def _lose(self, why: str) -> ClientConnection | None:
        """Have no connection any more, and tell whoever waits."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._why = why
            self._tell_all(Dropped(why, self.number))
        return connection

    def _hand_out(self, text: str | bytes) -> None:
        self._came = asyncio.get_running_loop().time()
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
        """Ping before the gateway's idle time-out, which counts messages, and where nobody may be there.

        That is after this machine slept, and where nothing comes though something is waited for. These are
        the bridge's own pings: whether API Gateway answers those of WebSocket is not documented.
        """
        loop = asyncio.get_running_loop()
        patience = self._patience
        pulse = Pulse()
        probed = 0.0
        while self._connection is connection:
            await asyncio.sleep(min(patience.pulse, patience.keepalive, patience.quiet))
            now = loop.time()
            quiet = bool(self._waiting) and now - max(self._came, self._sent, probed) >= patience.quiet
            if pulse.slept() or quiet or now - self._sent >= patience.keepalive:
                probed = now
                await self._probe()

    async def _probe(self) -> None:
        """Ping; where nothing comes at all, the connection is dead."""
        begun, number = asyncio.get_running_loop().time(), self.number
        ping = protocol.Ping(request_id=new_request_id())
        with contextlib.suppress(Dropped, BridgeError), self.replies(ping.request_id) as replies:
            await self.send(ping)
            try:
                await replies.next(self._patience.pong)
            except TimeoutError:
                if self._came < begun:
                    self.drop("it gave no sign of life", number)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
