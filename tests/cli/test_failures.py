"""What a person is told to do about an error: when to try again, above all."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from bridge_cli.events import Failure
from bridge_cli.failures import failed
from tests.cli.conftest import Run
from tests.cli.conversing import scripted
from tests.cli.fake_bridge import FakeBridge, Frame, failure
from tests.cli.fake_turns import FakeTurn

NOW = datetime(2026, 11, 22, 19, 37, 40, 300_000, UTC)


@pytest.fixture
def in_berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patched:
        patched.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("in_berlin")
@pytest.mark.parametrize(
    ("seconds", "hint"),
    [
        (0.01, "Try again in 1 s."),
        (7, "Try again in 7 s."),
        (52.4, "Try again in 53 s."),
        (150, "Try again in 3 minutes, at 20:40 local time."),
        (15_740, "Try again in 4 h 23 min, at 01:00 local time."),  # until midnight UTC
        (86_400, "Try again in 24 hours."),
        (5e9, "Try again in 1,388,889 hours."),
    ],
)
def test_when_it_is_worth_trying_again(seconds: float, hint: str) -> None:
    told = Failure("quota_exceeded", "Used up.", retryable=True, retry_after=seconds)
    assert failed(told, now=NOW).hint == hint


@pytest.mark.usefixtures("in_berlin")
def test_the_clock_may_be_changed_meanwhile() -> None:
    told = Failure("quota_exceeded", "Used up.", retryable=True, retry_after=4 * 3600)
    assert "at 05:30" in failed(told, now=datetime(2026, 3, 28, 23, 30, tzinfo=UTC)).hint


def test_what_has_an_end_that_is_not_known_is_not_to_be_tried_now() -> None:
    assert failed(Failure("quota_exceeded", "Today's tokens are used up.", retryable=True)).hint == ""
    assert failed(Failure("internal", "It broke.", retryable=True)).hint == "Try again."


def test_who_sends_too_many_frames_is_told_for_how_long_to_wait(bridge: FakeBridge, run: Run) -> None:
    def refused(frame: Frame) -> Frame:
        said = "At most 30 frames a minute are taken."
        return failure("quota_exceeded", said, frame["request_id"], retryable=True, retry_after=53)

    bridge._history = refused  # type: ignore[method-assign]
    told = run("history", "plans")
    assert told.stderr == "bridge: At most 30 frames a minute are taken.\nTry again in 53 s.\n"
    assert told.exit_code == 1
    told = run("history", "plans", "--json")
    assert '"retry_after": 53' in told.stdout


def test_who_has_used_up_a_days_tokens_is_told_until_when(bridge: FakeBridge, run: Run) -> None:
    async def fail(turn: FakeTurn) -> None:
        said = "Today's tokens are used up."
        await turn.fail("quota_exceeded", said, retryable=True, retry_after=15_740)

    bridge.behaviours = [scripted(fail)]
    told = run("ask", "Hi", "plans")
    assert re.fullmatch(
        r"bridge: Today's tokens are used up\.\nTry again in 4 h 23 min, at \d\d:\d\d local time\.\n",
        told.stderr,
    )
    assert told.exit_code == 1
