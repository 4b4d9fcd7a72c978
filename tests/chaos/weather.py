"""What goes wrong in a storm: with single turns as planned, and with AWS at random."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from llmock.pytest_plugin import LLMock
from llmock.scenarios import Behavior, Fail, Match, StreamFault

from tests.chaos.aws_faults import AwsFaults
from tests.chaos.plan import MODEL, Turn
from tests.e2e.deployed import Deployed
from tests.gateway.posts import Post
from tests.gateway.traps import HttpReply, Trap, When, cut, failing, kill, refusal, slowly
from tests.recorder.calls import Call

RULES = [
    {
        "service": "dynamodb",
        "probability": 0.04,
        "error": {"code": "ProvisionedThroughputExceededException"},
    },
    {"service": "dynamodb", "probability": 0.02, "reset": True},
    {
        "service": "sqs",
        "operation": "SendMessage",
        "probability": 0.15,
        "error": {"code": "InternalError", "status": 500},
    },
    {"service": "secretsmanager", "probability": 0.5, "error": {"code": "InternalServiceError"}},
]
"""What microburst does at random. A secret is read by cold functions only, so half of those reads fail.

The hold of a message is left alone: a function that is killed while it cannot hold its message is delivered
again after 15 minutes only, and a storm does not last that long.
"""

_AWS_KINDS = {
    ("dynamodb", "error:ProvisionedThroughputExceededException"): "dynamodb-throttled",
    ("dynamodb", "reset"): "dynamodb-reset",
    ("sqs", "error:InternalError"): "queue-500",
    ("secretsmanager", "error:InternalServiceError"): "secret-500",
}

_CLAUDE: dict[str, Callable[[], Behavior]] = {
    "claude-429": lambda: Fail(429, retry_after=0.05, match=Match(model=MODEL)),
    "claude-529": lambda: Fail(529, retry_after=0.05, match=Match(model=MODEL)),
    "claude-500": lambda: Fail(500, retry_after=0.05, match=Match(model=MODEL)),
    "claude-broken": lambda: StreamFault("disconnect", after_chunks=4, match=Match(model=MODEL)),
    "claude-truncated": lambda: StreamFault("truncate", after_chunks=2, match=Match(model=MODEL)),
    "claude-garbage": lambda: StreamFault("malformed", after_chunks=5, match=Match(model=MODEL)),
}
"""llmock gives each to the next request that comes, whichever turn's that is."""


_STREAM_KINDS = {"disconnect": "claude-broken", "truncate": "claude-truncated", "malformed": "claude-garbage"}


def _begins(call: Call, turn: Turn) -> bool:
    return call.operation == "UpdateItem" and call.touches(f"/{turn.request_id}") and call.touches("began")


def _commits(call: Call, turn: Turn) -> bool:
    return call.operation == "PutItem" and call.touches(turn.request_id) and call.touches(turn.message)


_CALLS_TO_DIE_AT: tuple[tuple[Callable[[Call, Turn], bool], When], ...] = (
    (_begins, "before"),
    (_begins, "after"),
    (_commits, "before"),
    (_commits, "after"),
)
_POSTS_TO_DIE_AT = ("delta", "answer")
"""Where a function dies, by `Turn.kill_at`; the two after these are a delta's and the answer's post."""


class Weather:
    """Arms turns with what is to happen to them, and counts what happened."""

    def __init__(self, bridge: Deployed, llmock: LLMock, aws: AwsFaults) -> None:
        self._bridge = bridge
        self._llmock = llmock
        self._aws = aws
        self._happened: Counter[str] = Counter()
        self._first_asked = len(bridge.switchboard.asked)
        aws.set(RULES)

    @contextmanager
    def over(self, turn: Turn) -> Iterator[None]:
        """Have a turn's faults happen to it, while the block runs."""
        calls: list[Trap[Call]] = []
        posts: list[Trap[Post]] = []
        for kind in sorted(turn.faults):
            if kind in _CLAUDE:
                self._llmock.add(_CLAUDE[kind]())
            elif kind == "kill" and turn.kill_at < len(_CALLS_TO_DIE_AT):
                calls.append(self._at_call(turn))
            elif kind in ("queue-before", "queue-after"):
                calls.append(self._at_queue(turn, kind))
            else:
                posts.append(self._at_post(turn, kind))
        for call in calls:
            self._bridge.recorder.traps.set(call)
        for post in posts:
            self._bridge.gateway.traps.set(post)
        try:
            yield
        finally:
            for call in calls:
                self._bridge.recorder.traps.remove(call)
            for post in posts:
                self._bridge.gateway.traps.remove(post)

    def happened(self) -> dict[str, int]:
        """Return how often which fault happened."""
        counted = Counter(self._happened)
        for fired, number in self._aws.fired().items():
            counted[_AWS_KINDS.get(fired, " ".join(fired))] += number
        for asked in self._bridge.switchboard.asked[self._first_asked :]:
            if asked.request["model"] == MODEL and asked.status not in (0, 200):
                counted[f"claude-{asked.status}"] += 1
        for record in self._llmock.requests:
            for kind, name in _STREAM_KINDS.items():
                counted[name] += (record.fault or "").startswith(f"stream:{kind}@")
        return dict(sorted(counted.items()))

    def _at_call(self, turn: Turn) -> Trap[Call]:
        answer = self._bridge.function("answer")
        matches, when = _CALLS_TO_DIE_AT[turn.kill_at]

        async def act(call: Call) -> HttpReply | None:
            self._happened["kill"] += 1
            return await kill(call)

        return Trap(lambda call: call.function == answer and matches(call, turn), act, when)

    def _at_queue(self, turn: Turn, kind: str) -> Trap[Call]:
        async def act(call: Call) -> HttpReply | None:
            self._happened[kind] += 1
            return await cut(call)

        def sends(call: Call) -> bool:
            return call.operation == "SendMessage" and call.touches(turn.request_id)

        return Trap(sends, act, "before" if kind == "queue-before" else "after")

    def _at_post(self, turn: Turn, kind: str) -> Trap[Post]:
        gateway = self._bridge.gateway

        async def act(post: Post) -> HttpReply | None:
            self._happened[kind] += 1
            match kind:
                case "kill":
                    return await kill(post)
                case "drop":
                    await asyncio.to_thread(gateway.drop, post.connection_id)
                case "stall":
                    await asyncio.to_thread(gateway.stall, post.connection_id)
                case "gone":
                    await asyncio.to_thread(gateway.drop, post.connection_id)
                    return refusal(410, "GoneException")
                case "limit-exceeded":
                    return await failing(429, "LimitExceededException")(post)
                case "post-failed":
                    return refusal(500, "InternalServerError")
                case "post-late":
                    await slowly(0.5)(post)
            return None

        def is_it(post: Post) -> bool:
            frame = json.loads(post.text)
            if frame.get("request_id") != turn.request_id:
                return False
            if kind == "kill":
                return bool(frame["type"] == _POSTS_TO_DIE_AT[turn.kill_at - len(_CALLS_TO_DIE_AT)])
            return bool(frame["type"] in ("delta", "answer", "error"))

        # The client has a post that failed, and gets it again; the others it has to do without.
        when: When = "after" if kind in ("kill", "post-failed", "drop", "stall") else "before"
        return Trap(is_it, act, when)
