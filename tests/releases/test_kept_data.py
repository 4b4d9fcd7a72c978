"""Today's functions on what the last release's wrote: nothing is lost, and everything goes on."""

from __future__ import annotations

import json
import time
from typing import Any

import boto3
import jwt
import pytest

from bridge.adapters.items import from_item
from tests import aws
from tests.contract.conftest import SIGNING_SECRET, Deployment, deployment, golden  # noqa: F401 - a fixture
from tests.contract.speaking import Speaker, reply, stored
from tests.releases import kept

SUMMARY = "Ada sails to Skagen in May with her sister Ines; the boat is called Aurora."


@pytest.fixture
def upgraded(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> Deployment:  # noqa: F811
    """Today's functions over the last release's items."""
    # A lifetime as long as the items': they are read years after they were written.
    monkeypatch.setenv("SESSION_TTL", str(87_840 * 3600))
    monkeypatch.setenv("MEMORY_TTL", str(3660 * 86400))
    client = boto3.client("dynamodb", region_name=aws.REGION)
    kept.put(client, aws.SESSIONS_TABLE, kept.items("sessions"))
    kept.put(client, aws.HASHES_TABLE, kept.items("hashes"))
    return deployment


@pytest.fixture
def ada(upgraded: Deployment) -> Speaker:
    return Speaker.of(upgraded, "ada")


def written(partition: str, seq: int) -> dict[str, Any]:
    """Return an item as the last release wrote it, as plain values."""
    items = (from_item(item) for item in kept.items("sessions"))
    return next(item for item in items if (item["session_id"], item["seq"]) == (partition, seq))


def exchange(turn: int, session: str = "travel") -> dict[str, Any]:
    return written(f"ada/{session}", turn)


def test_who_was_connected_speaks_on(upgraded: Deployment) -> None:
    pong = Speaker(upgraded, "ada").act("ping")
    assert pong["type"] == "pong"


def test_a_token_that_was_revoked_opens_nothing(upgraded: Deployment) -> None:
    now = int(time.time())
    for token_id, status in (("5f" * 16, 401), ("6a" * 16, 200)):
        claims = {"sub": "grace", "iat": now, "exp": now + 600, "jti": token_id}
        token = jwt.encode(claims, SIGNING_SECRET, algorithm="HS256")
        assert upgraded.connect({"Authorization": f"Bearer {token}"})["statusCode"] == status


def test_a_history_is_told_whole(ada: Speaker) -> None:
    told = ada.act("history", session_id="travel")
    assert told["before"] is None
    assert [each["turn"] for each in told["exchanges"]] == [1, 2, 3, 4, 5]
    for each in told["exchanges"]:
        then = exchange(each["turn"])
        assert each["context"] == then["context"]
        assert each["request_id"] == then["request_id"]
        assert each["at"] == then["last_updated"]
        assert each["usage"]["input_tokens"] == then["usage"]["input_tokens"] > 0
    failed = ada.act("history", session_id="cooking")["exchanges"][-1]
    assert failed["error"].items() <= exchange(2, "cooking")["error"].items()
    assert failed["error"]["code"] == "upstream_error"


def test_the_sessions_are_listed_with_what_they_took(ada: Speaker) -> None:
    listed = {each["session_id"]: each for each in ada.act("sessions")["sessions"]}
    assert set(listed) == {"travel", "cooking", "chat-abc12345"}
    assert listed["travel"]["title"] == exchange(1)["context"][0]["content"]
    (usage,) = ada.act("usage", session_id="travel")["sessions"]
    header = written("ada/travel", 0)
    assert usage["turns"] == header["turns"] == 5
    assert usage["usage"]["output_tokens"] == header["usage"]["output_tokens"] > 0
    assert usage["cost"]["dollars"] == pytest.approx(float(header["cost"]) / 1e9)
    assert usage["summary_usage"]["input_tokens"] == header["summary_input_tokens"] > 0


@pytest.mark.parametrize(
    ("about", "said"),
    [
        ("What is the name of our boat?", "Our boat is called Aurora, she is 31 feet long."),  # in a segment
        ("How many quinces?", "The marmalade takes nine quinces from the harbour market."),  # not yet in one
    ],
)
def test_what_was_said_is_recalled(ada: Speaker, about: str, said: str) -> None:
    assert said in ada.recall(about)
    ada.say(about, "another")
    assert said in ada.prompt()


def test_nobody_is_told_anothers(upgraded: Deployment) -> None:
    eve = Speaker.of(upgraded, "eve")
    assert eve.recall("What is the name of our boat?") == []
    assert [each["session_id"] for each in eve.act("sessions")["sessions"]] == ["travel"]


def test_a_session_goes_on_where_it_was(ada: Speaker) -> None:
    closing = ada.say("And who comes along?", "travel", "Ines does.")
    assert closing["turn"] == 6
    prompt = ada.prompt()
    assert SUMMARY in prompt
    assert "keep clear of its lane on Tuesdays. 中😀" in prompt
    assert closing["memory"]["summary"] == {
        "turns": written("ada/travel", -1)["covers"],
        "characters": len(SUMMARY),
    }
    header = stored()["ada/travel", "0"]
    assert (header["turns"], header["version"]) == (6, written("ada/travel", 0)["version"] + 1)


def test_a_turn_that_was_answered_is_told_once_more(ada: Speaker) -> None:
    context = golden("message")["requestContext"] | {"connectionId": ada.connection_id}
    frame = {"action": "resume", "request_id": exchange(2)["request_id"], "last_seq": 0}
    told = json.loads(ada.deployment.receive(json.dumps(frame), requestContext=context)["body"])
    assert (told["type"], told["turn"], told["deltas"]) == ("answer", 2, 1)
    (delta,) = [json.loads(posted) for posted in ada.deployment.posted()]
    assert delta["text"] == exchange(2)["context"][1]["content"]


def test_a_request_that_was_answered_is_not_asked_again(ada: Speaker) -> None:
    then = exchange(1)
    frame = {
        "action": "query",
        "request_id": then["request_id"],
        "session_id": "travel",
        "message": then["context"][0]["content"],
    }
    context = golden("message")["requestContext"] | {"connectionId": ada.connection_id}
    told = json.loads(ada.deployment.receive(json.dumps(frame), requestContext=context)["body"])
    assert (told["type"], told["session_id"]) == ("accepted", "travel")
    assert ada.deployment.work() == []
    assert ada.deployment.claude.asked == []


def test_a_memory_is_packed_on(ada: Speaker) -> None:
    before = ada.head()
    assert before.pending
    ada.deployment.claude.reply(reply(SUMMARY, model="claude-haiku-5-5"))
    ada.say("The lighthouse of Anholt blinks every fifteen seconds.", "travel")
    assert ada.deployment.remember("ada/travel", "ada/cooking", "ada/chat-abc12345") == []
    after = ada.head()
    assert after.pending < before.pending
    packed = [sum(each.exchanges for each in head.segments) for head in (before, after)]
    assert 0 < packed[0] < packed[1]
    for about in ("boat Aurora", "quinces", "lighthouse"):
        assert ada.recall(about)


def test_what_is_forgotten_is_gone(ada: Speaker) -> None:
    assert ada.act("forget", session_id="travel")["exchanges"] == 5
    left = stored()
    assert not [key for key in left if key[0] == "ada/travel"]
    assert "Aurora" not in repr(left)
    assert ada.recall("What is the name of our boat?") == []
    assert ada.act("history", session_id="cooking")["type"] == "history"
