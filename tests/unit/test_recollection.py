"""What comes to mind: brought up to the head on every turn, whoever changed it meanwhile."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bridge.conversation import Exchange, SessionKey
from bridge.memory.fence import Recalled, quote_tokens
from bridge.memory.head import Head
from bridge.memory.query import MemoryQuery
from bridge.memory.recollection import LEAST_SHARE, Recollections
from bridge.memory.refs import Ref
from bridge.memory.window import Window
from bridge.remembering import SEAL_AT, Remembering
from bridge.reminding import Reminding
from tests.fakes import FakeClock, MemoryArchive, MemorySessions, a_turn, an_exchange, request_id

BUDGET = 1000


class Owners:
    """Owners' memories, as one function after the other finds them."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.sessions = MemorySessions()
        self.archive = MemoryArchive(self.sessions, self.clock)
        self.recollections = Recollections(self.archive, self.clock)
        self.remembering = Remembering(self.archive, self.archive, timedelta(days=30), self.clock)

    def say(self, owner: str, session: str, question: str, answer: str | None = "Noted.") -> Exchange:
        """Keep an exchange, as another function does."""
        self.clock.advance(minutes=1)
        key = SessionKey(owner, session)
        loaded = self.sessions.load(key)
        before = loaded.session
        exchange = replace(
            an_exchange(before.next_turn, question, answer),
            at=self.clock(),
            request_id=request_id(before.next_turn),
        )
        self.sessions.keep(exchange, before.caught_up([exchange]), loaded.head)
        return exchange

    def recall(self, owner: str, text: str, **query: object) -> list[Recalled]:
        head = self.sessions.heads.get(owner, Head())
        wanted = MemoryQuery(text, **({"budget": BUDGET} | query))  # type: ignore[arg-type]
        return self.recollections.recall(owner, head, wanted)

    def texts(self, owner: str, text: str, **query: object) -> list[str]:
        return [each.text for each in self.recall(owner, text, **query)]

    def small_talk(self, owner: str, times: int) -> None:
        for number in range(times):
            self.say(owner, f"chat-{number}", f"Tell me a joke about penguins, number {number}.")


@pytest.fixture
def owners() -> Owners:
    return Owners()


def test_what_was_said_a_second_ago_in_another_session_is_found(owners: Owners) -> None:
    owners.say("ada", "plans", "The launch code word is marmalade.")
    (first, *_) = owners.recall("ada", "What is the launch code word?")
    assert first.text == "The launch code word is marmalade."
    assert (first.session_id, first.turn, first.role) == ("plans", 1, "user")
    assert first.at == owners.clock()
    owners.say("ada", "garden", "My sister's horse is called Bucephalus.")
    assert "Bucephalus" in owners.texts("ada", "What is the name of my sister's horse?")[0]


def test_a_warm_memory_takes_one_read_and_a_segment_of_its_own_words_none_more(owners: Owners) -> None:
    said = {}
    for number in range(SEAL_AT):
        exchange = owners.say("ada", "plans", f"The code word of vault {number} is marmalade {number}.")
        said[str(Ref.of("plans", exchange))] = exchange
    owners.recollections.absorb("ada", said)
    owners.archive.reads.clear()
    assert owners.recall("ada", "What is the code word of vault 3?")
    assert owners.archive.reads == ["exchanges"]
    owners.remembering.tend("ada")
    assert owners.sessions.heads["ada"].pending == frozenset()
    owners.archive.reads.clear()
    assert owners.recall("ada", "What is the code word of vault 3?")
    assert owners.archive.reads == ["exchanges"]


def test_a_cold_memory_reads_its_segments_and_what_waits(owners: Owners) -> None:
    owners.say("ada", "plans", "The launch code word is marmalade.")
    owners.small_talk("ada", SEAL_AT)
    owners.remembering.tend("ada")
    owners.say("ada", "garden", "The greenhouse code is basil.")
    owners.archive.reads.clear()
    assert "The launch code word is marmalade." in owners.texts("ada", "the launch code word")
    assert "The greenhouse code is basil." in owners.texts("ada", "the greenhouse code")
    assert owners.archive.reads == ["segments", "exchanges", "exchanges"]


