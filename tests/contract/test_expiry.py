"""What is past its time leaves no trace: in no row, no summary, no segment, no head, and no title."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from bridge import bootstrap
from bridge.memory.recall.stems import stem
from bridge_cli import tokens
from tests.contract.conftest import SEAL_AT, SIGNING_SECRET, Deployment, golden
from tests.contract.speaking import Speaker, reply, stored
from tests.contract.traces import everywhere, removed_in_time
from tests.fakes import FakeClock
from tests.messages_server import failing

MARKER = "zanzibarkovings"
STEM = stem(MARKER)
SECRET = f"My {MARKER} opens the gate behind the orchard."
MEMORY_HOURS = 48


class Days(Speaker):
    """Ada, who speaks on several days, on a new connection each."""

    clock: FakeClock

    def later(self, **span: float) -> None:
        self.clock.advance(**span)
        token = tokens.mint(SIGNING_SECRET, self.owner, lifetime=24 * 3600 * 365)
        headers = {"Authorization": f"Bearer {token}"}
        assert self.deployment.connect(headers, self.connection_id) == {"statusCode": 200}

    def removals(self) -> list[tuple[str, str]]:
        """Let DynamoDB remove what is past its time, and the remember function hear of it."""
        gone = removed_in_time(self.clock().timestamp())
        event = golden("stream")
        (template,) = [each for each in event["Records"] if each["eventName"] == "REMOVE"][:1]
        event["Records"] = [removal(template, *key) for key in gone if key[1] != "-1" and "#" not in key[0]]
        if event["Records"]:
            assert self.deployment.follow(event) == []
        return gone


def removal(template: dict[str, Any], partition: str, seq: str) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(json.dumps(template))
    record["dynamodb"]["Keys"] = {"session_id": {"S": partition}, "seq": {"N": seq}}
    return record


@pytest.fixture
def ada(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> Days:
    monkeypatch.setenv("CONTEXT_LIMIT", "150")
    monkeypatch.setenv("MEMORY_TTL", str(MEMORY_HOURS * 3600))
    speaker = Days(deployment, "ada")
    speaker.clock = FakeClock(datetime.now(UTC))
    monkeypatch.setattr(bootstrap, "now", speaker.clock)
    speaker.later()
    return speaker


def speak(ada: Days) -> None:
    """Say the word in two sessions, in vain in a third; it gets into a segment, a summary and a title."""
    for _ in range(SEAL_AT):
        ada.say(SECRET, MARKER, answer=f"I keep the {MARKER}.")
    ada.deployment.claude.reply(reply(f"Ada has a {MARKER}."))
    assert ada.deployment.remember(f"ada/{MARKER}") == []
    ada.say(SECRET, "travel")
    for session in (MARKER, f"in-vain-{MARKER}"):
        ada.deployment.claude.reply(failing(400))
        assert ada.act("query", message=SECRET, session_id=session)["type"] == "accepted"
        assert json.loads(ada.deployment.work()[-1])["code"] == "upstream_error"
    assert ada.deployment.claude.replies == []


@pytest.mark.parametrize("sealed", [False, True])
def test_nothing_is_left_of_what_is_past_its_time(ada: Days, sealed: bool) -> None:
    """Whether it waits for its segment or is in one, with what was said later."""
    speak(ada)
    if sealed:
        assert ada.deployment.remember(f"ada/{MARKER}") == []
    ada.later(hours=20)
    ada.say("The ferry to Skagen leaves at dawn.", "travel")
    if sealed:
        for _ in range(SEAL_AT):
            ada.say("Quinces want sugar.", "cooking")
        assert ada.deployment.remember("ada/nothing") == []
        assert ada.head().pending == frozenset()
    ada.later(hours=20)
    ada.removals()
    ada.say("Is there a ferry at noon?", "travel")
    assert STEM in everywhere(ada.deployment)
    ada.later(hours=MEMORY_HOURS - 40, seconds=60)
    ada.deployment.claude.reply(*[reply("There is a ferry.")] * 3)
    assert ("ada/travel", "1") in ada.removals()
    ada.deployment.claude.replies.clear()
    assert STEM not in everywhere(ada.deployment)
    assert stored()["ada/travel", "0"]["title"] == "The ferry to Skagen leaves at dawn."
    assert "The ferry to Skagen leaves at dawn." in ada.recall("When does the ferry leave?")
    assert ada.say("And at night?", "travel")["turn"] == 4


def test_nothing_at_all_is_left_of_who_says_nothing_any_more(ada: Days) -> None:
    speak(ada)
    for _ in range(11):
        ada.clock.advance(hours=48)
        ada.removals()
    assert [key for key in stored() if key[0] != "connection#ada="] == []
    assert STEM not in everywhere(ada.deployment)


def test_a_title_stays_while_what_it_tells_of_is_kept(ada: Days) -> None:
    ada.say("The ferry to Skagen leaves at dawn.", "travel")
    ada.later(hours=20)
    ada.say("And at noon?", "travel")
    before = stored()["ada/travel", "0"]
    event = golden("stream")
    (template,) = [each for each in event["Records"] if each["eventName"] == "REMOVE"][:1]
    event["Records"] = [removal(template, "ada/travel", "99"), removal(template, "ada/gone", "1")]
    assert ada.deployment.follow(event) == []
    assert stored()["ada/travel", "0"] == before
