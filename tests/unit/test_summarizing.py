"""What left the window is folded into the summary: once, bounded, and never in a turn's way."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.conversation import Session, Usage
from bridge.errors import UpstreamError
from bridge.memory import summary
from bridge.memory.summary import FOLDED_AT_ONCE, MAX_CHARACTERS, Summary
from bridge.ports.claude import Completed
from bridge.summarizing import MOST_FOLDED, Folded, Settings, Summarizing
from tests.fakes import (
    KEY,
    PRICES,
    START,
    FakeClock,
    MemorySessions,
    MemorySummaries,
    ScriptedClaude,
    an_exchange,
    completed,
    request_id,
)

MODEL = "claude-haiku-5-5"
MUCH: list[list[str | Completed | Exception]] = [["Much.", completed()] for _ in range(MOST_FOLDED)]


class Notes:
    """A session whose window was cut, and a model that writes what it is told to."""

    def __init__(self, *scripts: list[str | Completed | Exception]) -> None:
        self.sessions = MemorySessions()
        self.summaries = MemorySummaries(self.sessions)
        self.claude = ScriptedClaude(*scripts)
        self.clock = FakeClock(START + timedelta(hours=1))
        how = Settings(MODEL, PRICES, timedelta(days=30))
        self.summarizing = Summarizing(self.sessions, self.summaries, self.claude, how, self.clock)

    def say(self, turns: int, window_start: int, length: int = 5) -> None:
        """Have a session of so many turns, of which the window holds those from `window_start` on."""
        exchanges = [
            an_exchange(
                turn, f"question {turn} ".ljust(length, "q"), f"answer {turn}", request_id=request_id(turn)
            )
            for turn in range(1, turns + 1)
        ]
        session = Session.begin(KEY, 1).caught_up(exchanges)
        self.sessions.exchanges[KEY] = {exchange.turn: exchange for exchange in exchanges}
        self.sessions.headers[KEY] = replace(session, window_start=window_start, version=turns)

    def fold(self) -> Folded | None:
        return self.summarizing.fold(KEY)

    @property
    def asked(self) -> str:
        (message,) = self.claude.prompts[-1].messages
        return str(message["content"][0]["text"])


def test_what_left_the_window_is_folded_once() -> None:
    notes = Notes(["They spoke ", "of three things.", completed(input_tokens=100, output_tokens=10)])
    notes.say(turns=5, window_start=4)
    folded = notes.fold()
    kept = notes.sessions.summaries[KEY]
    assert kept == Summary(3, "They spoke of three things.", an_exchange(1).at)
    assert folded is not None
    assert (folded.turns, folded.kept) == (3, True)
    assert folded.taken.usage == Usage(100, 10)
    assert folded.taken.cost == PRICES.cost(completed().model, Usage(100, 10))
    assert [f"question {turn}" in notes.asked for turn in range(1, 6)] == [True] * 3 + [False] * 2
    assert notes.claude.models == [MODEL]
    assert notes.fold() is None
    assert len(notes.claude.prompts) == 1


def test_the_next_fold_goes_on_from_the_last() -> None:
    notes = Notes(["First.", completed()], ["Second.", completed()])
    notes.say(turns=4, window_start=3)
    notes.fold()
    notes.say(turns=8, window_start=6)
    notes.fold()
    assert notes.sessions.summaries[KEY] == Summary(5, "Second.", an_exchange(1).at)
    assert "First." in notes.asked
    assert [f"question {turn}" in notes.asked for turn in range(1, 7)] == [False] * 2 + [True] * 3 + [False]


def test_a_window_that_was_never_cut_has_no_summary() -> None:
    notes = Notes()
    notes.say(turns=5, window_start=1)
    assert notes.fold() is None
    assert notes.sessions.summaries == {}


@pytest.mark.parametrize(
    "script",
    [
        pytest.param([UpstreamError("Down.")], id="an-error"),
        pytest.param([" ", completed()], id="no-word"),
        pytest.param(["I would rather not.", completed("refusal")], id="a-refusal"),
        pytest.param(["Broken o"], id="no-end"),
    ],
)
def test_a_fold_that_fails_leaves_the_old_summary_and_may_be_tried_again(
    script: list[str | Completed | Exception],
) -> None:
    notes = Notes(script, ["Better.", completed()])
    notes.say(turns=4, window_start=3)
    before = Summary(1, "Before.", START)
    notes.sessions.summaries[KEY] = before
    with pytest.raises(UpstreamError):
        notes.fold()
    assert notes.sessions.summaries[KEY] == before
    notes.fold()
    assert notes.sessions.summaries[KEY] == Summary(2, "Better.", START)


def test_of_two_that_fold_at_once_one_is_kept() -> None:
    notes = Notes(["Late.", completed()])
    notes.say(turns=4, window_start=3)
    notes.summaries.before_keep = lambda: notes.sessions.summaries.update({KEY: Summary(2, "First.", START)})
    folded = notes.fold()
    assert folded is not None
    assert not folded.kept
    assert notes.sessions.summaries[KEY].text == "First."
    assert notes.summaries.taken == []


def test_failed_turns_alone_are_covered_without_a_model() -> None:
    notes = Notes()
    notes.say(turns=4, window_start=3)
    kept = notes.sessions.exchanges[KEY]
    notes.sessions.exchanges[KEY] = {turn: replace(exchange, answer=None) for turn, exchange in kept.items()}
    assert notes.fold() is not None
    assert notes.sessions.summaries[KEY] == Summary(2, "", an_exchange(1).at)
    assert notes.claude.prompts == []


def test_of_much_as_many_calls_are_made_as_it_takes_oldest_first() -> None:
    notes = Notes(["One.", completed(input_tokens=1)], ["Two.", completed(input_tokens=2)])
    notes.say(turns=10, window_start=6, length=FOLDED_AT_ONCE // 4)
    folded = notes.fold()
    assert folded is not None
    assert (folded.turns, folded.taken.usage) == (5, Usage(3))
    assert notes.sessions.summaries[KEY] == Summary(5, "Two.", an_exchange(1).at)
    first, second = (str(prompt.messages) for prompt in notes.claude.prompts)
    assert [f"question {turn} " in first for turn in range(1, 6)] == [True] * 3 + [False] * 2
    assert [f"question {turn} " in second for turn in range(1, 6)] == [False] * 3 + [True] * 2
    assert "One." in second


def test_of_very_much_only_the_newest_is_folded() -> None:
    notes = Notes(*MUCH)
    notes.say(turns=MOST_FOLDED + 5, window_start=MOST_FOLDED + 5, length=FOLDED_AT_ONCE - 50)
    folded = notes.fold()
    assert folded is not None
    assert folded.turns == MOST_FOLDED
    assert notes.sessions.summaries[KEY].covers == MOST_FOLDED + 4


def test_notes_that_came_to_their_limit_end_with_a_sentence() -> None:
    notes = Notes(["She likes jam. She wants to", completed("max_tokens")])
    notes.say(turns=4, window_start=3)
    notes.fold()
    assert notes.sessions.summaries[KEY].text == "She likes jam."


def test_a_summary_that_lapsed_begins_anew_with_what_is_young() -> None:
    notes = Notes(["Anew.", completed()])
    notes.say(turns=6, window_start=5)
    kept = notes.sessions.exchanges[KEY]
    for turn in (3, 4):
        kept[turn] = replace(kept[turn], at=START + timedelta(days=20))
    notes.clock.now = START + timedelta(days=29)
    notes.fold()
    assert notes.sessions.summaries[KEY] == Summary(4, "Anew.", START + timedelta(days=20))
    assert [f"question {turn}" in notes.asked for turn in range(1, 6)] == [False] * 2 + [True] * 2 + [False]


def test_the_summary_of_a_session_that_is_no_more_goes() -> None:
    notes = Notes()
    notes.sessions.summaries[KEY] = Summary(2, "Old.", START)
    assert notes.fold() is None
    assert notes.sessions.summaries == {}


@given(st.text(st.sampled_from("ab. \n!。"), max_size=2 * MAX_CHARACTERS))
def test_a_summary_is_bounded_and_a_beginning(text: str) -> None:
    bounded = summary.bounded(text)
    assert len(bounded) <= MAX_CHARACTERS
    assert text.strip().startswith(bounded)
    if len(text.strip()) <= MAX_CHARACTERS:
        assert bounded == text.strip()
