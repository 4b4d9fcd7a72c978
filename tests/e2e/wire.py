"""A client that says exactly what a test tells it to, over a real WebSocket."""

from __future__ import annotations

import json
import uuid
from types import TracebackType
from typing import Any, Self

from websockets.sync.client import ClientConnection, connect

TIMEOUT = 60
"""Seconds after which a frame that does not come fails its test."""

FRAGMENT = 8_000
"""Characters of a fragment at most: API Gateway closes the connection for a frame over 32 KB."""

ENDINGS = ("answer", "error")

Frame = dict[str, Any]


class Wire:
    """One connection."""

    def __init__(self, url: str, token: str | None) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._connecting = connect(url, additional_headers=headers, open_timeout=TIMEOUT)

    def __enter__(self) -> Self:
        self.socket: ClientConnection = self._connecting.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connecting.__exit__(kind, value, trace)

    def send(self, frame: Any) -> None:
        """Send a frame: text and bytes as they are, anything else as JSON; a long text in fragments."""
        if isinstance(frame, bytes):
            self.socket.send(frame)
            return
        text = frame if isinstance(frame, str) else json.dumps(frame)
        pieces = [text[at : at + FRAGMENT] for at in range(0, len(text), FRAGMENT)]
        self.socket.send(pieces if len(pieces) > 1 else text)

    def receive(self) -> Frame:
        """Return the next frame."""
        frame: Frame = json.loads(self.socket.recv(timeout=TIMEOUT))
        return frame

    def request(self, frame: Any) -> Frame:
        """Send a frame and return the next one."""
        self.send(frame)
        return self.receive()

    def query(self, message: str, **fields: Any) -> str:
        """Send a query; return its request id."""
        request_id = fields.pop("request_id", None) or str(uuid.uuid4())
        self.send({"action": "query", "request_id": request_id, "message": message, **fields})
        return str(request_id)

    def until(self, *types: str) -> list[Frame]:
        """Return the frames up to and with the first of one of ``types``."""
        frames = [self.receive()]
        while frames[-1].get("type") not in types:
            frames.append(self.receive())
        return frames

    def ask(self, message: str, **fields: Any) -> tuple[str, Frame]:
        """Ask and return the answer's text, and the frame that ended it: an answer or an error."""
        request_id = self.query(message, **fields)
        frames = self.until("answer", "error")
        ending = frames[-1]
        if ending["type"] == "answer" and "accepted" not in {f["type"] for f in frames}:
            frames += self.until("accepted")  # it travels on its own way, and may come last
        assert all(f.get("request_id") == request_id for f in frames)
        deltas = [f for f in frames if f["type"] == "delta"]
        assert [f["seq"] for f in deltas] == list(range(1, len(deltas) + 1))
        return "".join(f["text"] for f in deltas), ending

    def ask_among_others(self, message: str, **fields: Any) -> tuple[str, Frame]:
        """Ask while frames of other requests may come; return the request's id and its last frame."""
        request_id = self.query(message, **fields)
        while (frame := self.receive()).get("request_id") != request_id or frame["type"] not in ENDINGS:
            pass
        return request_id, frame

    def history(self, session_id: str, **fields: Any) -> Frame:
        """Return a page of a session's history."""
        request_id = str(uuid.uuid4())
        self.send({"action": "history", "request_id": request_id, "session_id": session_id, **fields})
        while (frame := self.receive()).get("request_id") != request_id:
            pass  # of a turn that is told once more
        return frame
