"""A bridge in this process: speaks the wire over a real socket, and misbehaves on demand."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, Self

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

Frame = dict[str, Any]
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
    """Runs its own loop in a thread. `behaviours` are used up, one a query; then every query is answered."""

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
        self.sessions: list[Frame] = []
        self.used: list[Frame] = []
        self.page_size = 20
        self.older = False  # of before recall, forget and usage
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
        match frame["action"]:
            case "query":
                behaviour = self.behaviours.pop(0) if self.behaviours else answered
                await behaviour(self, connection, frame)
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


def passages(bridge: FakeBridge, text: str, sessions: list[str]) -> list[Frame]:
    """Return what was said in these sessions that has a word of the text, most such words first."""
    wanted = set(text.lower().split())
    found = []
    for session in sessions:
        for entry in bridge.exchanges.get(session, []):
            for said in entry["context"]:
                if score := len(wanted & set(said["content"].lower().split())):
                    passage = {"turn": entry["turn"], "role": said["role"], "at": entry["at"], "score": score}
                    found.append(passage | {"session_id": session, "text": said["content"]})
    return sorted(found, key=lambda passage: -passage["score"])


def recall(bridge: FakeBridge, frame: Frame) -> Frame:
    within = [frame["session_id"]] if frame.get("session_id") else list(bridge.exchanges)
    found = passages(bridge, frame["text"], within)[: frame.get("limit") or 10]
    return {"type": "memories", "memories": found, "request_id": frame["request_id"]}


def forget(bridge: FakeBridge, frame: Frame) -> Frame:
    gone = bridge.exchanges.pop(frame["session_id"], [])
    told = {"type": "forgotten", "session_id": frame["session_id"], "exchanges": len(gone)}
    return told | {"request_id": frame["request_id"]}


def usage(bridge: FakeBridge, frame: Frame) -> Frame:
    told: Frame = {"type": "usage", "request_id": frame["request_id"], "before": None}
    if frame.get("session_id") is None:
        start = int(frame.get("before") or 0)
        end = start + int(frame.get("limit") or bridge.page_size)
        mark = str(end) if end < len(bridge.used) else None
        return told | {"sessions": bridge.used[start:end], "before": mark}
    found = [one for one in bridge.used if one["session_id"] == frame["session_id"]]
    if not found:
        return failure("not_found", "there is no such session", frame["request_id"])
    summaries = {"input_tokens": 2000, "output_tokens": 100, "dollars": 0.00025}
    return told | {"sessions": [found[0] | {"summary_usage": summaries}]}


MEMORY_ACTIONS = {"recall": recall, "forget": forget, "usage": usage}


async def post(connection: ServerConnection, frame: Frame) -> None:
    await connection.send(json.dumps(frame, ensure_ascii=False))


def failure(code: str, message: str, request_id: str | None = None, **more: Any) -> Frame:
    told: Frame = {"type": "error", "code": code, "message": message, "retryable": False} | more
    return told | ({"request_id": request_id} if request_id else {})


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


def prompt_memory(bridge: FakeBridge, frame: Frame) -> Frame:
    """Return an answer's `memory` as the bridge tells it."""
    recall = frame.get("recall") or "owner"
    others = [session for session in bridge.exchanges if session != frame["session_id"]]
    found = passages(bridge, frame["message"], others if recall == "owner" else [])
    return {
        "window_messages": 2,
        "window_characters": 40,
        "summary": {"turns": 3, "characters": 400},
        "recall": recall,
        "recalled": [{name: one[name] for name in one if name != "text"} for one in found],
        "tokens": {"system": 10, "summary": 100, "window": 1200, "recall": 50, "message": 5},
    }


async def answered(bridge: FakeBridge, connection: ServerConnection, frame: Frame) -> None:
    """Answer as the bridge does."""
    await post(connection, accepted(frame))
    for seq, text in enumerate(bridge.reply, start=1):
        await post(connection, delta(frame, seq, text))
    more = {} if bridge.older else {"memory": prompt_memory(bridge, frame), "cost": COST}
    await post(connection, answer(frame, bridge.keep(frame), len(bridge.reply), **more))


def abort(connection: ServerConnection) -> None:
    """Cut the connection without a word."""
    connection.transport.abort()
