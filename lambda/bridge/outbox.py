"""The one place through which a turn's frames go to its client.

Claude's text comes in many small pieces; a post for each would be slow and dear. The outbox
gathers what comes while it waits and posts at most once per `INTERVAL`, from a thread of its own,
so that a slow client does not keep Claude waiting.
"""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Self

from bridge.errors import ClientGone
from bridge.ports import Gateway
from bridge.protocol import frames
from bridge.protocol.frames import Frame

INTERVAL = 0.08
"""Seconds between two posts of deltas: a little over the 75 ms that a reader takes for fluent."""

FIRST_WAIT = 0.004
"""Seconds that the first delta waits for more: an answer that comes at once then takes one post."""


class Outbox:
    """A turn's frames on their way to one connection; a context that ends when all are sent.

    Where the connection is closed, or cannot be posted to, the rest of the frames vanish and the
    turn goes on: its answer is paid for, kept, and can be read later.
    """

    def __init__(self, gateway: Gateway, connection_id: str, request_id: str) -> None:
        self._gateway = gateway
        self._connection_id = connection_id
        self._request_id = request_id
        self._pending: list[str] = []
        self._pending_size = 0
        self._closing = False
        self._wake = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="outbox", daemon=True)
        self.deltas = 0
        self.posts = 0
        self.gone = False
        self.failure: Exception | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.flush()

    def say(self, text: str) -> None:
        """Send a piece of the answer, soon, together with what comes next to it."""
        if not text:
            return
        with self._wake:
            self._pending.append(text)
            self._pending_size += len(text)
            self._wake.notify()

    def flush(self) -> None:
        """Send what is left of the answer, and wait until it is sent."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join()

    def send(self, frame: Frame) -> None:
        """Send a whole frame now. Frames of the answer's text come before it only after `flush`."""
        if self.gone:
            return
        try:
            self._gateway.post(self._connection_id, frames.encode(frame))
        except ClientGone:
            self.gone = True
        except Exception as failure:  # noqa: BLE001 - whatever it is, the turn goes on without its client
            self.gone = True
            self.failure = failure
        else:
            self.posts += 1

    def _run(self) -> None:
        due = 0.0
        while True:
            with self._wake:
                while not self._pending and not self._closing:
                    self._wake.wait()
                if not self._pending:
                    return
                due = due or time.monotonic() + FIRST_WAIT
                while not self._closing and self._pending_size < frames.MAX_DELTA_BYTES:
                    left = due - time.monotonic()
                    if left <= 0:
                        break
                    self._wake.wait(left)
                text = "".join(self._pending)
                self._pending.clear()
                self._pending_size = 0
            due = time.monotonic() + INTERVAL
            for piece in frames.split(text):
                self.deltas += 1
                self.send(frames.delta(self._request_id, self.deltas, piece))
