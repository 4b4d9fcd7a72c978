"""What an owner said comes to mind, in every session of theirs, and is told what it took."""

from __future__ import annotations

import json

import pytest

from bridge_cli import protocol
from tests.contract.conftest import Deployment
from tests.contract.speaking import Speaker, reply
from tests.messages_server import Reply

QUINCES = "The recipe for the marmalade takes nine quinces from the harbour market."
FERRY = "The ferry to Skagen leaves at dawn on Tuesdays."
USAGE = {
    "input_tokens": 1000,
    "output_tokens": 100,
    "cache_creation_input_tokens": 0,
    "cache_read_input_tokens": 0,
    "cache_creation_1h_input_tokens": 0,
}


@pytest.fixture
def ada(deployment: Deployment) -> Speaker:
    return Speaker.of(deployment, "ada")


@pytest.fixture(params=[False, True], ids=["pending", "in segments"])
def remembered(ada: Speaker, request: pytest.FixtureRequest) -> Speaker:
    """Ada, who spoke of quinces in one session and of a ferry in another."""
    ada.say(QUINCES, "cooking")
    ada.say(FERRY, "travel")
    if request.param:
        ada.say("Tell me a joke about penguins.", "jokes")
        assert ada.deployment.remember("ada/travel") == []
        assert ada.head().pending == frozenset()
    return ada


def test_what_was_said_in_another_session_is_recalled(remembered: Speaker) -> None:
    closing = remembered.say("How many quinces does the marmalade take?", "new")
    assert QUINCES in remembered.prompt()
    assert closing["memory"]["recall"] == "owner"
    recalled = closing["memory"]["recalled"]
    assert ("cooking", 1, "user") in [(e["session_id"], e["turn"], e["role"]) for e in recalled]
    assert closing["memory"]["tokens"]["recall"] > 0


def test_a_query_may_ask_for_its_session_alone(remembered: Speaker) -> None:
    closing = remembered.say("How many quinces does the marmalade take?", "travel", recall="session")
    assert QUINCES not in remembered.prompt()
    assert closing["memory"]["recall"] == "session"
    assert "cooking" not in [each["session_id"] for each in closing["memory"]["recalled"]]


def test_a_query_may_ask_for_no_recall(remembered: Speaker) -> None:
    closing = remembered.say("How many quinces does the marmalade take?", "new", recall="off")
    assert QUINCES not in remembered.prompt()
    assert (closing["memory"]["recall"], closing["memory"]["recalled"]) == ("off", [])
    assert closing["memory"]["tokens"]["recall"] == 0