@pytest.mark.parametrize("warm", [False, True])
def test_what_has_no_answer_is_neither_read_nor_found_wherever_it_is_named(
    owners: Owners, warm: bool
) -> None:
    said = {}
    for number in range(SEAL_AT):
        answer = "Noted." if number else None
        exchange = owners.say("ada", "plans", f"The launch code word is marmalade {number}.", answer)
        said[str(Ref.of("plans", exchange))] = exchange
    if warm:
        owners.recollections.absorb("ada", {ref: each for ref, each in said.items() if each.answer})
    for reads in (1, 1) if warm else (1, 2):
        owners.archive.reads.clear()
        texts = owners.texts("ada", "What was the launch code word today?")
        assert "The launch code word is marmalade 1." in texts
        assert "The launch code word is marmalade 0." not in texts
        assert "" not in texts
        assert len(owners.archive.reads) == reads
        owners.remembering.tend("ada")
        owners.recollections = owners.recollections if warm else Recollections(owners.archive, owners.clock)
    assert [segment.exchanges for segment in owners.sessions.heads["ada"].segments] == [SEAL_AT]


def test_where_nothing_but_failures_waits_nothing_is_read(owners: Owners) -> None:
    failed = owners.say("ada", "plans", "The launch code word is marmalade.", None)
    asked = a_turn(2, "What is the launch code word?", key=SessionKey("ada", "plans"))
    reminding = Reminding(owners.archive, lambda: owners.recollections, BUDGET)
    owners.archive.reads.clear()
    assert reminding.recall(asked, owners.sessions.heads["ada"], Window((failed,))) == ()
    assert owners.archive.reads == []


def test_segments_that_were_replaced_meanwhile_are_looked_for_again(owners: Owners) -> None:
    owners.say("ada", "plans", "The launch code word is marmalade.")
    owners.small_talk("ada", SEAL_AT)
    owners.remembering.tend("ada")
    stale = owners.sessions.heads["ada"]
    owners.small_talk("ada", SEAL_AT)
    owners.remembering.tend("ada")
    found = owners.recollections.recall("ada", stale, MemoryQuery("the launch code word", budget=BUDGET))
    assert found[0].text == "The launch code word is marmalade."


