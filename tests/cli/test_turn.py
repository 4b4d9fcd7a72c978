"""What of an answer is shown, whatever order its deltas come in; and exchanges in parts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bridge_cli.events import Accepted, Answer, Delta
from bridge_cli.exchanges import Exchange, begins_inside, joined
from bridge_cli.turn import Turn

texts = st.lists(st.text(min_size=1, max_size=3), min_size=1, max_size=8)


def an_answer(deltas: int) -> Answer:
    return Answer("r", "s", 1, "end_turn", "claude", deltas=deltas)


@given(texts, st.randoms())
def test_deltas_in_any_order_and_repeated_are_shown_once_and_in_order(
    pieces: list[str], random: object
) -> None:
    numbered = list(enumerate(pieces, start=1)) * 2
    random.shuffle(numbered)  # type: ignore[attr-defined]
    turn = Turn("r", "s")
    shown = "".join(turn.take_delta(Delta("r", seq, text)) for seq, text in numbered)
    assert shown == turn.text == "".join(pieces)
    assert not turn.lacks_some_of(an_answer(len(pieces)))


@given(texts, st.data())
def test_what_is_missing_comes_from_the_kept_exchange(pieces: list[str], data: st.DataObject) -> None:
    missing = data.draw(st.integers(1, len(pieces)))
    turn = Turn("r", "s")
    deltas = [Delta("r", seq, text) for seq, text in enumerate(pieces, start=1) if seq != missing]
    shown = "".join(turn.take_delta(delta) for delta in deltas)
    assert turn.lacks_some_of(an_answer(len(pieces)))
    kept = Exchange(1, "", (("user", "q"), ("assistant", "".join(pieces))))
    assert shown + turn.rest_of(kept) == "".join(pieces)
    assert turn.answer_from(kept).text == "".join(pieces)


def test_a_kept_answer_that_is_another_one_is_shown_whole() -> None:
    turn = Turn("r", "s")
    turn.take_delta(Delta("r", 1, "First try"))
    assert turn.rest_of(Exchange(1, "", (("assistant", "Second"),))) == "\n\nSecond"


def test_a_delta_before_accepted_says_that_the_question_was_taken_in() -> None:
    turn = Turn("r", "s")
    assert not turn.taken_in
    turn.take_delta(Delta("r", 1, "x"))
    assert turn.taken_in
    assert turn.take_accepted(Accepted("r", "s"))
    assert not turn.take_accepted(Accepted("r", "s"))
    unnamed = Turn("r", None)
    unnamed.take_delta(Delta("r", 1, "x"))
    assert not unnamed.taken_in  # its history cannot be asked for yet


def part(turn: int, number: int, of: int, role: str, text: str) -> Exchange:
    return Exchange(turn, "t", ((role, text),), request_id="r", part=number, parts=of)


def test_parts_are_joined_per_role() -> None:
    entries = (
        Exchange(1, "t", (("user", "a"), ("assistant", "b"))),
        part(2, 1, 3, "user", "question"),
        part(2, 2, 3, "assistant", "ans"),
        part(2, 3, 3, "assistant", "wer"),
        Exchange(3, "t", (("user", "c"), ("assistant", "d"))),
    )
    whole = joined(entries)
    assert [exchange.turn for exchange in whole] == [1, 2, 3]
    assert whole[1].context == (("user", "question"), ("assistant", "answer"))
    assert (whole[1].part, whole[1].parts) == (1, 1)
    assert not begins_inside(entries)
    assert begins_inside(entries[2:])
