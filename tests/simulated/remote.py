"""AWS as the functions reach it: a call may fail before it took effect, or after, or happen twice."""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, TypeVar

from botocore.exceptions import ClientError, ReadTimeoutError

from tests.simulated.strands import Killed, Stage
from tests.simulated.table import Paginator

FAULTS = ("refused", "lost", "repeated", "killed", "killed after")
"""What can happen to a call: it fails and did nothing; it is done, and its reply is lost; so that the SDK
sends it once more; the function dies before it, or right after it."""

_ONCE_BY_TOKEN = ("transact_write_items",)
"""What the SDK sends with a token by which AWS knows that it comes a second time."""

Reply = TypeVar("Reply")


class Wire:
    """Every call of a function to the world comes by here, where the functions take turns."""

    def __init__(self, stage: Stage, trace: Callable[[str], None]) -> None:
        self._stage = stage
        self._trace = trace
        self.faulted: list[str] = []

    def call(
        self,
        what: str,
        do: Callable[[], Reply],
        *,
        refused: Callable[[], Exception],
        lost: Callable[[], Exception],
        repeatable: bool = True,
    ) -> Reply:
        """Return what ``do`` returns, or raise what a fault makes of it. Each call takes a millisecond."""
        strand = self._stage.acting
        strand.stop(what)
        invocation = strand.invocation
        fault = invocation.take_fault()
        self._stage.clock.pass_by(0.001)
        by = invocation.name if strand.name == "main" else f"{invocation.name}, {strand.name}"
        outcome = f" [{fault}]" if fault else ""
        if fault is not None:
            self.faulted.append(what)
        try:
            if fault == "refused":
                raise refused()
            reply = do()
            if fault == "repeated" and repeatable:
                reply = do()
            if fault == "lost":
                raise lost()
        except Exception as failure:
            outcome += f": {type(failure).__name__}"
            raise
        finally:
            self._trace(f"{by}: {what}{outcome}")
            if fault == "killed after":
                invocation.dead = True
                raise Killed
        return reply


class Client:
    """A boto3 client of the functions', over what stands for its service."""

    def __init__(
        self, wire: Wire, service: Any, exceptions: Any, describe: Callable[[str, Any], str]
    ) -> None:
        self._wire = wire
        self._service = service
        self._describe = describe
        self.exceptions = exceptions
        self.meta = SimpleNamespace(events=SimpleNamespace(register=lambda *_: None))

    def get_paginator(self, operation: str) -> Paginator:
        assert operation == "query"
        return Paginator(self)

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        method = getattr(self._service, operation)

        def call(**request: Any) -> Any:
            return self._wire.call(
                self._describe(operation, request),
                functools.partial(method, **request),
                refused=lambda: ClientError({"Error": {"Code": "InternalServerError"}}, operation),
                lost=lambda: ReadTimeoutError(endpoint_url="https://aws"),
                repeatable=operation not in _ONCE_BY_TOKEN,
            )

        return call
