"""The recall: what it finds, and what holds whatever it is given."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

import bridge.memory
from bridge.memory import Message, RecallIndex, analyse, pack, unpack
from bridge.memory.recall import ranking
from bridge.memory.recall.postings import Postings
from bridge.memory.recall.question import Question
from bridge.memory.recall.ranking import SURE
from bridge.memory.recall.refining import answering
from tests.unit.recalling import MONDAY, conversations, ids, said, talk, texts

HARBOUR = [
    *said(
        "We moored the boat beside the old lighthouse.",
        "What did you have for supper?",
        "A bowl of mussels with saffron.",
        "Good night!",
        session="boat",
    ),
    *said(
        "My sister repairs violins in a workshop.",
        "The kettle whistles every morning at six.",
        "I went to the dentist yesterday.",
        session="home",
        start=MONDAY + timedelta(days=40),
    ),
    *said("You could try oiling the hinge.", session="help", speaker="assistant"),
]


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("Where was the boat moored?", "boat1"),
        ("What was eaten for supper?", "boat3"),  # the answer does not repeat the question's word
        ("Who repairs a violin?", "home1"),  # by its stem
        ("Who went to the dentist in April 2024?", "home3"),
        ("What happened on 12 April 2024?", "home3"),  # "yesterday", said on the 13th
        ("What did you suggest about hinges?", "help1"),
    ],
)
def test_finds_what_bears_on_a_question(question: str, found: str) -> None:
    assert found in ids(RecallIndex(HARBOUR).search(question, 2))


def test_whom_the_question_names_comes_first() -> None:
    index = RecallIndex(
        [
            *said("I keep bees.", session="a", speaker="Wanda"),
            *said("I keep bees.", session="b", speaker="Emil"),
        ]
    )
    assert ids(index.search("Does Emil keep bees?", 1)) == ["b1"]
    assert ids(index.search("Does Wanda keep bees?", 1)) == ["a1"]


def test_an_answer_comes_before_what_speaks_of_the_same() -> None:
    index = RecallIndex(
        talk(
            ("Wanda", "I baked walnut bread on Sunday."),
            ("Emil", "How long did you bake the bread?"),
            ("Wanda", "Fifty minutes or so."),
        )
    )
    assert ids(index.search("How long did Wanda bake walnut bread?", 1)) == ["s3"]


@pytest.mark.parametrize(("asks", "answers"), [("user", "assistant"), ("assistant", "user")])
def test_whoever_asks_all_of_the_answer_counts_as_one(asks: str, answers: str) -> None:
    long = "Soil and rain. " * 100
    messages = [
        *talk((asks, "How deep are tulips planted?"), (answers, long), (answers, "And so on."), session="s"),
        *talk((asks, "How deep are tulips planted?"), (asks, "I wonder."), session="alone"),
    ]
    index = Postings()
    for message in messages:
        index.add(analyse(message))
    question = Question.of("How deep were tulips planted?", index.speakers, MONDAY.date())
    passages = index.passages_of(index.numbers["s2"])
    every = range(len(index))
    assert len(passages) > 1
    assert dict(answering(index, question, every, 1, 0)) == dict.fromkeys(passages, 1)
    assert dict(answering(index, question, every, 0, 1)) == dict.fromkeys(passages, 1)
    other = Question.of("When were tulips planted deep?", index.speakers, MONDAY.date())
    assert dict(answering(index, other, every, 0, 1)) == {}


def test_i_is_the_user_and_you_who_said_it_is_claude() -> None:
    index = RecallIndex(
        [*said("I keep bees.", session="a"), *said("I keep bees.", session="b", speaker="assistant")]
    )
    assert ids(index.search("Do I keep bees?", 1)) == ["a1"]
    assert ids(index.search("What did you say of bees?", 1)) == ["b1"]


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("昨日灯台に行きました。", "灯台"),
        ("我昨天去了市场买苹果", "市场在哪里"),
        ("Вчера мы видели маяк", "где маяк?"),
        ("เมื่อวานฉันไปตลาด", "ตลาด"),
        ("मैंने कल बाज़ार देखा", "बाज़ार कहाँ है"),
        ("어제 등대에 갔어요", "등대는"),
        ("Gestern war ich im Café", "welches cafe"),
        ("أمس زرت المنارة", "أين المنارة؟"),
    ],
)
def test_other_scripts_are_found(text: str, question: str) -> None:
    index = RecallIndex([*said("The kettle whistles.", text, "Nothing else is new.")])
    assert ids(index.search(question, 1)) == ["s2"]


def test_a_long_reply_is_found_by_one_of_its_passages() -> None:
    reply = "\n\n".join(f"Paragraph {n} is about gardening, soil and rain. " * 8 for n in range(20))
    index = RecallIndex(
        said("Short talk of an anvil somewhere.", reply + "\n\nThe blacksmith's anvil was made in Solingen.")
    )
    hits = index.search("blacksmith anvil Solingen", 10)
    assert hits[0].id == "s2"
    assert len(ids(hits)) == len(set(ids(hits)))


@pytest.mark.parametrize(
    ("question", "speaker"),
    [
        ("What is my sister's name?", "user"),
        ("Do you remember where we live?", "user"),
        ("Can you tell me what I like?", "user"),
        ("Tell me about my bees.", "user"),
        ("What did I tell you of bees?", "user"),
        ("What did you tell me of bees?", "assistant"),
        ("What has Claude recommended?", "assistant"),
        ("Which was your idea?", "assistant"),
        ("Who keeps bees?", None),
        ("Which user interface was it?", None),
        ("Do you like my idea?", None),
    ],
)
def test_pronouns_are_the_users_and_claudes(question: str, speaker: str | None) -> None:
    both = ["user", "assistant"]
    assert Question.of(question, both, MONDAY.date()).speakers == ({speaker} if speaker else set())
    assert Question.of(question, ["Wanda", "Emil"], MONDAY.date()).speakers == set()


def test_an_id_is_added_once() -> None:
    index = RecallIndex(HARBOUR)
    index.add(HARBOUR)
    assert len(index) == len(HARBOUR)
    assert index.search("boat", 9) == RecallIndex(HARBOUR).search("boat", 9)


def test_what_is_removed_is_never_found_again() -> None:
    index = RecallIndex(HARBOUR)
    index.remove(["boat1", "unknown"])
    index.add(HARBOUR)
    index.load(pack(map(analyse, HARBOUR)))
    assert "boat1" not in ids(index.search("lighthouse boat", 9))
    assert "boat1" not in index.ids
    assert len(index) == len(index.ids) == len(HARBOUR) - 1


def test_what_is_not_admitted_takes_no_place() -> None:
    index = RecallIndex(said(*["The kettle whistles."] * 300))
    assert ids(index.search("kettle", 2, admits=lambda id_: id_ in {"s3", "s7"})) == ["s7", "s3"]


def test_a_hit_says_where_its_passage_stands() -> None:
    text = "Soil and rain. " * 100 + "The anvil is from Solingen."
    (hit,) = RecallIndex(said(text)).search("anvil", 1)
    assert text[hit.start : hit.end].endswith("The anvil is from Solingen.")
    assert hit.end - hit.start < len(text) / 2
    (short,) = RecallIndex(said("An anvil.")).search("anvil", 1)
    assert (short.start, short.end) == (0, len("An anvil."))


def test_behind_the_first_dozen_what_is_short_comes_before_what_is_long() -> None:
    best = [f"The kettle whistles, says the keeper {n}." for n in range(SURE)]
    long = "The ferry leaves the harbour, and the beacon is painted. " * 5
    index = RecallIndex(
        [
            *(message for n, text in enumerate(best) for message in said(text, session=f"best{n}-")),
            *said(f"The kettle, the keeper. {long}", session="long"),
            *said("No kettle, but quinces boil beside marmalade and saffron.", session="short"),
        ]
    )
    question = "Which kettle whistles to the keeper?"
    with patch.object(ranking, "SURE", 99):
        by_score = index.search(question, 99)
    by_room = index.search(question, 99)
    assert by_room[:SURE] == by_score[:SURE]
    assert ids(by_score)[SURE:] == ["long1", "short1"]
    assert ids(by_room)[SURE:] == ["short1", "long1"]
    assert index.search(question, SURE + 1) == by_room[: SURE + 1]


def test_the_window_does_not_import_the_recall() -> None:
    code = "import sys; import bridge.memory.window; print('bridge.memory.recall' in sys.modules)"
    path = {"PYTHONPATH": str(Path(bridge.memory.__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", code], env=path, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_moments_with_and_without_a_zone_and_at_the_ends_of_time_are_taken() -> None:
    moments = [datetime.min, datetime.max, MONDAY, MONDAY.replace(tzinfo=None)]
    index = RecallIndex(
        Message(str(n), "s", at, "user", "last year, 99 years ago: an owl") for n, at in enumerate(moments)
    )
    assert len(index.search("owl", 9)) == len(moments)


@given(conversations(), texts, st.randoms(use_true_random=False))
def test_how_messages_come_changes_nothing(messages: list[Message], question: str, random: Random) -> None:
    """At once, one by one, shuffled, or from segments in any order, some of them twice."""
    hits = RecallIndex(messages).search(question, 20)
    one_by_one, mixed = RecallIndex(), RecallIndex()
    shuffled = messages.copy()
    random.shuffle(shuffled)
    for message in shuffled:
        one_by_one.add([message])
        one_by_one.search(question, 3)  # asking changes nothing
    while shuffled:
        part = [shuffled.pop() for _ in range(min(len(shuffled), random.randint(1, 5)))]
        again = random.sample(messages, random.randint(0, len(messages) // 2))
        if random.random() < 0.3:
            mixed.add(part)
        else:
            mixed.load(pack(map(analyse, part + again)))
        mixed.search(question, 3)
    assert one_by_one.search(question, 20) == hits
    assert mixed.search(question, 20) == hits
    assert mixed.ids == {message.id for message in messages}


@given(conversations(), texts, st.sets(st.integers(0, 13)), st.integers(1, 5))
def test_only_what_lives_and_is_admitted_is_found(
    messages: list[Message], question: str, numbers: set[int], limit: int
) -> None:
    gone = {str(number) for number in numbers}
    index = RecallIndex(messages)
    admitted = index.search(question, limit, admits=lambda id_: id_ not in gone)
    assert gone.isdisjoint(ids(admitted))
    assert len(admitted) == min(
        limit, len([id_ for id_ in ids(index.search(question, 99)) if id_ not in gone])
    )
    index.remove(gone)
    index.add(messages)
    index.load(pack(map(analyse, messages)))
    assert index.search(question, limit) == admitted
    assert index.ids == {message.id for message in messages} - gone
    assert len(index) == len(index.ids)
    late = RecallIndex()
    late.remove(gone)
    late.load(pack(map(analyse, messages)))
    assert gone.isdisjoint(late.ids)


@given(conversations(), texts, st.integers(-1, 5))
def test_hits_are_sorted_limited_and_the_same_again(messages: list[Message], text: str, limit: int) -> None:
    index = RecallIndex(messages)
    hits = index.search(text, limit)
    assert len(hits) <= max(0, limit)
    assert [h.score for h in hits] == sorted((h.score for h in hits), reverse=True)
    assert set(ids(hits)) <= {m.id for m in messages}
    assert hits == index.search(text, limit) == RecallIndex(messages).search(text, limit)
    assert hits == index.search(text, 99)[: max(0, limit)]


@given(st.lists(st.text(), max_size=5), st.text())
def test_no_text_is_an_error(told: list[str], question: str) -> None:
    index = RecallIndex(said(*told, question))
    assert len(index.search(question, 10)) <= len(index)


@given(conversations(), conversations(), texts)
def test_two_indexes_share_nothing(mine: list[Message], theirs: list[Message], question: str) -> None:
    index = RecallIndex(mine)
    before = index.search(question, 20)
    RecallIndex(theirs).search(question, 20)
    assert index.search(question, 20) == before


@given(st.lists(st.text(), max_size=5), conversations(), st.randoms(use_true_random=False))
def test_a_segment_gives_back_what_it_was_given(
    told: list[str], messages: list[Message], random: Random
) -> None:
    analyses = [analyse(message) for message in [*said(*told), *messages]]
    segment = pack(analyses)
    random.shuffle(analyses)
    assert pack(analyses) == segment
    unpacked = unpack(segment)
    assert sorted(unpacked, key=lambda a: a.id) == sorted(analyses, key=lambda a: a.id)
    assert [a.at.utcoffset() for a in sorted(unpacked, key=lambda a: a.id)] == [
        a.at.utcoffset() for a in sorted(analyses, key=lambda a: a.id)
    ]
    assert pack(unpacked) == segment


@given(st.datetimes(timezones=st.none() | st.timezones()))
def test_a_segment_keeps_any_moment_to_the_millisecond(at: datetime) -> None:
    (kept,) = unpack(pack([analyse(Message("1", "s", at, "user", "An owl."))]))
    assert kept.at.replace(tzinfo=None) == at.replace(tzinfo=None, microsecond=at.microsecond // 1000 * 1000)
    assert kept.at.utcoffset() == at.utcoffset()
