"""Whatever crashes and comes twice: a session's turns have no gap, and each request happens once."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from bridge.conversation import Turn, Usage
from bridge.errors import UpstreamError
from tests import wired
from tests.fakes import (
    KEY,
    Crash,
    FakeGateway,
    MemorySessions,
    ScriptedClaude,
    a_turn,
    completed,
)

LIMIT = 120


class Deliveries(RuleBasedStateMachine):
    """A session's turns as the queue delivers them: in order, at least once, by functions that may die."""

    def __init__(self) -> None:
        super().__init__()
        self.sessions = MemorySessions()
        self.claude = ScriptedClaude()
        self.gateway = FakeGateway()
        self.answering = wired.answering(self.sessions, self.claude, self.gateway, context_limit=LIMIT)
        self.sent: list[Turn] = []
        self.asked: list[str] = []

    def deliver(self, turn: Turn) -> None:
        before = len(self.claude.prompts)
        try:
            self.answering.answer(turn)
        finally:
            self.asked += [turn.request_id] * (len(self.claude.prompts) - before)
            self.claude.scripts.clear()

    @rule(length=st.integers(1, 150), fails=st.booleans(), crashes=st.sampled_from(["", "asking", "keeping"]))
    def message(self, length: int, fails: bool, crashes: str) -> None:
        turn = a_turn(len(self.sent) + 1, "q")
        self.sent.append(turn)
        ending = Crash() if crashes == "asking" else UpstreamError("No.") if fails else completed()
        self.claude.scripts = [["a" * length, ending]]
        self.sessions.crash_before_header = crashes == "keeping"
        try:
            self.deliver(turn)
        except Crash:
            self.deliver(turn)

    @rule()
    def repeat(self) -> None:
        if self.sent:
            self.deliver(self.sent[-1])

    @rule()
    def lose_the_header(self) -> None:
        """Die between a session's first exchange and its header."""
        if len(self.sessions.kept()) == 1:
            self.sessions.headers.clear()

    @invariant()
    def turns_have_no_gap_and_each_request_one(self) -> None:
        kept = self.sessions.kept()
        assert [exchange.turn for exchange in kept] == list(range(1, len(kept) + 1))
        assert [exchange.request_id for exchange in kept] == [turn.request_id for turn in self.sent]

    @invariant()
    def nothing_is_asked_twice(self) -> None:
        assert len(set(self.asked)) == len(self.asked)

    @invariant()
    def the_header_knows_all_of_it(self) -> None:
        remembered = self.sessions.load(KEY)
        kept = self.sessions.kept()
        assert remembered.session.turns == len(kept)
        assert remembered.session.usage == sum((exchange.usage for exchange in kept), Usage())

    @invariant()
    def claude_is_told_only_what_it_said_and_no_more_than_fits(self) -> None:
        if self.claude.prompts:
            said = [message["content"][0]["text"] for message in self.claude.prompts[-1].messages[:-1]]
            assert sum(map(len, said)) <= LIMIT
            answers = {exchange.answer for exchange in self.sessions.kept()}
            assert set(said[1::2]) <= answers


TestDeliveries = Deliveries.TestCase
TestDeliveries.settings = settings(max_examples=30, stateful_step_count=15, deadline=None)
