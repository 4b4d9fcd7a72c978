"""Traps for calls that pass through: a call that a trap is set for fails, waits, or kills who made it.

A trap acts before a call is passed on, or after that and before its caller is answered: the same call has
no effect then, or one.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, Protocol, TypeVar

from tests.gateway.processes import worker_at

When = Literal["before", "after"]


class Passing(Protocol):
    """A call, as far as it matters here: the port at which its caller sits on this machine."""

    @property
    def peer_port(self) -> int:
        """The caller's end of the TCP connection."""


C = TypeVar("C", bound=Passing)


@dataclass(frozen=True)
class HttpReply:
    """What a caller is answered in place of the real answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    def encoded(self) -> bytes:
        """Return it as HTTP/1.1; the connection ends with it."""
        lines = [f"HTTP/1.1 {self.status} -", "connection: close", f"content-length: {len(self.body)}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        return "\r\n".join([*lines, "", ""]).encode() + self.body


def refusal(status: int, code: str, message: str = "refused by a trap") -> HttpReply:
    """Return an error as AWS's JSON protocols tell it, those with a target header and the REST ones."""
    body = json.dumps({"__type": code, "message": message}).encode()
    return HttpReply(status, {"content-type": "application/x-amz-json-1.0", "x-amzn-ErrorType": code}, body)


Act = Callable[[C], Awaitable[HttpReply | None]]
"""What happens to a call that is caught; a reply goes to its caller in place of the real one."""


@dataclass(eq=False)
class Trap(Generic[C]):
    """What is done to the calls that match, ``times`` of them (None: all), and which those were."""

    matches: Callable[[C], bool]
    act: Act[C]
    when: When = "before"
    times: int | None = 1
    caught: list[C] = field(default_factory=list)
    sprung: threading.Event = field(default_factory=threading.Event)

    def wait(self, seconds: float = 60) -> C:
        """Return the first call that was caught, once there is one."""
        assert self.sprung.wait(seconds), "nothing came that the trap was set for"
        return self.caught[0]


class Traps(Generic[C]):
    """The traps that are set."""

    def __init__(self) -> None:
        self._traps: list[Trap[C]] = []
        self._lock = threading.Lock()

    def set(self, trap: Trap[C]) -> Trap[C]:
        """Set a trap and return it."""
        with self._lock:
            self._traps.append(trap)
        return trap

    def remove(self, trap: Trap[C]) -> None:
        """Remove a trap, if it is still set."""
        with self._lock:
            if trap in self._traps:
                self._traps.remove(trap)

    def clear(self) -> None:
        """Remove all traps."""
        with self._lock:
            self._traps.clear()

    async def spring(self, when: When, call: C) -> HttpReply | None:
        """Do to a call what the first trap that matches says."""
        trap = self._take(when, call)
        if trap is None:
            return None
        trap.sprung.set()
        return await trap.act(call)

    def _take(self, when: When, call: C) -> Trap[C] | None:
        with self._lock:
            for trap in self._traps:
                if trap.when == when and trap.matches(call):
                    trap.caught.append(call)
                    if trap.times is not None and len(trap.caught) >= trap.times:
                        self._traps.remove(trap)
                    return trap
        return None


def failing(status: int, code: str) -> Act[Any]:
    """Answer with an error of AWS's."""

    async def act(_: Passing) -> HttpReply:
        return refusal(status, code)

    return act


async def cut(_: Passing) -> HttpReply | None:
    """Break the connection off without an answer."""
    raise ConnectionResetError("cut by a trap")


async def kill(call: Passing) -> HttpReply | None:
    """Kill the function that makes the call, as Lambda's host may die: no line of it runs any more."""
    try:
        os.kill(await asyncio.to_thread(worker_at, call.peer_port), signal.SIGKILL)
    except LookupError:
        raise ConnectionResetError("the caller is gone already") from None
    raise ConnectionResetError("the caller was killed")


def slowly(seconds: float) -> Act[Any]:
    """Let the call wait."""

    async def act(_: Passing) -> None:
        await asyncio.sleep(seconds)

    return act


class Held:
    """Keeps calls waiting until `release`; ``Trap(…, Held().act)``."""

    def __init__(self) -> None:
        self._released = threading.Event()

    async def act(self, _: Passing) -> None:
        """Wait."""
        await asyncio.to_thread(self._released.wait, 60)

    def release(self) -> None:
        """Let them go on."""
        self._released.set()