def test_the_environment_says_what_a_query_does_not(ada: Speaker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECALL", "off")
    ada.say(QUINCES, "cooking")
    assert ada.say("How many quinces?", "new")["memory"]["recall"] == "off"
    assert QUINCES not in ada.prompt()
    assert ada.say("How many quinces?", "newer", recall="owner")["memory"]["recalled"]
    assert QUINCES in ada.prompt()


def test_memories_are_shown_best_first(remembered: Speaker) -> None:
    told = remembered.act("recall", text="When does the ferry to Skagen leave?")
    best, *rest = told["memories"]
    assert (best["session_id"], best["turn"], best["role"], best["text"]) == ("travel", 1, "user", FERRY)
    assert best["at"].endswith("Z")
    assert all(best["score"] >= each["score"] > 0 for each in rest)
    assert len(remembered.recall("the ferry or the marmalade", limit=1)) == 1


def test_memories_are_shown_of_one_session(remembered: Speaker) -> None:
    assert FERRY in remembered.recall("the ferry", session_id="travel")
    assert remembered.recall("the ferry", session_id="nothing") == []
    assert FERRY not in remembered.recall("the ferry", session_id="cooking")


def test_who_said_nothing_remembers_nothing(ada: Speaker) -> None:
    assert ada.recall("the ferry") == []
    assert ada.act("forget", session_id="travel") | {"request_id": ""} == {
        "type": "forgotten",
        "session_id": "travel",
        "exchanges": 0,
        "request_id": "",
    }
    assert ada.act("usage")["sessions"] == []
    assert ada.act("usage", session_id="travel")["code"] == "not_found"


def test_a_session_tells_what_it_took(ada: Speaker) -> None:
    ada.say(FERRY)
    ada.deployment.claude.reply(Reply())  # a model without a price
    ada.act("query", message="And now?", session_id="travel")
    ada.deployment.work()
    (entry,) = ada.act("usage", session_id="travel")["sessions"]
    assert (entry["session_id"], entry["title"], entry["turns"]) == ("travel", FERRY, 2)
    assert entry["usage"] == USAGE | {"input_tokens": 1007, "output_tokens": 103}
    assert entry["cost"] == {"dollars": 0.003, "uncached_dollars": 0.003, "unpriced_turns": 1}
    assert entry["summary_usage"] is None


def test_a_session_tells_what_a_refusal_took(ada: Speaker) -> None:
    ada.deployment.claude.reply(reply("I had rather not.", end="refusal"))
    ada.act("query", message=FERRY, session_id="travel")
    *_, closing = map(json.loads, ada.deployment.work())
    assert (closing["type"], closing["code"]) == ("error", "refused")
    (entry,) = ada.act("usage", session_id="travel")["sessions"]
    assert entry["usage"] == USAGE
    assert entry["cost"] == {"dollars": 0.003, "uncached_dollars": 0.003, "unpriced_turns": 0}
    assert ada.recall(FERRY) == []


def test_what_a_summary_took_is_told_of_one_session(ada: Speaker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTEXT_LIMIT", "200")
    for _ in range(4):
        ada.say(FERRY)
    ada.deployment.claude.reply(reply("They sail.", model="claude-haiku-5-5"))
    assert ada.deployment.remember("ada/travel") == []
    (entry,) = ada.act("usage", session_id="travel")["sessions"]
    assert entry["summary_usage"] == {"input_tokens": 1000, "output_tokens": 100, "dollars": 0.00015}
    assert entry["cost"]["dollars"] == 0.012
    (listed,) = ada.act("usage")["sessions"]
    assert (listed["summary_usage"], listed["cost"]) == (None, entry["cost"])


def test_usages_come_in_pages_newest_first(ada: Speaker) -> None:
    for name in ("first", "second", "third"):
        ada.say(FERRY, name)
    page = ada.act("usage", limit=2)
    assert [entry["session_id"] for entry in page["sessions"]] == ["third", "second"]
    assert page["sessions"][0]["usage"] == USAGE
    rest = ada.act("usage", limit=2, before=page["before"])
    assert [entry["session_id"] for entry in rest["sessions"]] == ["first"]
    assert rest["before"] is None


def test_an_answer_tells_its_price(ada: Speaker) -> None:
    closing = ada.say(FERRY)
    assert closing["cost"] == {"dollars": 0.003, "uncached_dollars": 0.003}
    assert closing["usage"] == USAGE


def test_the_command_line_reads_it_all(connected: Deployment) -> None:
    connected.claude.reply(reply("Noted."))
    request_id = "123e4567-e89b-12d3-a456-426614174000"
    connected.send(protocol.Query(request_id=request_id, message=FERRY, session_id="travel"))
    *_, answer = connected.events()
    assert isinstance(answer, protocol.Answer)
    assert answer.cost is not None
    memories = connected.send(protocol.Recall(request_id=request_id, text="the ferry"))
    assert isinstance(memories, protocol.Memories)
    assert ("travel", FERRY) in [(memory.session_id, memory.text) for memory in memories.memories]
    used = connected.send(protocol.Usage(request_id=request_id))
    assert isinstance(used, protocol.UsagePage)
    assert [session.session_id for session in used.sessions] == ["travel"]
    forgotten = connected.send(protocol.Forget(request_id=request_id, session_id="travel"))
    assert forgotten == protocol.Forgotten(request_id, "travel", 1)
