"""Turns of the fake bridge: they go on without their client, and can be resumed and cancelled.

`Fates` let connections end at chosen points: a connection ends when so many frames were posted to it, or
when so many were received, before the last of them is acted on.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

if TYPE_CHECKING:
    from tests.cli.fake_bridge import FakeBridge

Frame = dict[str, Any]
Mixed = Callable[[list[Frame]], list[Frame]]


async def post(connection: ServerConnection, frame: Frame) -> None:
    """Send a frame; one whose connection is closed vanishes, as the bridge's posts do."""
    try:
        await connection.send(json.dumps(frame, ensure_ascii=False))
    except ConnectionClosed:
        return


def abort(connection: ServerConnection) -> None:
    """Cut the connection without a word."""
    connection.transport.abort()


class Fate:
    """When a connection ends: after `posts` frames to it, or at the frame number `receives` from it."""

    def __init__(
        self, posts: int | None = None, receives: int | None = None, code: int | None = None
    ) -> None:
        self.posts = posts
        self.receives = receives
        self.code = code

    async def end(self, connection: ServerConnection) -> None:
        """End the connection: with a close code, or without a word."""
        if self.code is None:
            abort(connection)
        else:
            await connection.close(self.code, "Going away")


class FakeTurn:
    """A turn. `cancelled` is set when its owner ends it; `connection` is where its frames go."""

    def __init__(self, bridge: FakeBridge, connection: ServerConnection, frame: Frame) -> None:
        self.bridge = bridge
        self.connection = connection
        self.frame = frame
        self.said: list[str] = []
        self.end: Frame | None = None
        self.cancelled = asyncio.Event()
        self._cancelled_by: ServerConnection | None = None

    @property
    def accepted(self) -> Frame:
        request_id, session_id = self.frame["request_id"], self.frame["session_id"]
        return {"type": "accepted", "request_id": request_id, "session_id": session_id}

    async def accept(self) -> None:
        """Say on the connection that asked that the question is taken in."""
        await self.bridge.post(self.connection, self.accepted)

    async def say(self, text: str) -> None:
        """Have Claude say something."""
        self.said.append(text)
        await self.bridge.post(self.connection, self._delta(len(self.said)))

    async def finish(self, stop_reason: str = "end_turn") -> None:
        """Keep what was said, and end the turn with its answer."""
        await self._finish(self.bridge.answer_of(self, stop_reason))

    async def fail(self, code: str, message: str, **more: Any) -> None:
        """Keep the turn as failed, and say so; `more` is what the history does not tell."""
        error = {"code": code, "message": message}
        context = [{"role": "user", "content": self.frame["message"]}]
        self.bridge.keep(self.frame, context=context, stop_reason="error", error=error)
        frame = {"type": "error", "request_id": self.frame["request_id"], "retryable": False}
        await self._finish(frame | error | more)

    async def answer_at_once(self, texts: list[str], mixed: Mixed) -> None:
        """Say all of it, and send what there is to send in another order, or twice."""
        self.said = list(texts)
        self.end = self.bridge.answer_of(self, "end_turn")
        await self._send(mixed([self.accepted, *self._deltas(0), self.end]))

    async def resume(self, connection: ServerConnection, last_seq: int, mixed: Mixed) -> None:
        """Have its frames go to this connection from now on, and what it lacks first."""
        self.connection = connection
        await self._send(mixed([self.accepted, *self._deltas(last_seq), *self._once_more()]))

    async def cancel(self, connection: ServerConnection) -> None:
        """End it, or say how it ended."""
        await self.bridge.post(connection, self.accepted)
        self._cancelled_by = connection
        self.cancelled.set()
        for frame in self._once_more():
            await self.bridge.post(connection, frame)

    async def _finish(self, frame: Frame) -> None:
        self.end = frame
        await self.bridge.post(self.connection, frame)
        if self._cancelled_by not in {None, self.connection}:
            await self.bridge.post(self._cancelled_by, frame)

    async def _send(self, frames: list[Frame]) -> None:
        connection = self.connection
        for frame in frames:
            await self.bridge.post(connection, frame)

    def _delta(self, seq: int) -> Frame:
        request_id = self.frame["request_id"]
        return {"type": "delta", "request_id": request_id, "seq": seq, "text": self.said[seq - 1]}

    def _deltas(self, after: int) -> list[Frame]:
        return [self._delta(seq) for seq in range(after + 1, len(self.said) + 1)]

    def _once_more(self) -> list[Frame]:
        if self.end is None:
            return []
        if self.end["type"] == "error":
            return [self.end]
        return [self.end | {"memory": self.end["memory"] | {"recalled": None}}]


async def half_an_answer(bridge: FakeBridge, connection: ServerConnection, frame: Frame) -> None:
    """Say half of it, and wait to be cancelled."""
    turn = bridge.begin(connection, frame)
    await turn.accept()
    await turn.say("Half an")
    await turn.cancelled.wait()
    await turn.finish("cancelled")
