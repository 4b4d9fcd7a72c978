"""Forgetting while something is under way: a turn, or the forgetting itself."""

from __future__ import annotations

import uuid

import pytest

from bench.standin import INSTANT
from tests.e2e.deployed import Deployed
from tests.e2e.test_memory import everything, wait_for
from tests.gateway.processes import PROC
from tests.gateway.traps import Held, Trap, kill
from tests.recorder.calls import Call

_REMOVALS = ("BatchWriteItem", "DeleteItem", "TransactWriteItems")


def test_a_turn_whose_session_is_forgotten_is_told_and_not_kept(bridge: Deployed, session: str) -> None:
    marker = f"zq{uuid.uuid4().hex}"
    held = Held()
    with bridge.connect() as wire, bridge.connect() as other:
        wire.ask("Hello", session_id=session, model=INSTANT)
        committing = bridge.recorder.traps.set(
            Trap(lambda call: call.operation == "PutItem" and call.touches(marker), held.act)
        )
        request_id = wire.query(f"Keep {marker} for yourself", session_id=session, model=INSTANT)
        committing.wait()
        assert other.request({"action": "forget", "session_id": session})["exchanges"] == 1
        held.release()
        ending = wire.until("answer", "error")[-1]
        assert (ending["code"], ending["request_id"]) == ("conflict", request_id)
        assert other.history(session)["code"] == "not_found"
        assert other.request({"action": "resume", "request_id": request_id})["code"] == "not_found"
    assert marker not in everything(bridge)


@pytest.mark.skipif(not (PROC / "net" / "tcp").exists(), reason="finds whom to kill by /proc")
def test_a_forgetting_whose_function_died_is_finished(bridge: Deployed, session: str) -> None:
    marker = f"zq{uuid.uuid4().hex}"
    message = bridge.function("message")

    def erases(call: Call) -> bool:
        return call.function == message and call.operation in _REMOVALS and call.touches(bridge.owner)

    with bridge.connect() as wire:
        wire.ask(f"Keep {marker} for yourself", session_id=session, model=INSTANT)
        wire.ask("Hello", session_id="another", model=INSTANT)
        dying = bridge.recorder.traps.set(Trap(erases, kill))
        told = wire.request({"action": "forget", "session_id": session})
        assert told["message"] == "Internal server error"
        assert dying.caught
        assert wire.history(session)["code"] == "not_found"
        wire.ask("And now?", session_id="another", model=INSTANT)  # of which the stream tells
    wait_for(lambda: marker not in everything(bridge))
