"""Locks that a process holds as long as it lives, however it ends: no stale pid files."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


class Held(Exception):
    """Another process holds the lock; `pid` is its, or 0 if it did not say."""

    def __init__(self, pid: int) -> None:
        super().__init__(f"held by process {pid}")
        self.pid = pid


def take(path: Path, *, patience: float = 1.0) -> int:
    """Take the lock for the rest of the process's life, or until the returned descriptor is closed.

    Tries for `patience` seconds: whoever looks by `holder` has it for an instant. Raises Held. The descriptor
    is not inherited by children.
    """
    deadline = time.monotonic() + patience
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() < deadline:
                time.sleep(0.01)
                continue
            said = os.read(descriptor, 32).strip()
            os.close(descriptor)
            raise Held(int(said) if said.isdigit() else 0) from None
    os.ftruncate(descriptor, 0)
    os.write(descriptor, str(os.getpid()).encode())
    return descriptor


def holder(path: Path) -> int | None:
    """Return the pid of who holds the lock (0 if it did not say), None if nobody does."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        said = os.read(descriptor, 32).strip()
        return int(said) if said.isdigit() else 0
    finally:
        os.close(descriptor)
    return None


@contextmanager
def held(path: Path, *, patience: float, waiting: Callable[[int], None]) -> Iterator[int]:
    """Hold the lock for a while; if another has it, call `waiting` once with its pid and wait for it.

    Yields the descriptor: a child that inherits it holds the lock too. Raises Held after `patience` seconds.
    """
    deadline = time.monotonic() + patience
    told = False
    while True:
        try:
            descriptor = take(path, patience=0)
            break
        except Held as e:
            if time.monotonic() > deadline:
                raise
            if not told:
                told = True
                waiting(e.pid)
            time.sleep(0.2)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
