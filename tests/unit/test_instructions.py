"""A session's own instructions, over the ports in memory: in force from the turn on that names them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bridge.conversation import Instructions, Session
from bridge.errors import UpstreamError
from tests import wired
from tests.fakes import (
    KEY,
    Crash,
    FakeGateway,
    MemorySessions,
    ScriptedClaude,
    a_turn,
    an_exchange,
    completed,
)

ANSWERED = ("Yes.", completed())


class Bridge:
    """What answers turns, behind an environment's own system prompt."""

    def __init__(self) -> None:
        self.sessions = MemorySessions()
        self.claude = ScriptedClaude()
        self.gateway = FakeGateway()
        self.answering = wired.answering(self.sessions, self.claude, self.gateway, system_prompt="Be kind.")

    def say(self, number: int, system: str | None = None, script: tuple[object, ...] = ANSWERED) -> list[str]:
        """Have a turn answered; return the system prompt that Claude had."""
        self.claude.scripts.append(script)  # type: ignore[arg-type]
        self.answering.answer(a_turn(number, system=system))
        return [block["text"] for block in self.claude.prompts[-1].system]

    @property
    def memory(self) -> dict[str, object]:
        """What the last answer says that Claude was told."""
        told: dict[str, object] = self.gateway.frames[-1]["memory"]
        return told


@pytest.fixture
def bridge() -> Bridge:
    return Bridge()


def test_they_hold_from_the_turn_that_names_them_until_another_names_others(bridge: Bridge) -> None:
    assert bridge.say(1) == ["Be kind."]
    assert bridge.memory["system"] is None
    assert bridge.say(2, "In Danish.") == ["Be kind.", "In Danish."]
    assert bridge.memory["system"] == {"turn": 2, "characters": 10}
    assert bridge.say(3) == ["Be kind.", "In Danish."]
    assert bridge.memory["system"] == {"turn": 2, "characters": 10}
    assert bridge.say(4, "In Greenlandic.") == ["Be kind.", "In Greenlandic."]
    assert bridge.say(5, "") == ["Be kind."]
    assert bridge.say(6) == ["Be kind."]
    assert [exchange.instructed for exchange in bridge.sessions.kept()] == [
        None,
        True,
        None,
        True,
        False,
        None,
    ]


def test_a_session_without_any_is_asked_for_none(bridge: Bridge) -> None:
    bridge.say(1)
    bridge.say(2)
    bridge.say(3, "")
    assert bridge.sessions.reads == []
    assert [exchange.instructed for exchange in bridge.sessions.kept()] == [None, None, None]


def test_the_same_ones_again_are_read_and_not_written(bridge: Bridge) -> None:
    for number in (1, 2):
        assert bridge.say(number, "In Danish.") == ["Be kind.", "In Danish."]
    assert bridge.sessions.reads == ["renewed"]
    assert [exchange.instructed for exchange in bridge.sessions.kept()] == [True, None]
    assert bridge.sessions.instructed[KEY] == Instructions("In Danish.", 1)


def test_a_failed_turns_are_in_force(bridge: Bridge) -> None:
    bridge.say(1, "In Danish.", (UpstreamError("Broken."),))
    assert bridge.gateway.frames[-1]["type"] == "error"
    assert bridge.say(2) == ["Be kind.", "In Danish."]


def test_a_turn_that_is_delivered_again_applies_its_own_once(bridge: Bridge) -> None:
    """After its exchange was kept and before its header was, and once more when others were named."""
    bridge.sessions.crash_before_header = True
    with pytest.raises(Crash):
        bridge.say(1, "In Danish.")
    bridge.answering.answer(a_turn(1, system="In Danish."))
    assert bridge.memory["system"] == {"turn": 1, "characters": 10}
    assert bridge.sessions.headers[KEY].instructed == 1
    bridge.say(2, "In Greenlandic.")
    bridge.answering.answer(a_turn(1, system="In Danish."))
    assert bridge.say(3) == ["Be kind.", "In Greenlandic."]
    assert len(bridge.claude.prompts) == 3


def test_a_number_that_was_taken_meanwhile_leaves_the_last_ones_in_force(bridge: Bridge) -> None:
    bridge.say(1, "In Danish.")

    def another() -> None:
        session = bridge.sessions.load(KEY).session
        theirs = an_exchange(2, request_id="another", instructed=True)
        bridge.sessions.keep(theirs, session.caught_up([theirs]), system="In Greenlandic.")

    bridge.sessions.before_keep = another
    bridge.say(2, "In Danish.")
    assert bridge.sessions.headers[KEY].instructed == 3
    assert bridge.sessions.instructed[KEY] == Instructions("In Danish.", 3)


def test_a_header_that_lags_behind_is_caught_up() -> None:
    session = Session.begin(KEY, 1)
    named, kept, removed = (
        an_exchange(turn, instructed=instructed) for turn, instructed in ((1, True), (2, None), (3, False))
    )
    assert session.caught_up([named, kept]).instructed == 1
    assert session.caught_up([named, kept, removed]).instructed is None
    assert replace(session, turns=3).caught_up([named]).instructed is None
