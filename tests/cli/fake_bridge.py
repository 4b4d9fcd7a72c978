"""A bridge in this process: speaks the wire over a real socket, and misbehaves on demand."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, Self

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from tests.cli.fake_memory import MEMORY_ACTIONS, failure, forget, prompt_memory
from tests.cli.fake_turns import FakeTurn, Fate, Frame, Mixed, abort, post

__all__ = [
    "COST",
    "MEMORY_ACTIONS",
    "USAGE",
    "Behaviour",
    "FakeBridge",
    "Frame",
    "abort",
    "accepted",
    "answered",
    "delta",
    "failure",
    "forget",
    "post",
]


Behaviour = Callable[["FakeBridge", ServerConnection, Frame], Awaitable[None]]

USAGE = {
    "input_tokens": 12,
    "output_tokens": 7,
    "cache_creation_input_tokens": 300,
    "cache_creation_1h_input_tokens": 100,
    "cache_read_input_tokens": 888,
}
COST = {"dollars": 0.0012, "uncached_dollars": 0.0024}


class FakeBridge:
    """Runs its own loop in a thread. `behaviours` are used up, one a query; then every query is answered.

    `fates` are, one a connection: when it ends. `mixed` puts the frames of a resumed turn into another order.
    """

    def __init__(self) -> None:
        self.url = ""
        self.reply = ["Hello", ", ", "world"]
        self.behaviours: list[Behaviour] = []
        self.received: list[Frame] = []
        self.raw: list[str] = []
        self.frame_sizes: list[list[int]] = []
        self.handshakes: list[Headers] = []
        self.refusals: list[int] = []
        self.exchanges: dict[str, list[Frame]] = {}
        self.instructions: dict[str, str] = {}
        self.sessions: list[Frame] = []
        self.used: list[Frame] = []
        self.page_size = 20
        self.older = False  # of before recall, forget and usage, and of before resume and cancel
        self.turns: dict[str, FakeTurn] = {}
        self.fates: list[Fate | None] = []
        self.mixed: Mixed = lambda frames: frames
        self.deaf: set[ServerConnection] = set()  # what comes from these is not acted on
        self.connections: list[ServerConnection] = []
        self._fate: dict[ServerConnection, Fate] = {}
        self._queries: set[asyncio.Task[None]] = set()
        self.connected = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._server: Server | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._serve(), self._loop).result(10)
        port = next(iter(self._server.sockets)).getsockname()[1]
        self.url = f"ws://127.0.0.1:{port}/test"
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        asyncio.run_coroutine_threadsafe(self._end_queries(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def stop(self) -> None:
        """Stop listening, and close what is open."""

        async def close() -> None:
            assert self._server is not None
            self._server.close()
            await self._server.wait_closed()

        asyncio.run_coroutine_threadsafe(close(), self._loop).result(10)

    def do(self, work: Callable[[], object]) -> None:
        """Do something in the bridge's own loop."""
        self._loop.call_soon_threadsafe(work)

    def begin(self, connection: ServerConnection, frame: Frame) -> FakeTurn:
        """Begin a turn: it can be resumed and cancelled."""
        turn = self.turns[frame["request_id"]] = FakeTurn(self, connection, frame)
        return turn

    async def post(self, connection: ServerConnection, frame: Frame) -> None:
        """Send a frame of a turn, unless the connection's fate is to end first."""
        fate = self._fate.get(connection)
        if fate is not None and fate.posts is not None:
            fate.posts -= 1
            if fate.posts < 0:
                await fate.end(connection)
                return
        await post(connection, frame)

    def sent(self, action: str) -> list[Frame]:
        """Return what clients sent of an action."""
        return [frame for frame in self.received if frame.get("action") == action]

    async def _serve(self) -> Server:
        return await serve(self._handle, "127.0.0.1", 0, process_request=self._handshake, close_timeout=1)

    def _handshake(self, connection: ServerConnection, request: Request) -> Response | None:
        self.handshakes.append(request.headers)
        if self.refusals:
            return connection.respond(HTTPStatus(self.refusals.pop(0)), "refused\n")
        return None

    async def _handle(self, connection: ServerConnection) -> None:
        self.connected += 1
        self.connections.append(connection)
        if self.fates and (fate := self.fates.pop(0)):
            self._fate[connection] = fate
        try:
            while True:
                pieces = [str(piece) async for piece in connection.recv_streaming()]
                self.frame_sizes.append([len(piece.encode()) for piece in pieces])
                self.raw.append("".join(pieces))
                await self._act(connection, json.loads("".join(pieces)))
        except ConnectionClosed:
            return

    async def _act(self, connection: ServerConnection, frame: Frame) -> None:
        self.received.append(frame)
        fate = self._fate.get(connection)
        if fate is not None and fate.receives is not None:
            fate.receives -= 1
            if fate.receives <= 0:
                await fate.end(connection)
                return
        if connection in self.deaf:
            return
        match frame["action"]:
            case "query":
                task = asyncio.create_task(self._query(connection, frame))
                self._queries.add(task)
            case "resume" | "cancel" if not self.older:
                await self._continue(connection, frame)
            case "history":
                await post(connection, self._history(frame))
            case "sessions":
                start = int(frame.get("before") or 0)
                limit = int(frame.get("limit") or self.page_size)
                more = start + limit < len(self.sessions)
                page: Frame = {"sessions": self.sessions[start : start + limit], "before": None}
                if more:
                    page["before"] = str(start + limit)
                await post(connection, {"type": "sessions", "request_id": frame["request_id"]} | page)
            case "ping":
                await post(connection, {"type": "pong", "request_id": frame["request_id"]})
            case "recall" | "forget" | "usage" if not self.older:
                await post(connection, MEMORY_ACTIONS[frame["action"]](self, frame))
            case other:
                told = failure("unknown_action", f"there is no action '{other}'", frame["request_id"])
                await post(connection, told)

    async def _query(self, connection: ServerConnection, frame: Frame) -> None:
        with contextlib.suppress(ConnectionClosed):
            if not self.behaviours and (turn := self.turns.get(frame["request_id"])):  # it was sent again
                await self.post(connection, turn.accepted)
                return
            behaviour = self.behaviours.pop(0) if self.behaviours else answered
            await behaviour(self, connection, frame)

    async def _continue(self, connection: ServerConnection, frame: Frame) -> None:
        turn = self.turns.get(frame["request_id"])
        if turn is None:
            told = failure("not_found", "there is no such request", frame["request_id"])
            await self.post(connection, told)
        elif frame["action"] == "resume":
            await turn.resume(connection, frame.get("last_seq") or 0, self.mixed)
        else:
            await turn.cancel(connection)

    async def _end_queries(self) -> None:
        for task in self._queries:
            task.cancel()
        ended = await asyncio.gather(*self._queries, return_exceptions=True)
        broken = [error for error in ended if isinstance(error, Exception)]
        if broken:
            raise ExceptionGroup("behaviours failed", broken)

    def answer_of(self, turn: FakeTurn, stop_reason: str) -> Frame:
        """Keep a turn's exchange, and return its answer."""
        said = [{"role": "assistant", "content": "".join(turn.said)}] if turn.said else []
        context = [{"role": "user", "content": turn.frame["message"]}, *said]
        entry = self.keep(turn.frame, context=context, stop_reason=stop_reason)
        more = {} if self.older else {"memory": prompt_memory(self, turn.frame), "cost": COST}
        return answer(turn.frame, entry, len(turn.said), **more)

    def _history(self, frame: Frame) -> Frame:
        entries = self.exchanges.get(frame["session_id"])
        if entries is None:
            return failure("not_found", "there is no such session", frame["request_id"])
        end = int(frame["before"]) if frame.get("before") else len(entries)
        start = max(0, end - int(frame.get("limit") or self.page_size))
        return {
            "type": "history",
            "session_id": frame["session_id"],
            "request_id": frame["request_id"],
            "exchanges": entries[start:end],
            "before": str(start) if start else None,
            **({"system": system} if (system := self.instructions.get(frame["session_id"])) else {}),
        }

    def keep(self, frame: Frame, **changes: Any) -> Frame:
        """Put the exchange that answers a query into the history."""
        kept = self.exchanges.setdefault(frame["session_id"], [])
        entry = {
            "turn": len(kept) + 1,
            "at": "2026-11-22T19:37:40.123Z",
            "context": [
                {"role": "user", "content": frame["message"]},
                {"role": "assistant", "content": "".join(self.reply)},
            ],
            "request_id": frame["request_id"],
            "stop_reason": "end_turn",
            "model": frame.get("model", "claude-sonnet-5-5"),
            "usage": USAGE,
        } | changes
        kept.append(entry)
        return entry


def accepted(frame: Frame) -> Frame:
    return {"type": "accepted", "request_id": frame["request_id"], "session_id": frame["session_id"]}


def delta(frame: Frame, seq: int, text: str) -> Frame:
    return {"type": "delta", "request_id": frame["request_id"], "seq": seq, "text": text}


def answer(frame: Frame, entry: Frame, deltas: int | None, **more: Any) -> Frame:
    return {
        "type": "answer",
        "request_id": frame["request_id"],
        "session_id": frame["session_id"],
        "turn": entry["turn"],
        "stop_reason": entry["stop_reason"],
        "model": entry["model"],
        "deltas": deltas,
        "usage": entry["usage"],
        "memory": {"window_messages": 2, "window_characters": 40},
    } | more


async def answered(bridge: FakeBridge, connection: ServerConnection, frame: Frame) -> None:
    """Answer as the bridge does."""
    turn = bridge.begin(connection, frame)
    await turn.accept()
    for text in bridge.reply:
        await turn.say(text)
    await turn.finish()
