"""Threads that invoke functions of the emulator, each over a kept connection of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from bridge_local.aws import Connection

_LONGEST_INVOCATION_SECONDS = 960.0  # Lambda's 15 minutes, and a margin


class Invokers:
    """At most `most` invocations at once, until `stop`.

    `stopping` is set once nothing new is to be begun. Every connection that was made by `connection` is
    closed at the end, so that no thread goes on waiting for the emulator.
    """

    def __init__(self, port: int, most: int) -> None:
        self.stopping = threading.Event()
        self._port = port
        self._lock = threading.Lock()
        self._room = threading.BoundedSemaphore(most)
        self._threads = ThreadPoolExecutor(most, thread_name_prefix="invoke")
        self._connections: set[Connection] = set()
        self._own = threading.local()
        self._under_way = 0

    @property
    def busy(self) -> bool:
        """Tell whether an invocation is under way."""
        return self._under_way > 0

    def connection(self, *, timeout: float) -> Connection:
        """Return a new connection, for one thread."""
        connection = Connection(self._port, timeout=timeout)
        with self._lock:
            self._connections.add(connection)
        return connection

    def wait_for_room(self) -> None:
        """Wait until one more invocation could begin."""
        with self._room:
            pass

    def begin(self, work: Callable[[Connection], None]) -> None:
        """Have `work` done by a thread, once there is room for it; not at all after `stop`."""
        self._room.acquire()
        with self._lock:
            self._under_way += 1
        try:
            self._threads.submit(self._do, work)
        except RuntimeError:  # stopped meanwhile
            self._done()

    def stop(self, patience: float = 0) -> None:
        """Begin nothing more, and give what is under way `patience` seconds to end."""
        self.stopping.set()
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline and self.busy:
            time.sleep(0.05)
        with self._lock:
            connections, self._connections = self._connections, set()
        for connection in connections:
            connection.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _do(self, work: Callable[[Connection], None]) -> None:
        if not hasattr(self._own, "connection"):
            self._own.connection = self.connection(timeout=_LONGEST_INVOCATION_SECONDS)
        connection: Connection = self._own.connection
        try:
            work(connection)
        finally:
            if self.stopping.is_set():
                connection.close()
            self._done()

    def _done(self) -> None:
        with self._lock:
            self._under_way -= 1
        self._room.release()