def test_neither_owner_recalls_the_others_words(owners: Owners) -> None:
    for _ in range(2):
        for owner, word in (("ada", "marmalade"), ("bob", "chutney")):
            owners.say(owner, "plans", f"The launch code word is {word}.")
            owners.small_talk(owner, SEAL_AT // 2)
            owners.remembering.tend(owner)
            texts = owners.texts(owner, "What is the launch code word, marmalade or chutney?")
            assert f"The launch code word is {word}." in texts
            other = "chutney" if word == "marmalade" else "marmalade"
            assert not any(other in text for text in texts)


def test_a_segment_in_anothers_place_would_still_quote_nothing_of_it(owners: Owners) -> None:
    owners.say("ada", "plans", "The launch code word is marmalade.")
    owners.small_talk("ada", SEAL_AT)
    owners.remembering.tend("ada")
    owners.sessions.heads["bob"] = owners.sessions.heads["ada"]
    owners.archive.packed["bob"] = owners.archive.packed["ada"]
    assert owners.texts("bob", "the launch code word marmalade") == []


def test_a_forgotten_session_is_left_out_from_the_next_turn_on(owners: Owners) -> None:
    owners.say("ada", "plans", "The launch code word is marmalade.")
    owners.say("ada", "other", "The door code is chutney.")
    owners.small_talk("ada", SEAL_AT)
    owners.remembering.tend("ada")
    assert "The launch code word is marmalade." in owners.texts("ada", "launch code word")
    owners.archive.forget("ada", "plans")
    texts = owners.texts("ada", "launch code word")
    assert "The door code is chutney." in texts
    assert not any("marmalade" in text for text in texts)
    # A session that begins anew under the name is not forgotten with the old one.
    owners.say("ada", "plans", "The launch code word is now quince.")
    assert "The launch code word is now quince." in owners.texts("ada", "launch code word")


def test_what_is_past_its_time_is_not_quoted(owners: Owners) -> None:
    owners.say("ada", "plans", "The launch code word is marmalade.")
    owners.clock.advance(days=20)
    owners.say("ada", "plans", "The launch code word is quince now.")
    owners.clock.advance(days=15)
    texts = owners.texts("ada", "launch code word")
    assert texts
    assert all("quince" in text or text == "Noted." for text in texts)


def test_a_session_alone_can_be_asked(owners: Owners) -> None:
    owners.say("ada", "plans", "The launch code word is marmalade.")
    owners.say("ada", "plans-b", "The launch code word is chutney.")
    texts = owners.texts("ada", "launch code word", session="plans")
    assert "The launch code word is marmalade." in texts
    assert not any("chutney" in text for text in texts)


def test_what_claude_is_told_anyway_is_not_recalled_nor_read(owners: Owners) -> None:
    exchange = owners.say("ada", "plans", "The launch code word is marmalade.")
    told = {str(Ref.of("plans", exchange))}
    assert owners.recall("ada", "launch code word", told=told) == []
    assert owners.archive.reads == []


def test_stays_within_its_budget_and_leaves_out_what_hardly_fits(owners: Owners) -> None:
    for number in range(30):
        owners.say("ada", f"s-{number}", f"The launch code word of week {number} is {'jam ' * number}.")
    found = owners.recall("ada", "What is the launch code word?", budget=300)
    assert 1 < len(found) < 24
    assert sum(map(quote_tokens, found)) <= 300
    best = max(each.score for each in found)
    assert all(each.score >= LEAST_SHARE * best for each in found)


def test_nothing_comes_to_mind_where_nothing_is_asked(owners: Owners) -> None:
    owners.say("ada", "plans", "The launch code word is marmalade.")
    assert owners.recall("ada", "?") == []
    assert owners.recall("eve", "the launch code word") == []


def test_of_a_long_reply_the_passage_is_quoted_that_bears_on_the_question(owners: Owners) -> None:
    filler = "\n\n".join(f"Paragraph {number} tells of penguins and ice. " * 12 for number in range(6))
    owners.say(
        "ada", "plans", "Write me an essay.", f"{filler}\n\nThe launch code word is marmalade.\n\n{filler}"
    )
    (first, *_) = owners.recall("ada", "What is the launch code word?")
    assert "marmalade" in first.text
    assert len(first.text) < 1000
    assert first.role == "assistant"


def test_the_memories_used_last_stay_warm(owners: Owners, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.memory.recollection.MOST_WARM", 3)
    for owner in ("ada", "bob"):
        owners.say(owner, "plans", "The launch code word is marmalade.")
        owners.recall(owner, "launch code word")
        owners.recall(owner, "launch code word")
    owners.archive.reads.clear()
    owners.recall("ada", "launch code word")
    assert owners.archive.reads == ["exchanges"]
    assert list(owners.recollections._warm) == ["ada"]


def test_what_is_past_its_time_takes_nobodys_place(owners: Owners) -> None:
    for number in range(4):
        owners.say("ada", f"old-{number}", "The launch code word is marmalade.")
    owners.clock.advance(days=20)
    owners.say("ada", "new", "I think that the launch code word might be something like quince now.")
    owners.clock.advance(days=15)
    reminding = Reminding(owners.archive, lambda: owners.recollections, BUDGET)
    (found,) = reminding.search("ada", "What is the launch code word?", None, limit=1)
    assert "quince" in found.text
