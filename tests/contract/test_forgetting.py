"""What is forgotten is nowhere: in no item, in no answer, in no list."""

from __future__ import annotations

import json

import pytest

from bridge.adapters.erasing import DynamoEraser
from bridge.adapters.sessions import DynamoSessions
from bridge.conversation import SessionKey
from bridge.memory.head import mark_of
from bridge.ports.sessions import Remembered
from tests import aws
from tests.contract.conftest import SEAL_AT, Deployment
from tests.contract.speaking import Speaker, reply, stored, told_by

MARKER = "zanzibarkov"
SECRET = f"My {MARKER} opens the gate behind the orchard."
FERRY = "The ferry to Skagen leaves at dawn on Tuesdays."


@pytest.fixture
def ada(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> Speaker:
    monkeypatch.setenv("CONTEXT_LIMIT", "150")
    return Speaker.of(deployment, "ada")


def everything() -> str:
    tables = (aws.SESSIONS_TABLE, aws.HASHES_TABLE)
    return "\n".join(told_by(item) for table in tables for item in stored(table).values()).lower()


def confide(speaker: Speaker, turns: int) -> None:
    """Say a secret a few times, in a session of its own, and something else elsewhere."""
    for _ in range(turns):
        speaker.say(SECRET, "private", answer=f"I keep the {MARKER}.")
    speaker.say(FERRY, "travel")
    speaker.deployment.claude.reply(reply(f"Ada has a {MARKER}."))
    assert speaker.deployment.remember("ada/private", "ada/travel") == []
    assert speaker.deployment.claude.replies == []


def test_no_item_holds_what_was_forgotten(ada: Speaker) -> None:
    confide(ada, SEAL_AT)
    assert ada.head().segments
    assert ada.recall("What opens the gate behind the orchard?")
    assert MARKER in everything()
    assert "private" in everything()
    assert any(MARKER in told_by(item).lower() for item in stored().values() if "packed" in item)
    assert ada.act("forget", session_id="private")["exchanges"] == SEAL_AT
    assert MARKER not in everything()
    assert "private" not in everything()
    assert "orchard" not in everything()


def test_nothing_finds_what_was_forgotten(ada: Speaker) -> None:
    confide(ada, SEAL_AT)
    ada.act("forget", session_id="private")
    assert ada.recall("What opens the gate behind the orchard?", limit=50) == []
    assert ada.act("history", session_id="private")["code"] == "not_found"
    assert ada.act("usage", session_id="private")["code"] == "not_found"
    assert [entry["session_id"] for entry in ada.act("usage")["sessions"]] == ["travel"]
    assert [entry["session_id"] for entry in ada.act("sessions")["sessions"]] == ["travel"]
    closing = ada.say("What opens the gate behind the orchard?", "new")
    assert MARKER not in ada.prompt()
    assert [e["session_id"] for e in closing["memory"]["recalled"]] == []


def test_what_waits_for_its_segment_is_forgotten_too(ada: Speaker) -> None:
    ada.say(SECRET, "private")
    ada.say("And what opens the gate?", "new")
    assert MARKER in ada.prompt()
    assert ada.act("forget", session_id="private")["exchanges"] == 1
    assert MARKER not in everything()
    assert "private" not in everything()
    assert (len(ada.head().pending), ada.head().segments) == (1, ())
    ada.say("What opens the gate behind the orchard?", "newer")
    assert MARKER not in ada.prompt()


def test_what_else_was_said_is_remembered(ada: Speaker) -> None:
    confide(ada, SEAL_AT)
    ada.act("forget", session_id="private")
    assert ada.recall("When does the ferry leave?")[0] == FERRY
    assert sum(segment.exchanges for segment in ada.head().segments) + len(ada.head().pending) == 1
    assert ada.head().forgetting == frozenset()
    assert [each.mark for each in ada.head().forgotten] == [mark_of("private")]


def test_a_forgotten_name_begins_anew(ada: Speaker) -> None:
    confide(ada, SEAL_AT)
    ada.act("forget", session_id="private")
    closing = ada.say("Let us talk about apples.", "private")
    assert (closing["turn"], closing["memory"]["window_messages"], closing["memory"]["summary"]) == (
        1,
        0,
        None,
    )
    assert MARKER not in ada.prompt()
    assert ada.act("history", session_id="private")["exchanges"][0]["turn"] == 1
    assert ada.deployment.remember("ada/private") == []
    assert ada.act("forget", session_id="private")["exchanges"] == 1
    assert "apples" not in everything()


def test_forgetting_twice_is_forgetting_once(ada: Speaker) -> None:
    confide(ada, 5)
    assert ada.act("forget", session_id="private")["exchanges"] == 5
    assert ada.act("forget", session_id="private")["exchanges"] == 0
    assert ada.head().forgetting == frozenset()


def test_a_turn_that_waits_while_its_session_is_forgotten_is_dropped(ada: Speaker) -> None:
    ada.say(SECRET, "private")
    ada.act("query", message=SECRET, session_id="private")
    ada.act("forget", session_id="private")
    asked = len(ada.deployment.claude.asked)
    (closing,) = map(json.loads, ada.deployment.work())
    assert (closing["type"], closing["code"]) == ("error", "conflict")
    assert len(ada.deployment.claude.asked) == asked
    assert MARKER not in everything()
    assert "private" not in everything()
    assert ada.say("Let us talk about apples.", "private")["turn"] == 1


def test_only_ones_own_is_forgotten(ada: Speaker) -> None:
    eve = Speaker.of(ada.deployment, "eve")
    eve.say(SECRET, "private")
    assert ada.act("forget", session_id="private")["exchanges"] == 0
    assert SECRET in eve.recall("What opens the gate?")


def test_whoever_dies_on_the_way_is_followed_by_the_stream(
    ada: Speaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    confide(ada, SEAL_AT)
    with monkeypatch.context() as broken:
        broken.setattr(DynamoEraser, "erase", lambda *_: 1 / 0)
        assert ada.act("forget", session_id="private")["code"] == "internal"
    assert ada.recall("What opens the gate behind the orchard?") == []
    assert ada.deployment.remember("ada/travel") == []
    assert MARKER not in everything()
    assert "private" not in everything()
    assert ada.head().forgetting == frozenset()


@pytest.mark.parametrize("turns", [0, 1, SEAL_AT])
def test_a_turn_that_is_answered_while_its_session_is_forgotten_is_not_kept(
    ada: Speaker, monkeypatch: pytest.MonkeyPatch, turns: int
) -> None:
    for _ in range(turns):
        ada.say(SECRET, "private")
    load, forgotten = DynamoSessions.load, []

    def slow(sessions: DynamoSessions, key: SessionKey) -> Remembered:
        remembered = load(sessions, key)
        monkeypatch.setattr(DynamoSessions, "load", load)
        forgotten.append(ada.act("forget", session_id="private")["exchanges"])
        return remembered

    monkeypatch.setattr(DynamoSessions, "load", slow)
    ada.deployment.claude.reply(reply(f"I keep the {MARKER}."))
    ada.act("query", message=SECRET, session_id="private")
    *_, closing = map(json.loads, ada.deployment.work())
    assert (closing["type"], closing["code"]) == ("error", "conflict")
    assert forgotten == [turns]
    assert MARKER not in everything()
    assert "private" not in everything()
    assert ada.say("Let us talk about apples.", "private")["turn"] == 1
