"""A context of the original's becomes exchanges, whatever it looks like: nothing is lost or invented."""

from __future__ import annotations

import gzip
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.adapters import items
from bridge_cli import archive_lines
from bridge_cli import migrating_exchanges as exchanges
from bridge_cli.errors import NotConfigured, UsageError
from bridge_cli.migrating_exchanges import MISSING_QUESTION, Overlap, Place, overlap, pieces
from bridge_cli.migrating_messages import ASSISTANT, CUT, USER, Message, messages_of
from bridge_cli.migrating_source import of_file, originals
from tests.cli.originals import contexts, conversation, holds, item, readable, whole_messages, written

PLACE = Place("ada/plans", 3, 1, 1_790_000_000_000, 3600, "plans", "2026-11-22T19:37:40.000Z", 5, 0)
roles = st.sampled_from([USER, ASSISTANT, ASSISTANT, "system", CUT])
messages = st.lists(st.builds(Message, roles, st.sampled_from(["", " ", "a", "b", "Sorry, no"])), max_size=9)


def told(*said: Message, apology: str = "Sorry") -> list[tuple[str, str | None, str]]:
    return [(each.question, each.answer, each.why) for each in pieces(said, [apology])]


def user(text: str) -> Message:
    return Message(USER, text)


def claude(text: str) -> Message:
    return Message(ASSISTANT, text)


@given(messages, st.sampled_from([(), ("Sorry",)]))
def test_exchanges_stand_for_all_messages_in_their_order(said: list[Message], apologies: tuple[str]) -> None:
    made = list(exchanges.entries(pieces(said, apologies), PLACE))
    assert [message for entry in made for message in exchanges.messages(entry)] == said
    for entry in made:
        assert archive_lines.read(entry.line) == entry  # an import takes it
        exchange = items.exchange_of(entry.item)  # the functions can read it
        if exchange.answer is not None:  # then Claude is told it, and takes no message without a word
            assert exchange.question.strip()
            assert exchange.answer.strip()
        assert (exchange.answer is None) == (exchange.failure is not None)
    assert [entry.seq for entry in made] == list(range(3, 3 + len(made)))
    assert all(one.at < other.at for one, other in pairwise(made))


@given(contexts)
def test_all_that_can_be_read_in_a_context_is_in_its_messages(context: list[Any]) -> None:
    said = messages_of(context)
    assert len(said) == len(context)
    for one, message in zip(said, context, strict=True):
        assert holds(one.content, readable(message))
    assert messages_of(written(context)) == said


letters = st.fixed_dictionaries(
    {"role": st.sampled_from([USER, ASSISTANT]), "content": st.text("ab{}[]:, ", max_size=8)}
)


@given(st.lists(letters, min_size=1, max_size=6), st.data())
def test_a_json_whose_beginning_is_cut_off_keeps_all_that_is_left(
    context: list[Any], data: st.DataObject
) -> None:
    text = written(context)
    start = data.draw(st.integers(0, len(text) - len(json.dumps(context[-1])) - 1))
    said = messages_of(text[start:])
    whole = messages_of(context)
    left = [message for message in said if message.role != CUT]
    assert len(said) - len(left) <= 1
    assert left == whole[len(whole) - len(left) :]
    if len(said) > len(left):
        cut = whole[len(whole) - len(said)].content
        assert cut.endswith(said[0].content) or text[start:].startswith(said[0].content)


