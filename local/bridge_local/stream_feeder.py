"""Hands what changed in the sessions table to the remember function, as Lambda's pollers do in AWS.

The emulator has a poller too, but it works on one batch at a time, so that a slow summary would hold up every
other session's memory; it takes partial failures for success; and after a restart it passes over as many
changes as there were before. Here the stream is read four times a second, as Lambda reads it, and several
batches are under way at once, while the changes under one partition key stay in order.

What is followed, filtered and tried again is said by the event source mapping, which is disabled here. The
emulator's stream is in its memory only: what was not handed on when it stopped is lost, and the memory finds
it by itself.
"""

from __future__ import annotations

import http.client
import logging
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from bridge_local import changes
from bridge_local.aws import CallFailed, Connection
from bridge_local.changes import Change, Following, UnknownRule
from bridge_local.invoking import Invokers

_READ_EVERY_SECONDS = 0.25
_READ_TIMEOUT_SECONDS = 30.0
_PAUSE_SECONDS = 0.5  # before the first retry, then doubled
_FAILURES = (OSError, http.client.HTTPException, ValueError, CallFailed)

# While one writes a summary, others must go on; each is a process in the emulator.
CONCURRENCY = 3

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class StreamSource:
    """Whose event source mapping is followed, and in which emulator."""

    port: int
    function: str


@dataclass
class Followed:
    """How many changes were handed on and done, given up after retries, and are still to be done."""

    done: int = 0
    given_up: int = 0
    waiting: int = 0


class StreamFeeder:
    """The reader and its batches, from `start` to `stop`."""

    def __init__(self, source: StreamSource) -> None:
        self.source = source
        self.followed = Followed()
        self._invokers = Invokers(source.port, CONCURRENCY)
        self._following: Following | None = None
        self._iterator = ""
        self._last = ""
        self._lock = threading.Lock()
        self._waiting: dict[str, deque[Change]] = {}
        self._held: set[str] = set()
        self._under_way = 0
        self._wake = threading.Event()
        self._nothing_new_at = 0.0

    def start(self) -> None:
        """Begin to read."""
        threading.Thread(target=self._read_on, name="stream", daemon=True).start()

    def stop(self, patience: float = 0) -> None:
        """Hand on what has changed until now, for `patience` seconds at most; then do nothing more."""
        asked = time.monotonic()
        self._wake.set()
        while time.monotonic() < asked + patience:
            if self._nothing_new_at > asked and not self.followed.waiting:
                break
            time.sleep(0.05)
        self._invokers.stop()
        self._wake.set()

    def _read_on(self) -> None:
        connection = self._invokers.connection(timeout=_READ_TIMEOUT_SECONDS)
        while not self._invokers.stopping.is_set():
            began = time.monotonic()
            try:
                read = self._read(connection)
            except UnknownRule:
                _log.exception("the changes of the sessions table cannot be followed")
                break
            except _FAILURES as e:
                _log.debug("read: %s", e)
                read = []
            else:
                if not read:
                    self._nothing_new_at = began
            self._take(read)
            self._hand_on()
            if not read:
                self._wake.wait(_READ_EVERY_SECONDS)
                self._wake.clear()
        connection.close()

    def _read(self, connection: Connection) -> list[Change]:
        if self._following is None:
            self._following = changes.following(connection.event_sources(self.source.function))
            if self._following is None:
                return []
        if not self._iterator:
            self._iterator = self._new_iterator(connection, self._following.stream_arn)
        iterator, self._iterator = self._iterator, ""
        answer = connection.call("streams", "GetRecords", {"ShardIterator": iterator, "Limit": 1000})
        self._iterator = answer.get("NextShardIterator") or ""
        read: list[Change] = answer["Records"]
        if read:
            self._last = changes.number(read[-1])
        return read

    def _new_iterator(self, connection: Connection, stream: str) -> str:
        """Begin after what was read last: an iterator expires in 15 minutes, while the machine sleeps."""
        described = connection.call("streams", "DescribeStream", {"StreamArn": stream})["StreamDescription"]
        request = {"StreamArn": stream, "ShardId": described["Shards"][0]["ShardId"]}
        if self._last:
            request |= {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": self._last}
        else:
            request["ShardIteratorType"] = "TRIM_HORIZON"
        try:
            return str(connection.call("streams", "GetShardIterator", request)["ShardIterator"])
        except CallFailed:
            self._last = ""  # it is trimmed by now: everything that is left is new
            raise

    def _take(self, read: Sequence[Change]) -> None:
        wanted = [change for change in read if self._following and self._following.wants(change)]
        with self._lock:
            for change in wanted:
                self._waiting.setdefault(changes.key(change), deque()).append(change)
            self.followed.waiting += len(wanted)

    def _hand_on(self) -> None:
        while batch := self._next_batch():
            self._invokers.begin(partial(self._work_on, batch))

    def _next_batch(self) -> list[Change]:
        """Take changes that wait, but none under a key of which others are under way."""
        batch: list[Change] = []
        with self._lock:
            if self._following is None or self._under_way == CONCURRENCY:
                return batch
            for key in [key for key in self._waiting if key not in self._held]:
                lane = self._waiting[key]
                while lane and len(batch) < self._following.batch_size:
                    batch.append(lane.popleft())
                    self._held.add(key)
                if not lane:
                    del self._waiting[key]
            self._under_way += bool(batch)
        return batch

    def _work_on(self, batch: Sequence[Change], connection: Connection) -> None:
        try:
            self._deliver(batch, connection)
        finally:
            with self._lock:
                self._held -= set(map(changes.key, batch))
                self._under_way -= 1
                self.followed.waiting -= len(batch)
            self._wake.set()

    def _deliver(self, batch: Sequence[Change], connection: Connection) -> None:
        """Invoke until every change is done or given up; a batch that fails as a whole is halved first."""
        parts = [list(batch)]
        attempts = 0
        while parts and not self._invokers.stopping.is_set():
            part = parts.pop()
            finished = self._invoke(part, connection)
            if finished is None and len(part) > 1:
                half = len(part) // 2
                parts += [part[half:], part[:half]]
                continue
            left = part[finished or 0 :]
            self._count(done=len(part) - len(left))
            attempts = 0 if finished else attempts
            if left:
                attempts += 1
                if attempts > self._retries:
                    _log.warning("change %s is given up after %d attempts", changes.number(left[0]), attempts)
                    self._count(given_up=1)
                    left, attempts = left[1:], 0
                else:
                    self._invokers.stopping.wait(_PAUSE_SECONDS * 2 ** (attempts - 1))
            if left:
                parts.append(left)

    @property
    def _retries(self) -> int:
        return self._following.retries if self._following else 0

    def _count(self, *, done: int = 0, given_up: int = 0) -> None:
        with self._lock:
            self.followed.done += done
            self.followed.given_up += given_up

    def _invoke(self, part: Sequence[Change], connection: Connection) -> int | None:
        """Return how many changes the function has done; None where it failed as a whole."""
        if self._following is None:  # nothing was read without it
            return 0
        try:
            succeeded, returned = connection.invoke(self.source.function, self._following.event(part))
        except _FAILURES as e:
            if not self._invokers.stopping.is_set():
                _log.warning("%d changes will be handed on again: %s", len(part), e)
            return 0
        if not succeeded:
            _log.warning("the remember function failed for %d changes: %.500s", len(part), returned)
            return None
        return changes.done(part, returned)
