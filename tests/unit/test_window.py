"""The window: cut in one step, at an exchange's boundary, and steady in between."""

from __future__ import annotations

import itertools
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from bridge.conversation import Exchange, Session
from bridge.memory.window import Window
from tests.fakes import KEY, an_exchange
from tests.strategies import conversations

LIMIT = 200
limits = st.integers(1, 400)


def replay(exchanges: list[Exchange], limit: int) -> list[Window]:
    """Return the window before each turn, the session's header carrying `window_start` from turn to turn."""
    session = Session.begin(KEY, 1)
    kept: list[Exchange] = []
    windows = []
    for exchange in exchanges:
        since = max(session.first_turn, min(session.window_start, session.last_turn))
        loaded = [e for e in kept if e.turn >= since]
        windows.append(Window.of(loaded, limit))
        kept.append(exchange)
        session = session.after(exchange)
        after = Window.of([*loaded, exchange], limit)
        session = replace(session, window_start=after.start(session.next_turn))
    return windows


@given(conversations(), limits)
def test_is_never_over_its_mark(exchanges: list[Exchange], limit: int) -> None:
    assert Window.of(exchanges, limit).characters <= limit


@given(conversations(), limits)
def test_is_a_run_of_whole_answered_exchanges_up_to_the_newest(exchanges: list[Exchange], limit: int) -> None:
    window = Window.of(exchanges, limit).exchanges
    answered = [e for e in exchanges if e.answer is not None]
    assert list(window) == answered[len(answered) - len(window) :]


@given(conversations(), limits)
def test_begins_with_a_question_and_alternates(exchanges: list[Exchange], limit: int) -> None:
    roles = [said["role"] for e in Window.of(exchanges, limit).exchanges for said in e.context]
    assert roles == ["user", "assistant"] * (len(roles) // 2)


@given(conversations(), limits)
def test_under_the_mark_nothing_is_left_out(exchanges: list[Exchange], limit: int) -> None:
    answered = [e for e in exchanges if e.answer is not None]
    if sum(e.characters for e in answered) <= limit:
        assert list(Window.of(exchanges, limit).exchanges) == answered


@given(conversations(), limits)
def test_the_newest_answer_stays_wherever_it_fits(exchanges: list[Exchange], limit: int) -> None:
    answered = [e for e in exchanges if e.answer is not None]
    if answered and answered[-1].characters <= limit:
        assert Window.of(exchanges, limit).exchanges[-1] == answered[-1]


@given(conversations(most=60), st.integers(50, 400))
def test_between_two_cuts_the_prefix_is_the_same(exchanges: list[Exchange], limit: int) -> None:
    windows = replay(exchanges, limit)
    for before, after in itertools.pairwise(windows):
        grown = after.exchanges[: len(before.exchanges)] == before.exchanges
        cut = after.characters <= max(limit * 0.5, after.exchanges[-1].characters if after.exchanges else 0)
        assert grown or cut


@given(conversations(most=60), st.integers(50, 400))
def test_what_was_cut_never_comes_back(exchanges: list[Exchange], limit: int) -> None:
    starts = [window.exchanges[0].turn for window in replay(exchanges, limit) if window.exchanges]
    assert starts == sorted(starts)


@given(conversations(most=60), st.integers(50, 400))
def test_replayed_windows_keep_the_rules(exchanges: list[Exchange], limit: int) -> None:
    for window in replay(exchanges, limit):
        assert window.characters <= limit
        assert all(e.answer is not None for e in window.exchanges)


def test_a_cut_goes_to_the_low_mark_in_one_step() -> None:
    exchanges = [an_exchange(turn, "q" * 10, "a" * 10) for turn in range(1, 12)]
    assert Window.of(exchanges[:10], LIMIT).characters == LIMIT
    assert Window.of(exchanges, LIMIT).characters == LIMIT // 2


def test_cuts_are_rare() -> None:
    exchanges = [an_exchange(turn, "q" * 10, "a" * 10) for turn in range(1, 101)]
    starts = {window.start(0) for window in replay(exchanges, LIMIT)}
    assert len(starts) <= 100 * 20 / (LIMIT / 2) + 1


def test_an_answer_over_the_low_mark_stays_alone() -> None:
    exchanges = [an_exchange(1), an_exchange(2, "q", "a" * (LIMIT - 1))]
    assert Window.of(exchanges, LIMIT).exchanges == (exchanges[1],)


def test_an_answer_over_the_high_mark_leaves_it_empty() -> None:
    window = Window.of([an_exchange(1), an_exchange(2, "q", "a" * LIMIT)], LIMIT)
    assert window.exchanges == ()
    assert window.start(next_turn=3) == 3


def test_counts_what_it_holds() -> None:
    window = Window.of([an_exchange(4, "ab", "cde"), an_exchange(5, "f", None)], LIMIT)
    assert (window.messages, window.characters, window.start(6)) == (2, 5, 4)
