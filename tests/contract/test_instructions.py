"""A session's own instructions, from the frame that names them to Claude's API, and to their end."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest

from bridge.adapters import items
from bridge.conversation import SessionKey
from tests import aws
from tests.contract.conftest import Deployment, golden
from tests.contract.speaking import Speaker, reply, stored
from tests.messages_server import failing

OWN = "Answer in Danish, in one sentence."


@pytest.fixture
def ada(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> Speaker:
    monkeypatch.setenv("SYSTEM_PROMPT", "Be kind.")
    return Speaker.of(deployment, "ada")


def systems(speaker: Speaker) -> list[str]:
    """Return the blocks of the system prompt that Claude was told last."""
    blocks: list[dict[str, Any]] = speaker.deployment.claude.asked[-1].body["system"]
    return [block["text"] for block in blocks]


def test_claude_is_told_the_environments_and_then_the_sessions(ada: Speaker) -> None:
    told = ada.say("Where to?", system=OWN)
    assert systems(ada) == ["Be kind.", OWN]
    assert told["memory"]["system"] == {"turn": 1, "characters": len(OWN)}
    assert told["memory"]["tokens"]["system"] == 2 + 9
    ada.say("And then?")
    assert systems(ada) == ["Be kind.", OWN]
    assert ada.act("history", session_id="travel")["system"] == OWN
    ada.say("What do I cook?", "cooking")
    assert systems(ada) == ["Be kind."]
    eve = Speaker.of(ada.deployment, "eve")
    eve.say("Where to?")
    assert systems(eve) == ["Be kind."]
    ada.say("Thanks.", system="")
    assert systems(ada) == ["Be kind."]
    assert ("ada/travel", "-2") not in stored()


def test_a_failed_turns_are_in_force(ada: Speaker) -> None:
    ada.deployment.claude.reply(failing(400))
    assert ada.act("query", message="Hi", session_id="travel", system=OWN)["type"] == "accepted"
    assert json.loads(ada.deployment.work()[-1])["code"] == "upstream_error"
    ada.say("Again?")
    assert systems(ada) == ["Be kind.", OWN]


def test_turns_that_wait_in_line_change_them_in_their_order(ada: Speaker) -> None:
    for system in (OWN, None, "", "In French.", None):
        ada.deployment.claude.reply(reply("Noted."))
        ada.act("query", message="Hi", session_id="travel", system=system)
    ada.deployment.work()
    asked = ada.deployment.claude.asked[-5:]
    told = [[block["text"] for block in each.body["system"]][1:] for each in asked]
    assert told == [[OWN], [OWN], [], ["In French."], ["In French."]]


def test_a_session_that_was_forgotten_leaves_none_to_its_name(ada: Speaker) -> None:
    ada.say("Hi", system=OWN)
    assert ada.act("forget", session_id="travel")["exchanges"] == 1
    ada.say("Hi")
    assert systems(ada) == ["Be kind."]
    assert "system" not in ada.act("history", session_id="travel")


def test_a_session_that_expired_leaves_none_to_its_name(ada: Speaker) -> None:
    """Also while DynamoDB still holds all of it."""
    ada.say("Hi", system=OWN)
    past = items.to_item({":past": 1})
    client = boto3.client("dynamodb", region_name=aws.REGION)
    client.update_item(
        TableName=aws.SESSIONS_TABLE,
        Key=items.key_of(SessionKey("ada", "travel"), items.HEADER_SEQ),
        UpdateExpression="SET #ttl = :past, last_updated = :long_ago",
        ExpressionAttributeNames={"#ttl": "ttl"},
        ExpressionAttributeValues=past | items.to_item({":long_ago": "2020-01-01T00:00:00.000Z"}),
    )
    client.update_item(
        TableName=aws.SESSIONS_TABLE,
        Key=items.key_of(SessionKey("ada", "travel"), 1),
        UpdateExpression="SET last_updated = :long_ago",
        ExpressionAttributeValues=items.to_item({":long_ago": "2020-01-01T00:00:00.000Z"}),
    )
    ada.say("Hi")
    assert systems(ada) == ["Be kind."]
    ada.say("Hi again")
    assert systems(ada) == ["Be kind."]


def test_clients_of_the_original_change_none(ada: Speaker) -> None:
    ada.deployment.claude.reply(reply("Hej."))
    frame = {"action": "query", "message": "Hi", "session_id": "travel", "system": {"role": "system"}}
    context = golden("message")["requestContext"] | {"connectionId": ada.connection_id}
    ada.deployment.receive(json.dumps(frame), requestContext=context)
    assert json.loads(ada.deployment.work()[-1])["statusCode"] == 200
    assert systems(ada) == ["Be kind."]
