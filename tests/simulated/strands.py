"""Threads that take turns when they are told to, so that what runs beside what can be drawn, and repeated.

A function's code runs in real threads, of which one runs at a time: each stops at every call to the world
and wherever it waits, and goes on when the test says so. `Stage.threads` and `Stage.time` take the place of
the modules of these names in the code under test.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import SimpleNamespace, TracebackType
from typing import Any, Self

PRECEDENCE = ("hold", "main", "outbox", "watch")
"""Who goes first where nobody is preferred."""


class Killed(BaseException):
    """The function's process is gone; nothing in it may catch this."""


class Clock:
    """The time, in seconds since the epoch, which goes on only when it is told to."""

    def __init__(self, start: float) -> None:
        self.now = start

    def __call__(self) -> float:
        return self.now

    def pass_by(self, seconds: float) -> None:
        # To the millisecond, as the tables have it: what is compared must not differ by a rounding.
        self.now = round(self.now + seconds, 3)


class Strand:
    """A thread of a function: stopped at a ``call``, waiting, or over."""

    def __init__(self, invocation: Invocation, name: str, work: Callable[[], object]) -> None:
        self.invocation = invocation
        self.name = name
        self.call: str | None = None
        self.over = False
        self.failure: BaseException | None = None
        self._stage = invocation.stage
        self._work = work
        self._ready: Callable[[], bool] = lambda: True
        self._wakes: float | None = None
        self._go, self._stopped = threading.Semaphore(0), threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def runnable(self) -> bool:
        """Whether it can go on now."""
        if self.over:
            return False
        return self._ready() or (self._wakes is not None and self._stage.clock() >= self._wakes)

    @property
    def wakes(self) -> float | None:
        """Until when it waits at most."""
        return None if self.over else self._wakes

    def resume(self) -> None:
        """Let it go on until it stops again."""
        before, self._stage.current = self._stage.current, self
        self._go.release()
        self._stopped.acquire()
        self._stage.current = before
        if self.over:
            self._thread.join()

    def stop(
        self, call: str | None = None, ready: Callable[[], bool] | None = None, wakes: float | None = None
    ) -> None:
        """Stop here until it is resumed, which is for one who is ``ready``, or ``wakes`` by then."""
        if self.invocation.dead:
            raise Killed
        self.call, self._wakes = call, wakes
        self._ready = ready or (lambda: True)
        self._stopped.release()
        self._go.acquire()
        self.call = self._wakes = None
        if self.invocation.dead:
            raise Killed

    def _run(self) -> None:
        self._go.acquire()
        try:
            if not self.invocation.dead:
                self._work()
        except BaseException as failure:  # noqa: BLE001 - whoever runs the stage looks at it
            self.failure = failure
        finally:
            self.over = True
            self._stopped.release()


class Invocation:
    """A function at work: its strands, the first of which is the handler's."""

    def __init__(self, stage: Stage, name: str, work: Callable[[], object]) -> None:
        self.stage = stage
        self.name = name
        self.began = stage.clock()
        self.dead = False
        self.fault: str | None = None
        self.faults = 0
        self.strands: list[Strand] = []
        self.begin("main", work)

    @property
    def over(self) -> bool:
        """Whether it has come to its end, or was killed."""
        return self.dead or self.strands[0].over

    @property
    def failure(self) -> BaseException | None:
        """What the handler raised."""
        return self.strands[0].failure

    def begin(self, name: str, work: Callable[[], object]) -> Strand:
        """Begin a strand."""
        strand = Strand(self, name, work)
        self.strands.append(strand)
        return strand

    def go(self, calls: int, prefer: str | None = None, fault: str | None = None) -> int:
        """Go on for so many calls, the last of which meets a ``fault``; return how many it made."""
        made = 0
        while made < calls:
            strand = self._next_caller(prefer)
            if strand is None:
                return made
            made += 1
            if made == calls and fault is not None:
                self.faults += 1
                if fault == "killed":
                    self.kill()
                    return made
                self.fault = fault
            strand.resume()
        self._next_caller(prefer)  # up to the next call nobody can tell the difference
        return made

    def take_fault(self) -> str | None:
        """Return what happens to the call that is made now."""
        fault, self.fault = self.fault, None
        return fault

    def kill(self) -> None:
        """Have it end here: not another thing that it does has an effect."""
        self.dead = True
        for strand in self.strands:
            while not strand.over:
                strand.resume()

    def _next_caller(self, prefer: str | None) -> Strand | None:
        while True:
            if self.dead:
                self.kill()
                return None
            runnable = [strand for strand in self.strands if strand.runnable]
            if not runnable or self.over:
                return None
            strand = min(runnable, key=lambda each: (each.name != prefer, PRECEDENCE.index(each.name)))
            if strand.call is not None:
                return strand
            strand.resume()


class Stage:
    """Where strands take turns; ``current`` is the one that runs, None while the test itself does."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.current: Strand | None = None
        self.threads = SimpleNamespace(
            Thread=lambda **how: _Thread(self, **how),
            Event=lambda: _Event(self),
            Condition=lambda: _Condition(self),
            Lock=_Lock,
        )
        self.time = SimpleNamespace(time=clock, monotonic=clock, sleep=self.wait)

    def wait(self, seconds: float = 0, ready: Callable[[], bool] = lambda: False) -> None:
        """Wait so long, or until ``ready``."""
        self.acting.stop(ready=ready, wakes=self.clock() + seconds)

    @property
    def acting(self) -> Strand:
        """The strand that runs."""
        assert self.current is not None, "the test itself waits"
        return self.current


class _Thread:
    def __init__(
        self, stage: Stage, target: Callable[..., object], name: str, daemon: bool, args: tuple[Any, ...] = ()
    ) -> None:
        assert daemon
        self._stage = stage
        self._name = name
        self._work = lambda: target(*args)
        self._strand: Strand | None = None

    def start(self) -> None:
        invocation = self._stage.acting.invocation
        if invocation.dead:
            raise Killed
        self._strand = invocation.begin(self._name, self._work)

    def join(self) -> None:
        strand = self._strand
        assert strand is not None, "a thread was joined that was never started"
        if not strand.over:
            self._stage.acting.stop(ready=lambda: strand.over)


class _Event:
    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._set = False

    def is_set(self) -> bool:
        return self._set

    def set(self) -> None:
        self._set = True

    def wait(self, timeout: float | None = None) -> bool:
        if not self._set:
            wakes = None if timeout is None else self._stage.clock() + timeout
            self._stage.acting.stop(ready=self.is_set, wakes=wakes)
        return self._set


class _Lock:
    """A lock that nobody ever waits for: no strand stops while it has one."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


class _Condition(_Lock):
    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._told = 0

    def wait(self, timeout: float | None = None) -> None:
        told = self._told
        wakes = None if timeout is None else self._stage.clock() + timeout
        self._stage.acting.stop(ready=lambda: self._told > told, wakes=wakes)

    def notify(self) -> None:
        self._told += 1
