"""Saves the emulator's state every few seconds while it changes, so that a killed process loses seconds.

Copying the state takes long enough to be felt, and it must not change meanwhile. On Linux a fork does both:
it takes milliseconds, and the child, a frozen copy of the process, writes in its own time. Elsewhere, where
a fork of a process with threads is not safe, a thread writes, and begins again if the state changed under it.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

State = Callable[[], Any]

_FORKS = sys.platform == "linux"
# Kept by nobody: what functions logged is in a file of its own, and nothing here reads metrics.
_NOT_SAVED = frozenset({"cloudwatch_logs", "cloudwatch"})
_LONGEST_SECONDS = 60.0
_SHARE = 10  # saving may take a tenth of the time
_ATTEMPTS = 5


class Saver:
    """Notes what changed, and saves it at most every `pause` seconds."""

    def __init__(self, states: Callable[[], Mapping[str, State]], *, pause: float) -> None:
        self._states = states
        self._pause = pause
        self._changed: set[str] = set()
        self._child = 0
        self._thread: threading.Thread | None = None

    def changed(self, services: set[str]) -> None:
        """Note that services may have changed; `*` means any."""
        self._changed |= services

    async def run(self) -> None:
        """Save for ever."""
        pause = self._pause
        while True:
            await asyncio.sleep(pause)
            if not self._changed:
                continue
            services, self._changed = self._changed, set()
            began = time.monotonic()
            if not await self._save(services):
                self._changed |= services
            pause = max(self._pause, _SHARE * (time.monotonic() - began))

    def finish(self) -> None:
        """Wait until nothing is being written any more."""
        if self._child:
            _wait(self._child, _LONGEST_SECONDS)
            self._child = 0
        if self._thread:
            self._thread.join(_LONGEST_SECONDS)

    async def _save(self, services: set[str]) -> bool:
        states = {
            name: state
            for name, state in self._states().items()
            if name not in _NOT_SAVED and ("*" in services or name in services)
        }
        return await (self._save_in_child(states) if _FORKS else self._save_in_thread(states))

    async def _save_in_child(self, states: Mapping[str, State]) -> bool:
        with warnings.catch_warnings():
            # Python warns of a fork among threads: the child could wait for a lock that a thread held. It
            # takes hardly any, and is killed and tried again if it does.
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if child == 0:
            _write_and_exit(states)
        self._child = child
        deadline = time.monotonic() + _LONGEST_SECONDS
        while time.monotonic() < deadline:
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                self._child = 0
                return status == 0
            await asyncio.sleep(0.02)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        self._child = 0
        return False

    async def _save_in_thread(self, states: Mapping[str, State]) -> bool:
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        loop = asyncio.get_running_loop()

        def work() -> None:
            for _ in range(_ATTEMPTS):
                try:
                    copies = {name: state() for name, state in states.items()}
                    break
                except RuntimeError:  # it changed while it was copied
                    continue
            else:
                loop.call_soon_threadsafe(done.set_result, False)
                return
            _write({name: partial(_itself, copy) for name, copy in copies.items()})
            loop.call_soon_threadsafe(done.set_result, True)

        self._thread = threading.Thread(target=work, name="saving", daemon=True)
        self._thread.start()
        return await done


def _itself(copy: Any) -> Any:
    return copy


def _write(states: Mapping[str, State]) -> None:
    from ministack.core.persistence import save_all

    save_all(dict(states))


def _write_and_exit(states: Mapping[str, State]) -> None:
    """Be the child: let go of every connection, so that closing one in the parent closes it; write; end."""
    status = 1
    try:
        os.closerange(3, 65_536)
        os.nice(5)
        _write(states)
        status = 0
    finally:
        os._exit(status)


def _wait(child: int, patience: float) -> None:
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        try:
            if os.waitpid(child, os.WNOHANG)[0]:
                return
        except ChildProcessError:
            return
        time.sleep(0.02)
