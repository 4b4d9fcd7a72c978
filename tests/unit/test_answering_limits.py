"""Where an answer is ended: in time to record and tell it, and before it is too long to be kept."""

from __future__ import annotations

import threading

import pytest

from bridge.answering import SPARE_SECONDS
from bridge.asking import MAX_ANSWER_BYTES
from tests import wired
from tests.fakes import FakeGateway, MemorySessions, ScriptedClaude, a_turn, completed

NEVER = threading.Event()


@pytest.mark.parametrize(
    ("script", "seconds", "said"),
    [
        pytest.param(["Slow", NEVER, completed()], SPARE_SECONDS / 2, "answer_timeout_seconds", id="slow"),
        pytest.param([NEVER, completed()], SPARE_SECONDS / 2, "answer_timeout_seconds", id="silent"),
        pytest.param(["x" * (MAX_ANSWER_BYTES + 1), completed()], 900, "too long", id="too-long"),
    ],
)
def test_an_answer_is_ended_recorded_and_told(script: list[object], seconds: float, said: str) -> None:
    sessions, claude, gateway = MemorySessions(), ScriptedClaude(script), FakeGateway()  # type: ignore[arg-type]
    NEVER.clear()
    answering = wired.answering(sessions, claude, gateway)
    outcome = answering.answer(a_turn(1, "Hi"), seconds)
    (kept,) = sessions.kept()
    assert outcome.failure is not None
    assert (kept.answer, kept.stop_reason) == (None, "error")
    assert gateway.frames[-1]["code"] == "upstream_error"
    assert said in gateway.frames[-1]["message"]
    assert claude.closed == 1
