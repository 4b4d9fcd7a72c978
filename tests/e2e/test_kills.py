"""Functions that die: each turn is answered once or recorded as failed once, told, and never asked twice.

All die in sessions of their own, side by side, so that the wait for the queue is paid once.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from bench.standin import INSTANT
from tests.e2e.deployed import PACED, Deployed
from tests.e2e.wire import ENDINGS, Frame, Wire
from tests.gateway.posts import Post
from tests.gateway.processes import PROC
from tests.gateway.traps import Trap, When, kill
from tests.recorder.calls import Call

pytestmark = pytest.mark.skipif(not (PROC / "net" / "tcp").exists(), reason="finds whom to kill by /proc")


@dataclass
class Dying:
    """A turn whose function dies, and what has to become of it.

    ``at`` sets the trap. ``ends`` is the type of the frame that ends the turn, ``asked`` how often Claude is.
    """

    at: Callable[[Deployed, Dying], Trap[Call] | Trap[Post]]
    ends: str
    asked: int = 1
    model: str = INSTANT
    session: str = field(default_factory=lambda: f"session-{uuid.uuid4().hex[:12]}")
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def message(self) -> str:
        return f"Asked once, in {self.session}."


def at_call(matches: Callable[[Call, Dying], bool], when: When) -> Callable[[Deployed, Dying], Trap[Call]]:
    """Die at a call to AWS."""

    def set_trap(bridge: Deployed, dying: Dying) -> Trap[Call]:
        answer = bridge.function("answer")
        trap = Trap[Call](lambda call: call.function == answer and matches(call, dying), kill, when)
        return bridge.recorder.traps.set(trap)

    return set_trap


def at_post(matches: Callable[[Frame], bool]) -> Callable[[Deployed, Dying], Trap[Post]]:
    """Die when the client has a frame, before the function knows that."""

    def set_trap(bridge: Deployed, dying: Dying) -> Trap[Post]:
        def of_this_turn(post: Post) -> bool:
            frame = json.loads(post.text)
            return frame.get("request_id") == dying.request_id and matches(frame)

        return bridge.gateway.traps.set(Trap(of_this_turn, kill, "after"))

    return set_trap


def begins(call: Call, dying: Dying) -> bool:
    return call.operation == "UpdateItem" and call.touches(f"/{dying.request_id}") and call.touches("began")


def commits(call: Call, dying: Dying) -> bool:
    return call.operation == "PutItem" and call.touches(dying.request_id) and call.touches(dying.message)


SCENARIOS: dict[str, Callable[[], Dying]] = {
    "before it began": lambda: Dying(at_call(begins, "before"), ends="answer"),
    "before Claude was asked": lambda: Dying(at_call(begins, "after"), ends="error", asked=0),
    "while Claude spoke": lambda: Dying(
        at_post(lambda frame: frame["type"] == "delta" and frame["seq"] == 2), ends="error", model=PACED
    ),
    "before the commit": lambda: Dying(at_call(commits, "before"), ends="error"),
    "after the commit": lambda: Dying(at_call(commits, "after"), ends="answer"),
    "before the message was deleted": lambda: Dying(
        at_post(lambda frame: frame["type"] == "answer"), ends="answer"
    ),
}


def die(bridge: Deployed, wire: Wire, dying: Dying) -> Trap[Call] | Trap[Post]:
    """Send a turn to its function's death."""
    trap = dying.at(bridge, dying)
    wire.query(dying.message, session_id=dying.session, request_id=dying.request_id, model=dying.model)
    return trap


def check(bridge: Deployed, wire: Wire, dying: Dying, ending: Frame) -> None:
    """Check what became of a turn, and that its session goes on."""
    second, answered = wire.ask_among_others("And now?", session_id=dying.session, model=INSTANT)
    exchanges = wire.history(dying.session)["exchanges"]
    assert ending["type"] == dying.ends
    if ending["type"] == "error":
        assert (ending["code"], ending["retryable"]) == ("internal", True)
    assert (answered["type"], answered["turn"]) == ("answer", 2)
    assert [each["request_id"] for each in exchanges] == [dying.request_id, second]
    assert ("error" in exchanges[0]) == (dying.ends == "error")
    assert len(exchanges[0]["context"]) == (2 if dying.ends == "answer" else 1)
    assert times_asked(bridge, dying.message) == dying.asked


def times_asked(bridge: Deployed, message: str) -> int:
    """Return how often Claude was asked this message, not counting where it was told of it."""
    return sum(asked.message == message for asked in bridge.switchboard.asked)


def test_a_turn_outlives_its_function(bridge: Deployed) -> None:
    dying = {name: make() for name, make in SCENARIOS.items()}
    with bridge.connect() as wire:
        traps = {name: die(bridge, wire, turn) for name, turn in dying.items()}
        open_ends = {turn.request_id for turn in dying.values()}
        endings: dict[str, Frame] = {}
        while open_ends - endings.keys():
            frame = wire.receive()
            if frame["type"] in ENDINGS:
                endings[frame["request_id"]] = frame
        assert [name for name, trap in traps.items() if not trap.caught] == []
        failures = {}
        for name, turn in dying.items():
            try:
                check(bridge, wire, turn, endings[turn.request_id])
            except AssertionError as failure:
                failures[name] = str(failure)
    assert failures == {}