def test_how_broken_pairs_become_exchanges() -> None:
    no_answer = "The original kept no answer to this."
    assert told(user("a"), claude("b")) == [("a", "b", "")]
    assert told(user("a"), user("b"), claude("c")) == [("a", None, no_answer), ("b", "c", "")]
    assert told(claude("a"), user("b"), claude("c")) == [(MISSING_QUESTION, "a", ""), ("b", "c", "")]
    assert told(user("a"), claude("b"), claude("c")) == [("a", "b", ""), (MISSING_QUESTION, "c", "")]
    assert told(user("a"), claude("b"), user("c")) == [("a", "b", ""), ("c", None, no_answer)]
    assert told(user("a"), claude("Sorry, an error.")) == [("a", None, "Sorry, an error.")]
    assert told(user("a"), claude("Sorry, an error."), apology="Alas") == [("a", "Sorry, an error.", "")]
    assert told(user("a"), claude(" ")) == [("a", None, "The original kept an empty answer.")]
    assert told(user(""), claude("b")) == [("", None, no_answer), (MISSING_QUESTION, "b", "")]
    [(question, answer, why)] = told(Message("system", "Be kind."))
    assert (question, answer) == ("Be kind.", None)
    assert "'system'" in why


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        (None, []),
        ("", []),
        ("[]", []),
        ({"messages": conversation("a")}, [user("a")]),
        ([{"role": "Human", "content": [{"type": "text", "text": "a"}, {"text": "b"}]}], [user("ab")]),
        ([{"role": "user", "content": {"type": "tool_result"}}], [user('{"type": "tool_result"}')]),
        ([json.dumps({"role": "assistant", "content": "a"})], [claude("a")]),
        ([{"role": "user", "content": "half \ud83d"}], [user("half �")]),
        ([7], [Message("", "7")]),
        ('user", "content": "lo"}, {"role": "assistant", "content": "b"}]', [user("lo"), claude("b")]),
        ('lo"}, {"role": "assistant", "content": "b"}]', [Message(CUT, "lo"), claude("b")]),
        (
            'ser", "content": "}{"}, {"role": "user", "content": "b"}]',
            [Message(CUT, "}{"), user("b")],
        ),
    ],
)
def test_what_a_context_may_look_like(context: Any, expected: list[Message]) -> None:
    assert messages_of(context) == expected


@pytest.mark.parametrize("context", [True, "You: hello", '"hello"', "[" * 100_000, '{"role": "user", "con'])
def test_what_is_no_context_is_told(context: Any) -> None:
    with pytest.raises(ValueError, match="its context"):
        messages_of(context)


LONG = "a message that is long enough to be known by its end"


@pytest.mark.parametrize(
    ("there", "begins", "source", "found"),
    [
        ("", 0, "abc", (0, 0)),
        ("abc", 0, "abc", (0, 3)),
        ("abc", 0, "abcde", (0, 3)),
        ("abc", 0, "bcde", (0, 2)),
        ("abc", 0, "b", (0, 1)),
        ("abc", 0, "xyz", (0, 0)),
        ("aab", 0, "abab", (0, 2)),
        ("cd", 2, "abcde", (2, 4)),
        ("cd", 5, "abcde", (2, 4)),
        ("cd", 2, "cde", (0, 2)),
    ],
)
def test_what_of_a_context_is_there(there: str, begins: int, source: str, found: tuple[int, int]) -> None:
    assert overlap(list(map(user, there)), begins, list(map(user, source))) == Overlap(*found)


def test_a_message_that_the_originals_limit_cut_through_is_known_again() -> None:
    there = [user(LONG), claude("b")]
    cut = [user(LONG[12:]), claude("b"), user("c")]
    assert overlap(there, 0, cut) == Overlap(0, 2)
    assert overlap(there, 0, [Message(CUT, LONG[12:]), *cut[1:]]) == Overlap(0, 2)
    assert overlap(there, 0, [user("end"), claude("b")]) == Overlap(0, 0)
    assert overlap(there, 0, [user(LONG[12:])]) == Overlap(0, 0)


def test_what_was_said_before_cannot_be_put_in_front() -> None:
    with pytest.raises(ValueError, match="in front"):
        overlap([user("c"), claude("d")], 0, [user("a"), claude("b"), user("c"), claude("d")])


