"""A client that speaks the wire's frames itself, as docs/protocol.md tells it to, through everything."""

from __future__ import annotations

import asyncio
import contextlib
import json
import uuid
from collections.abc import Callable
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from tests.chaos.plan import MODEL, Turn

Frame = dict[str, Any]

_SILENCE_SECONDS = 3.0
"""After which a turn of which nothing is heard is asked for again."""

_SILENCES = 2
"""After as many in a row the connection counts as dead."""

_HISTORY_SECONDS = 5.0
_PAUSE_SECONDS = 0.2


class _Lost(Exception):
    """The connection broke off."""


class RawClient:
    """One connection at a time, for several sessions' turns."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"}
        self._connection: ClientConnection | None = None
        self._opening = asyncio.Lock()
        self._reader: asyncio.Task[None] | None = None
        self._inboxes: dict[str, asyncio.Queue[Frame | None]] = {}

    async def close(self) -> None:
        """Close it."""
        if self._reader is not None:
            self._reader.cancel()
        if self._connection is not None:
            await self._connection.close()

    async def take(self, turn: Turn, accepted: Callable[[], None]) -> None:
        """Take a turn to its end; ``accepted`` hears when it was taken in."""
        inbox = self._inboxes[turn.request_id] = asyncio.Queue()
        try:
            await _Taking(self, turn, inbox, accepted).run()
        finally:
            del self._inboxes[turn.request_id]

    async def send(self, frame: Frame) -> ClientConnection:
        """Send a frame, over a new connection where there is none; return which. Raises _Lost."""
        async with self._opening:
            while self._connection is None:
                await self._open()
            connection = self._connection
        try:
            await connection.send(json.dumps(frame))
        except ConnectionClosed:
            self.lose(connection)
            raise _Lost from None
        return connection

    def lose(self, connection: ClientConnection | None) -> None:
        """Give a connection up; whoever waits for something is told."""
        if connection is None or connection is not self._connection:
            return
        self._connection = None
        connection.transport.abort()
        for inbox in self._inboxes.values():
            inbox.put_nowait(None)

    async def history(self, session: str) -> list[Frame]:
        """Return a session's newest exchanges. Raises _Lost."""
        request_id = str(uuid.uuid4())
        inbox = self._inboxes[request_id] = asyncio.Queue()
        try:
            frame = {"action": "history", "request_id": request_id, "session_id": session, "limit": 50}
            connection = await self.send(frame)
            async with asyncio.timeout(_HISTORY_SECONDS):
                reply = await inbox.get()
        except TimeoutError:
            self.lose(connection)
            raise _Lost from None
        finally:
            del self._inboxes[request_id]
        if reply is None:
            raise _Lost
        exchanges: list[Frame] = reply.get("exchanges", [])
        return exchanges

    async def _open(self) -> None:
        try:
            connection = await connect(
                self._url, additional_headers=self._headers, compression=None, ping_interval=None
            )
        except (OSError, InvalidHandshake):
            await asyncio.sleep(_PAUSE_SECONDS)
            return
        self._connection = connection
        self._reader = asyncio.create_task(self._read(connection))

    async def _read(self, connection: ClientConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for text in connection:
                frame = json.loads(text)
                for request_id, inbox in list(self._inboxes.items()):
                    # A frame of API Gateway's own names no request: it may mean any.
                    if frame.get("request_id") in (request_id, None):
                        inbox.put_nowait(frame)
        self.lose(connection)


class _Taking:
    """A turn under way."""

    def __init__(
        self, client: RawClient, turn: Turn, inbox: asyncio.Queue[Frame | None], accepted: Callable[[], None]
    ) -> None:
        self._client = client
        self._turn = turn
        self._inbox = inbox
        self._accepted = accepted
        self._deltas: dict[int, str] = {}
        self._connection: ClientConnection | None = None
        self._due = True
        self._silences = 0

    async def run(self) -> None:
        """Ask, resume and look things up until the end is known."""
        while self._turn.ended is None:
            with contextlib.suppress(_Lost):
                await self._step()

    async def _step(self) -> None:
        if self._due:
            self._due = False
            try:
                await self._say()
            except _Lost:
                self._due = True
                raise
        try:
            async with asyncio.timeout(_SILENCE_SECONDS):
                frame = await self._inbox.get()
        except TimeoutError:
            self._silences += 1
            self._due = True
            if self._silences % _SILENCES == 0:
                self._client.lose(self._connection)
            return
        self._silences = 0
        if frame is None:
            self._due = True
        else:
            await self._take(frame)

    async def _say(self) -> None:
        turn = self._turn
        frame: Frame = {"action": "resume", "request_id": turn.request_id, "last_seq": self._contiguous()}
        if not turn.accepted:
            turn.sends += 1
            frame = self._query()
        self._connection = await self._client.send(frame)

    def _query(self) -> Frame:
        turn = self._turn
        return {
            "action": "query",
            "request_id": turn.request_id,
            "message": turn.message,
            "session_id": turn.session,
            "model": MODEL,
        }

    async def _take(self, frame: Frame) -> None:
        turn = self._turn
        match frame.get("type"):
            case "accepted":
                await self._take_accepted()
            case "delta":
                await self._take_accepted()  # it may overtake the frame that says so
                if self._deltas.setdefault(frame["seq"], frame["text"]) != frame["text"]:
                    turn.trouble.append(f"delta {frame['seq']} came with two texts")
            case "answer":
                await self._take_accepted()
                await self._take_answer(frame)
            case "error":
                await self._take_error(frame)
            case None:  # API Gateway's own
                self._due = not turn.accepted
                await asyncio.sleep(_PAUSE_SECONDS)

    async def _take_accepted(self) -> None:
        turn = self._turn
        if turn.accepted:
            return
        turn.accepted = True
        self._accepted()
        if turn.repeated:
            await self._client.send(self._query())
        if turn.cancelled:
            await self._client.send({"action": "cancel", "request_id": turn.request_id})

    async def _take_answer(self, frame: Frame) -> None:
        turn = self._turn
        turn.number = frame["turn"]
        if frame["deltas"] is not None and self._contiguous() < frame["deltas"]:
            self._due = True  # they come again
            return
        cancelled = frame["stop_reason"] == "cancelled"
        if frame["deltas"] is None:
            await self._look_up()
            return
        turn.ended = "cancelled" if cancelled else "answered"
        turn.text = "".join(self._deltas[seq] for seq in range(1, frame["deltas"] + 1))

    async def _take_error(self, frame: Frame) -> None:
        """See what an error means: this turn's end, or that a request about it was not understood."""
        turn = self._turn
        if turn.accepted:
            if frame["code"] == "not_found":
                turn.trouble.append("an accepted turn is not found")
            await self._look_up()
        elif frame["retryable"]:
            await asyncio.sleep(frame.get("retry_after", _PAUSE_SECONDS))
        else:
            turn.trouble.append(f"refused: {frame['code']} {frame['message']}")
            turn.ended = "failed"
        self._due = True

    async def _look_up(self) -> None:
        turn = self._turn
        self._due = True
        for exchange in await self._client.history(turn.session):
            if exchange["request_id"] != turn.request_id:
                continue
            turn.accepted = True
            turn.number = exchange["turn"]
            turn.text = next((m["content"] for m in exchange["context"] if m["role"] == "assistant"), None)
            stopped = {"error": "failed", "cancelled": "cancelled"}
            turn.ended = stopped.get(exchange["stop_reason"], "answered")  # type: ignore[assignment]

    def _contiguous(self) -> int:
        seq = 0
        while seq + 1 in self._deltas:
            seq += 1
        return seq
