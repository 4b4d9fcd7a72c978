"""What AWS counts of a turn and of a connection: calls, units, messages, time and bytes logged.

The functions' real handlers run in this process (`bench.counting`), those of the routes, the queue and the
stream alike, and every call of theirs is counted. Time is this machine's, and the emulator's with it.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from bench import counting
from bench.counting import OWNER, Functions
from bench.standin import INSTANT, STEADY, StandIn

# What Lambda itself logs of an invocation, as text, besides the function's own lines.
_PLATFORM = (
    f"START RequestId: {uuid.UUID(int=0)} Version: $LATEST\n"
    f"END RequestId: {uuid.UUID(int=0)}\n"
    f"REPORT RequestId: {uuid.UUID(int=0)}\tDuration: 6543.21 ms\tBilled Duration: 6544 ms\t"
    "Memory Size: 1024 MB\tMax Memory Used: 128 MB\t\n"
)


@dataclass
class Used:
    """What was used, on average: of a turn, or of a connection from its handshake to its end.

    ``seconds`` are those of each function, ``logged`` bytes, its platform's lines included.
    """

    write_units: float = 0.0
    read_units: float = 0.0
    sqs_requests: float = 0.0
    secret_calls: float = 0.0
    messages: float = 0.0
    bytes_out: float = 0.0
    invocations: float = 0.0
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    logged: float = 0.0

    def share(self, of: int) -> Used:
        """Return what one of so many used."""
        numbers = {name: value / of for name, value in vars(self).items() if not isinstance(value, dict)}
        return Used(**numbers, seconds={name: value / of for name, value in self.seconds.items()})

    def as_json(self) -> dict[str, Any]:
        """Return the averages, rounded."""
        rounded = {name: round(value, 3) for name, value in vars(self).items() if not isinstance(value, dict)}
        return rounded | {"seconds": {name: round(value, 3) for name, value in self.seconds.items()}}


class Consumption:
    """Counts turns and connections of one owner against a running local AWS."""

    def __init__(self, status: dict[str, Any], claude: StandIn) -> None:
        outputs = status["outputs"]
        variables = {
            "POWERTOOLS_LOG_LEVEL": "INFO",
            "PRICES": f"{INSTANT}=2/10,{STEADY}=2/10",
            "SUMMARY_MODEL": INSTANT,
        }
        self._functions = Functions(status, outputs, claude, variables)
        self._meter = self._functions._meter
        with contextlib.redirect_stdout(self._functions.logged):
            self._others = {
                name: importlib.import_module(f"bridge.handlers.{name}").handler
                for name in ("connect", "disconnect", "remember")
            }
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._invocations = 0
        self._functions._message = self._timed("message", self._functions._message)
        self._functions._answer = self._timed("answer", self._functions._answer)

    def turns(self, model: str, count: int, warm_up: int) -> tuple[Used, list[str]]:
        """Return what a turn with a model used, and the metrics that it put out.

        The turns are of one session, whose window is full after the first ``warm_up``; they go on to its
        being cut and summed up, which belongs to a turn's share.
        """
        session = f"bench-{uuid.uuid4().hex[:8]}"
        for _ in range(warm_up):
            self._turn(session, model)
        used = Used()
        with self._watched(used):
            for _ in range(count):
                counted = self._turn(session, model)
                calls = counted.to_accepted + counted.queue_to_claude + counted.after_claude
                self._add(used, counted, calls)
                used.messages += 2 + counted.posts  # the query, and `accepted`
                used.sqs_requests += 2  # Lambda's own: it receives and deletes
        return used.share(count), _metrics(self._functions.logged.getvalue())

    def connection(self, count: int) -> Used:
        """Return what a connection used besides its turns."""
        used = Used()
        with self._watched(used):
            for number in range(count):
                counted = self._meter.begin()
                event = {
                    "requestContext": {"connectionId": f"bench-{number}", "requestId": "bench"},
                    "headers": {},
                }
                self._call("connect", event)
                self._call("disconnect", event)
                self._add(used, counted, counted.to_accepted)
        return used.share(count)

    def _turn(self, session: str, model: str) -> counting.Count:
        counted = self._functions.turn(session, model=model)
        # The stream tells of the header that the turn has changed.
        self._meter.calls = counted.after_claude
        keys = {"session_id": {"S": f"{OWNER}/{session}"}, "seq": {"N": "0"}}
        change = {"SequenceNumber": "1", "Keys": keys, "StreamViewType": "KEYS_ONLY"}
        record = {"eventID": "1", "eventName": "MODIFY", "eventSource": "aws:dynamodb", "dynamodb": change}
        failed = self._call("remember", {"Records": [record]})["batchItemFailures"]
        if failed:
            raise RuntimeError(f"a change could not be followed: {self._functions.logged.getvalue()[-2000:]}")
        self._meter.calls = Counter()
        return counted

    def _call(self, name: str, event: dict[str, Any]) -> Any:
        with contextlib.redirect_stdout(self._functions.logged):
            return self._timed(name, self._others[name])(event, counting._context(name))

    def _timed(self, name: str, handler: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any) -> Any:
            begun = time.perf_counter()
            try:
                return handler(*arguments)
            finally:
                self._seconds[name] += time.perf_counter() - begun
                self._invocations += 1

        return timed

    @staticmethod
    def _add(used: Used, counted: counting.Count, calls: Counter[str]) -> None:
        used.write_units += counted.write_units
        used.read_units += counted.read_units
        used.bytes_out += counted.bytes_posted
        used.sqs_requests += sum(
            calls[name] for name in ("SendMessage", "ChangeMessageVisibility", "DeleteMessage")
        )
        used.secret_calls += calls["GetSecretValue"]

    @contextmanager
    def _watched(self, used: Used) -> Iterator[None]:
        """Add to what was used the time, the invocations and the bytes of the log that came meanwhile."""
        logged = self._functions.logged
        logged.seek(0)
        logged.truncate()
        self._seconds.clear()
        self._invocations = 0
        yield
        used.seconds = dict(self._seconds)
        used.invocations = self._invocations
        used.logged = len(logged.getvalue().encode()) + self._invocations * len(_PLATFORM)


def _metrics(logged: str) -> list[str]:
    """Return each metric of the embedded format among what was logged, with its dimensions: each is paid."""
    found = set()
    for line in logged.splitlines():
        if '"_aws"' not in line:
            continue
        blob = json.loads(line)
        for directive in blob["_aws"]["CloudWatchMetrics"]:
            for dimensions in directive["Dimensions"]:
                values = ", ".join(f"{name}={blob[name]}" for name in dimensions)
                found |= {f"{metric['Name']} ({values})" for metric in directive["Metrics"]}
    return sorted(found)


def measure(status: dict[str, Any]) -> dict[str, Any]:
    """Return what a turn that is answered at once, one that is streamed for 6 s, and a connection use."""
    with StandIn() as claude:
        consumption = Consumption(status, claude)
        instant, metrics = consumption.turns(INSTANT, count=24, warm_up=16)
        streaming, _ = consumption.turns(STEADY, count=6, warm_up=3)
        connection = consumption.connection(5)
    return {
        "instant": instant.as_json(),
        "streaming": streaming.as_json(),
        "connection": connection.as_json(),
        "metrics": metrics,
    }
