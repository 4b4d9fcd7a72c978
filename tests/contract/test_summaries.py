"""What leaves a session's window is summarized by a model of its own, and told from the next turn on."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bridge.adapters import items
from bridge.memory.summary import MAX_OUTPUT_TOKENS
from tests.contract.conftest import Deployment, header_event, sequence_number
from tests.contract.speaking import Speaker, reply, stored
from tests.messages_server import KEY, failing

HAIKU = "claude-haiku-5-5"
TRAVEL = "ada/travel"
OVERLOADED = failing(529, "overloaded_error", retry_after="3600")
"""Longer than a call waits: it is up to the stream to come again."""
NOTES = "Ada plans to sail to Skagen in May, with her sister Ines."


@pytest.fixture
def ada(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> Speaker:
    monkeypatch.setenv("CONTEXT_LIMIT", "180")
    return Speaker.of(deployment, "ada")


def until_the_cut(speaker: Speaker, session_id: str = "travel") -> dict[str, Any]:
    """Speak until the window is cut; return the last answer."""
    for number in range(4):
        closing = speaker.say(f"Number {number}: let us plan how to sail to Skagen.", session_id)
    return closing


def summary(session_id: str = "travel", owner: str = "ada") -> dict[str, Any] | None:
    return stored().get((f"{owner}/{session_id}", str(items.SUMMARY_SEQ)))


def test_at_the_cut_the_model_writes_one_and_the_next_answer_tells_of_it(ada: Speaker) -> None:
    assert until_the_cut(ada)["memory"]["summary"] is None
    ada.deployment.claude.reply(reply(NOTES, model=HAIKU))
    assert ada.deployment.remember(TRAVEL) == []
    asked = ada.deployment.claude.asked[-1]
    assert (asked.body["model"], asked.body["max_tokens"]) == (HAIKU, MAX_OUTPUT_TOKENS)
    assert asked.headers["x-api-key"] == KEY
    assert "Number 0: let us plan" in ada.prompt()
    kept = summary()
    assert kept is not None
    assert kept["text"] == NOTES
    closing = ada.say("And who comes with me?")
    assert closing["memory"]["summary"] == {"turns": int(kept["covers"]), "characters": len(NOTES)}
    assert closing["memory"]["tokens"]["summary"] > 0
    told = ada.deployment.claude.asked[-1].body["messages"]
    assert NOTES in told[0]["content"][0]["text"]
    assert f"Number {kept['covers']}:" in told[0]["content"][1]["text"]


def test_before_the_cut_nobody_is_asked(ada: Speaker) -> None:
    ada.say("Let us plan how to sail to Skagen.")
    asked = len(ada.deployment.claude.asked)
    assert ada.deployment.remember(TRAVEL) == []
    assert len(ada.deployment.claude.asked) == asked
    assert summary() is None


def test_an_event_that_comes_again_is_paid_once(ada: Speaker) -> None:
    until_the_cut(ada)
    ada.deployment.claude.reply(reply(NOTES, model=HAIKU))
    assert ada.deployment.remember(TRAVEL, TRAVEL) == []
    before = stored()
    assert ada.deployment.remember(TRAVEL) == []
    assert stored() == before


def test_the_next_cut_folds_the_summary_on(ada: Speaker) -> None:
    until_the_cut(ada)
    ada.deployment.claude.reply(reply(NOTES, model=HAIKU))
    assert ada.deployment.remember(TRAVEL) == []
    first = summary()
    until_the_cut(ada)
    ada.deployment.claude.reply(reply(f"{NOTES} They leave on the third.", model=HAIKU))
    assert ada.deployment.remember(TRAVEL) == []
    assert NOTES in ada.prompt()
    second = summary()
    assert first is not None
    assert second is not None
    assert second["covers"] > first["covers"]
    assert second["text"].endswith("third.")


def test_where_claude_fails_exactly_that_record_is_tried_again(
    ada: Speaker, capsys: pytest.CaptureFixture[str]
) -> None:
    for session in ("one", "two", "three"):
        until_the_cut(ada, session)
    ada.deployment.claude.reply(reply(NOTES), OVERLOADED, reply(NOTES))
    event = header_event("ada/one", "ada/two", "ada/three")
    assert ada.deployment.follow(event) == [sequence_number(1)]
    assert [summary(session) is None for session in ("one", "two", "three")] == [False, True, False]
    told = [json.loads(line) for line in ada.deployment.log.getvalue().splitlines()]
    assert [line["code"] for line in told if line["level"] == "WARNING"] == ["upstream_overloaded"]
    failures = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"Failures"' in line]
    assert [failure["code"] for failure in failures] == ["summary"]
    ada.deployment.claude.reply(reply(NOTES))
    event["Records"] = event["Records"][1:]
    assert ada.deployment.follow(event) == []
    assert summary("two") is not None
    assert ada.deployment.claude.replies == []


def test_where_claude_fails_the_sessions_other_records_do_not_ask_again(ada: Speaker) -> None:
    until_the_cut(ada)
    asked = len(ada.deployment.claude.asked)
    ada.deployment.claude.reply(OVERLOADED)
    failed = ada.deployment.remember(TRAVEL, "eve/travel", TRAVEL)
    assert failed == [sequence_number(0), sequence_number(2)]
    assert len(ada.deployment.claude.asked) == asked + 1


@pytest.mark.parametrize(
    "answered",
    [reply("  "), reply("I had rather not.", end="refusal"), failing(400, "invalid_request_error")],
    ids=["nothing", "refusal", "refused"],
)
def test_what_is_no_summary_is_not_kept_and_asked_for_again_with_the_next_turn(
    ada: Speaker, capsys: pytest.CaptureFixture[str], answered: Any
) -> None:
    """The same event would be told the same: its record is not reported, and its failure is counted."""
    until_the_cut(ada)
    capsys.readouterr()
    ada.deployment.claude.reply(answered)
    assert ada.deployment.remember(TRAVEL) == []
    assert summary() is None
    failures = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"Failures"' in line]
    assert [failure["code"] for failure in failures] == ["summary"]
    assert ada.say("Go on.")["memory"]["summary"] is None
    ada.deployment.claude.reply(reply(NOTES))
    assert ada.deployment.remember(TRAVEL) == []
    kept = summary()
    assert kept is not None
    assert kept["text"] == NOTES


def test_a_summary_is_measured(ada: Speaker, capsys: pytest.CaptureFixture[str]) -> None:
    until_the_cut(ada)
    capsys.readouterr()
    ada.deployment.claude.reply(reply(NOTES, model=HAIKU, read=1000, written=100))
    ada.deployment.remember(TRAVEL)
    (measured,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert measured["Summaries"] == [1.0]
    assert (measured["SummaryInputTokens"], measured["SummaryOutputTokens"]) == ([1000.0], [100.0])
    assert measured["Dollars"] == [pytest.approx(0.00015)]
    ada.deployment.remember(TRAVEL)
    assert capsys.readouterr().out == ""


def test_a_session_that_is_gone_leaves_no_summary(ada: Speaker) -> None:
    until_the_cut(ada)
    ada.deployment.claude.reply(reply(NOTES))
    ada.deployment.remember(TRAVEL)
    assert summary() is not None
    assert ada.act("forget", session_id="travel")["exchanges"] == 4
    assert ada.deployment.remember(TRAVEL) == []
    assert summary() is None