@given(st.lists(whole_messages, max_size=6), st.lists(whole_messages, max_size=4), st.data())
def test_a_context_that_lost_its_beginning_and_went_on_is_whole_with_what_is_there(
    first: list[Any], more: list[Any], data: st.DataObject
) -> None:
    dropped = data.draw(st.integers(0, max(len(first) - 1, 0)))
    there, source = messages_of(first), messages_of([*first[dropped:], *more])
    found = overlap(there, 0, source)
    after = [*there, *source[found.new :]]
    assert found.past == 0
    assert any(after[at : at + len(source)] == source for at in range(len(after) + 1))


PLANS = item("plans", conversation("a", "b"), last_updated="2025-03-01T10:00:00")
TALK = item("talk", json.dumps(conversation("c")), last_updated=1_740_823_200, ttl=1)


@pytest.mark.parametrize(
    "content",
    [
        json.dumps(
            {"Items": [PLANS, TALK], "Count": 2, "ScannedCount": 2, "ConsumedCapacity": None}, indent=4
        ),
        json.dumps([PLANS, TALK]),
        "".join(json.dumps({"Item": each}) + "\n" for each in (PLANS, TALK)),
        json.dumps(PLANS) + "\n\n" + json.dumps(TALK),
        json.dumps(
            [
                {
                    "session_id": "plans",
                    "context": conversation("a", "b"),
                    "last_updated": "2025-03-01T10:00:00Z",
                },
                {"session_id": "talk", "context": conversation("c"), "last_updated": 1740823200000, "ttl": 1},
            ]
        ),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_the_files_that_are_read(tmp_path: Path, content: str, packed: bool) -> None:
    path = tmp_path / "original.json"
    path.write_bytes(gzip.compress(content.encode()) if packed else content.encode())
    plans, talk = originals(of_file(str(path)), 1000)
    assert (plans.name, plans.messages) == ("plans", (user("a"), claude("b")))
    assert (talk.name, talk.messages) == ("talk", (user("c"),))
    assert plans.last_updated == 1_740_823_200_000 == talk.last_updated
    assert (plans.expired, talk.expired) == (False, True)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"nonsense", "line 1"),
        (b'{"Items": [1]}', "item 1"),
        (b'{"Items": 1}', "no list"),
        (b'{"Items": [], "NextToken": "x"}', "first part"),
        (b"\xff\xfe", "UTF-8"),
        (b'[{"session_id": {"S": "a"}, "context": {"L": [1]}}]', "no item that DynamoDB"),
    ],
)
def test_a_file_that_holds_something_else_is_told(tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / "original.json"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=why):
        list(of_file(str(path)))


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotConfigured, match="No such file"):
        list(of_file(str(tmp_path / "none")))


def test_a_file_that_is_packed_and_damaged_is_told(tmp_path: Path) -> None:
    path = tmp_path / "original.json.gz"
    packed = gzip.compress(b'{"Items": []}')
    for damaged in (packed[:-4], packed[:10] + b"\xff" * 20, packed[:-6] + b"zzzzzz"):
        path.write_bytes(damaged)
        with pytest.raises(NotConfigured, match="cannot be read"):
            list(of_file(str(path)))


def test_a_name_that_no_table_holds_is_told() -> None:
    [found] = originals([{"session_id": "a\ud800", "context": []}], 0)
    assert (found.name, "half a character" in found.problem) == (r"'a\ud800'", True)


def test_other_tables_are_told() -> None:
    with pytest.raises(UsageError, match="nothing to migrate"):
        list(originals([{"hash": "0cc1", "session_id_": "x"}], 0))
    with pytest.raises(UsageError, match="table of the bridge's"):
        list(originals([{"session_id": "ada/plans", "seq": "1"}], 0))


@pytest.mark.parametrize("last_updated", [None, "", "yesterday", True, -5, "1e400", "NaN", "9" * 30])
def test_a_time_that_is_none_is_left_out(last_updated: Any) -> None:
    [found] = originals([{"session_id": "a", "context": [], "last_updated": last_updated}], 0)
    assert found.last_updated is None
