"""A turn and the memory: what Claude is reminded of, and that no memory stands in a turn's way."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bridge.conversation import Cost, Exchange, RecallScope, SessionKey, Usage, parse_time
from bridge.memory.summary import Summary
from tests import wired
from tests.fakes import (
    KEY,
    START,
    FakeClock,
    FakeGateway,
    MemoryArchive,
    MemorySessions,
    ScriptedClaude,
    a_turn,
    an_exchange,
    completed,
    request_id,
)

ELSEWHERE = SessionKey("ada", "plans")


class Bridge:
    """What answers ada's turns, and a Claude that says "Fine." to each."""

    def __init__(self, context_limit: int = 8000) -> None:
        self.clock = FakeClock()
        self.sessions = MemorySessions()
        self.gateway = FakeGateway()
        self.claude = ScriptedClaude(*[("Fine.", completed())] * 9)
        self.answering = wired.answering(
            self.sessions, self.claude, self.gateway, self.clock, context_limit=context_limit
        )
        self.turns = 0

    def ask(self, message: str, key: SessionKey = KEY, recall: RecallScope = "owner") -> str:
        """Ask, and return the last message of the prompt as it was sent."""
        self.clock.advance(minutes=1)
        self.turns += 1
        self.outcome = self.answering.answer(a_turn(self.turns, message, key=key, recall=recall))
        return "\n".join(block["text"] for block in self.claude.prompts[-1].messages[-1]["content"])

    @property
    def memory(self) -> dict[str, object]:
        """What the last frame says of the prompt."""
        told: dict[str, object] = self.gateway.frames[-1]["memory"]
        return told


def test_what_another_session_said_is_told_before_the_message_and_not_kept() -> None:
    bridge = Bridge()
    bridge.ask("The launch code word is marmalade.", ELSEWHERE)
    at = bridge.clock()
    told = bridge.ask("What is the launch code word?")
    assert told.endswith("What is the launch code word?")
    assert "The launch code word is marmalade." in told
    user, assistant = bridge.gateway.frames[-1]["memory"]["recalled"]
    assert user.items() >= {"session_id": "plans", "turn": 1, "role": "user"}.items()
    assert assistant.items() >= {"session_id": "plans", "turn": 1, "role": "assistant"}.items()
    assert parse_time(user["at"]) == at
    assert user["score"] > assistant["score"] > 0
    assert bridge.outcome.recalled == 2
    assert bridge.sessions.kept()[0].question == "What is the launch code word?"


def test_what_left_the_window_is_recalled_and_what_is_in_it_is_not() -> None:
    bridge = Bridge(context_limit=120)
    bridge.ask("The launch code word is marmalade.")
    assert "<memory" not in bridge.ask("What is the launch code word?")
    bridge.ask("Tell me about penguins. " * 4)
    told = bridge.ask("Now then: what is the launch code word?")
    assert "The launch code word is marmalade." in told
    assert bridge.sessions.headers[KEY].window_start > 1


@pytest.mark.parametrize(("scope", "knows"), [("owner", True), ("session", False), ("off", False)])
def test_a_turn_may_recall_less(scope: RecallScope, knows: bool) -> None:
    bridge = Bridge()
    bridge.ask("The launch code word is marmalade.", ELSEWHERE)
    assert ("marmalade" in bridge.ask("What is the launch code word?", recall=scope)) is knows
    assert bridge.memory["recall"] == scope


def test_another_owners_words_never_come_to_mind() -> None:
    bridge = Bridge()
    bridge.ask("The launch code word is marmalade.", SessionKey("bob", "travel"))
    bridge.ask("The launch code word is chutney.", ELSEWHERE)
    told = bridge.ask("What is the launch code word, marmalade or so?")
    assert "chutney" in told
    assert "The launch code word is marmalade." not in told


def test_the_summary_is_told_and_an_empty_one_is_not() -> None:
    bridge = Bridge()
    bridge.sessions.summaries[KEY] = Summary(0, "They met.", START)
    bridge.ask("Hello?")
    assert "They met." in bridge.claude.prompts[-1].messages[0]["content"][0]["text"]
    assert bridge.memory["summary"] == {"turns": 0, "characters": 9}
    bridge.sessions.summaries[KEY] = Summary(0, "", START)
    bridge.ask("Hello again?")
    assert bridge.memory["summary"] is None


def test_a_memory_that_fails_leaves_the_turn_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    bridge = Bridge()
    bridge.ask("The launch code word is marmalade.", ELSEWHERE)
    failure = RuntimeError("the table is away")

    def fail(*_: object) -> None:
        raise failure

    monkeypatch.setattr("tests.fakes.MemoryArchive.exchanges", fail)
    assert bridge.ask("What is the launch code word?") == "What is the launch code word?"
    assert bridge.outcome.recall_failure is failure
    assert bridge.gateway.frames[-1]["type"] == "answer"


@pytest.mark.parametrize("turns_before", [0, 1])
def test_a_session_that_is_forgotten_while_it_is_answered_keeps_nothing(turns_before: int) -> None:
    bridge = Bridge()
    for _ in range(turns_before):
        bridge.ask("The launch code word is marmalade.")
    archive = MemoryArchive(bridge.sessions, bridge.clock)

    def forget() -> None:
        archive.forget(KEY.owner, KEY.name)
        archive.erase(KEY)

    bridge.claude.before_answer = forget
    bridge.ask("What is the launch code word?")
    closing = bridge.gateway.frames[-1]
    assert (closing["type"], closing["code"]) == ("error", "conflict")
    assert "forgotten" in closing["message"]
    assert bridge.sessions.kept() == []
    assert KEY not in bridge.sessions.headers
    assert len(bridge.sessions.heads["ada"].pending) == turns_before
    assert bridge.outcome.exchange is not None
    assert bridge.outcome.exchange.answer is None


def test_what_a_refusal_took_is_counted() -> None:
    bridge = Bridge()
    bridge.claude.scripts = [["I would rather not.", completed("refusal", input_tokens=1000)]]
    bridge.ask("Tell me a secret.")
    (kept,) = bridge.sessions.kept()
    assert (kept.answer, kept.usage) == (None, Usage(1000))
    assert kept.cost == Cost(2_000_000, 2_000_000)
    assert bridge.sessions.headers[KEY].cost == kept.cost


def test_a_failed_turn_is_not_remembered() -> None:
    sessions = MemorySessions()
    failed = an_exchange(1, "The word is marmalade.", None, request_id=request_id(1))
    sessions.keep(failed, sessions.load(KEY).session.after(failed))
    clock = FakeClock(failed.at)
    assert wired.reminding(sessions, clock).search("ada", "Which word is marmalade?", None, 10) == ()
    answered: Exchange = replace(an_exchange(2, "A word."), request_id=request_id(2))
    sessions.keep(answered, sessions.load(KEY).session.after(answered))
    found = wired.reminding(sessions, clock).search("ada", "Which word is marmalade?", None, 10)
    assert {each.turn for each in found} == {2}
