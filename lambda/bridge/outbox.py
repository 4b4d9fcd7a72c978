"""The one place through which a turn's frames go to its client.

Claude's text comes in many small pieces; a post for each would be slow and dear. The outbox
gathers what comes while it waits and posts at most once per `INTERVAL`, from a thread of its own,
so that a slow client does not keep Claude waiting.

It remembers every piece that it posted: where the turn is resumed on another connection, that one gets
what it lacks and then what is to come, in order.
"""

from __future__ import annotations

import contextlib
import threading
import time
from types import TracebackType
from typing import Self

from bridge.errors import ClientGone
from bridge.ports.turns import Gateway
from bridge.protocol import frames
from bridge.protocol.frames import Frame

INTERVAL = 0.08
"""Seconds between two posts of deltas: a little over the 75 ms that a reader takes for fluent."""

FIRST_WAIT = 0.004
"""Seconds that the first delta waits for more: an answer that comes at once then takes one post."""


class Outbox:
    """A turn's frames on their way to its client; a context that ends when all are sent.

    Where the connection is closed, the rest of the frames vanish and the turn goes on: its answer is
    paid for, kept, and can be read later, or resumed now. Where it cannot be posted to for another reason
    the rest of the deltas vanish; the last frame is tried all the same, and tells how many there were.
    """

    def __init__(self, gateway: Gateway, connection_id: str, request_id: str) -> None:
        self._gateway = gateway
        self._connection_id = connection_id
        self._request_id = request_id
        self._pending: list[str] = []
        self._pending_size = 0
        self._pieces: list[str] = []
        self._told = 0
        self._pointed = 0
        self._closing = False
        self._wake = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="outbox", daemon=True)
        self.posts = 0
        self.gone = False
        self._failing = False
        self.failure: Exception | None = None

    @property
    def connection_id(self) -> str:
        """The connection to which the turn's frames go now."""
        return self._connection_id

    @property
    def lengths(self) -> tuple[int, ...]:
        """How many characters each delta has."""
        return tuple(map(len, self._pieces))

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

    def point(self, connection_id: str, last_seq: int) -> None:
        """Have the deltas after ``last_seq``, and all that is to come, go to another connection."""
        with self._wake:
            self._connection_id = connection_id
            self._told = min(last_seq, len(self._pieces))
            self._pointed += 1
            self.gone = self._failing = False
            self._wake.notify()

    def flush(self) -> None:
        """Send what is left of the answer, and wait until it is sent."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join()
        self._tell()  # where it was resumed after the thread had ended

    def send(self, frame: Frame, connection_id: str | None = None) -> None:
        """Send a whole frame now. Frames of the answer's text come before it only after `flush`.

        To another connection than the turn's it is a courtesy: whether it arrives changes nothing.
        """
        if connection_id is not None:
            with contextlib.suppress(Exception):
                self._gateway.post(connection_id, frames.encode(frame))
            return
        with self._wake:
            pointed, target, gone = self._pointed, self._connection_id, self.gone
        if not gone:
            self._post(frame, target, pointed)

    def _post(self, frame: Frame, target: str, pointed: int) -> None:
        try:
            self._gateway.post(target, frames.encode(frame))
        except ClientGone:
            with self._wake:
                self.gone = self.gone or pointed == self._pointed
        except Exception as failure:  # noqa: BLE001 - whatever it is, the turn goes on without its client
            with self._wake:
                self._failing = self._failing or pointed == self._pointed
                self.failure = failure
        else:
            self.posts += 1

    def _run(self) -> None:
        due = 0.0
        while True:
            with self._wake:
                while not self._pending and not self._behind and not self._closing:
                    self._wake.wait()
                if not self._pending and not self._behind:
                    return
                due = due or time.monotonic() + FIRST_WAIT
                while not self._closing and not self._behind and self._pending_size < frames.MAX_DELTA_BYTES:
                    left = due - time.monotonic()
                    if left <= 0:
                        break
                    self._wake.wait(left)
                text = "".join(self._pending)
                self._pending.clear()
                self._pending_size = 0
            due = time.monotonic() + INTERVAL
            pieces = list(frames.split(text))
            with self._wake:
                self._pieces += pieces
            self._tell()

    @property
    def _behind(self) -> bool:
        """Tell whether the client lacks some of the pieces."""
        return not (self.gone or self._failing) and self._told < len(self._pieces)

    def _tell(self) -> None:
        """Post the pieces that the client lacks, wherever it is meanwhile."""
        while True:
            with self._wake:
                if not self._behind:
                    return
                number, piece = self._told, self._pieces[self._told]
                pointed, target = self._pointed, self._connection_id
            self._post(frames.delta(self._request_id, number + 1, piece), target, pointed)
            with self._wake:
                if pointed == self._pointed:
                    self._told = number + 1
