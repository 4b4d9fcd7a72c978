"""What an owner can do to another one: nothing, whatever they name, forge, pass back or send again."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import Any

import jwt
import pytest

from bridge.adapters import hashes
from tests import aws
from tests.contract.conftest import SIGNING_SECRET, Deployment, bearer, golden
from tests.contract.isolation import Recorder, posted_to, seen
from tests.contract.speaking import Speaker, reply, stored

SECRET = "marmalade"
SAID = f"The launch code word is {SECRET}."
NEVER = "00000000-0000-4000-8000-00000000ffff"
"""A request that nobody ever sent."""


@dataclass
class Two:
    """Ada has a turn that was answered and one that waits; eve knows all that they are called by."""

    deployment: Deployment
    ada: Speaker
    eve: Speaker
    answered: str
    waiting: str
    cursor: str

    def adas(self) -> dict[tuple[str, ...], dict[str, Any]]:
        """Return all of ada's items, and what is known of her requests."""
        known = {hashes.key_of("ada", each)["hash"]["S"] for each in (self.answered, self.waiting)}
        requests = {key: item for key, item in stored(aws.HASHES_TABLE).items() if key[0] in known}
        assert len(requests) == 2
        return {key: item for key, item in stored().items() if "ada" in key[0]} | requests


def ask(speaker: Speaker, session_id: str, message: str = SAID) -> str:
    """Have a message queued; return its request's id."""
    request_id = str(uuid.uuid4())
    told = speaker.act("query", request_id=request_id, session_id=session_id, message=message)
    assert told["type"] == "accepted"
    return request_id


@pytest.fixture
def two(deployment: Deployment) -> Two:
    ada, eve = Speaker.of(deployment, "ada"), Speaker.of(deployment, "eve")
    ada.say("Hello?", "older")
    deployment.claude.reply(reply(f"It is {SECRET}, then."))
    answered = ask(ada, "travel")
    deployment.work()
    eve.say("What shall I plant?", "garden")
    waiting = ask(ada, "travel")
    cursor = ada.act("sessions", limit=1)["before"]
    assert "/travel" in cursor
    return Two(deployment, ada, eve, answered, waiting, cursor)


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    return Recorder(monkeypatch)


SESSIONS = [
    ("query", {"message": "What is the code word?"}),
    ("history", {}),
    ("history", {"before": "1"}),
    ("usage", {}),
    ("recall", {"text": "What is the code word?"}),
    ("forget", {}),
]


@pytest.mark.parametrize(("action", "fields"), SESSIONS, ids=str)
def test_anothers_session_is_as_one_that_never_was(
    two: Two, recorder: Recorder, action: str, fields: dict[str, Any]
) -> None:
    before = two.adas()
    shown = {}
    for name in ("warmup", "travel", "trxxel"):  # the first one loads what a function keeps while it is warm
        shown[name] = seen(two.eve, recorder, name, action, session_id=name, **fields)
    assert shown["travel"] == shown["trxxel"]
    assert shown["travel"][1], "no call was seen"
    assert SECRET not in repr(shown)
    assert {key: item for key, item in two.adas().items() if key in before} == before


@pytest.mark.parametrize(
    ("action", "fields"), [("resume", {}), ("resume", {"last_seq": 0}), ("cancel", {})], ids=str
)
@pytest.mark.parametrize("whose", ["answered", "waiting"])
def test_anothers_request_is_as_one_that_never_was(
    two: Two, recorder: Recorder, whose: str, action: str, fields: dict[str, Any]
) -> None:
    before = two.adas()
    posted_to()
    shown = {}
    for request_id in (str(uuid.uuid4()), getattr(two, whose), NEVER):
        shown[request_id] = seen(two.eve, recorder, request_id, action, request_id=request_id, **fields)
    assert shown[getattr(two, whose)] == shown[NEVER]
    assert '"not_found"' in shown[NEVER][0]
    assert posted_to() == {}
    assert two.adas() == before


def test_anothers_request_id_is_free(two: Two, recorder: Recorder) -> None:
    before = two.adas()
    posted_to()
    shown = {}
    for number, request_id in enumerate((str(uuid.uuid4()), two.answered, two.waiting, NEVER)):
        fields = {"request_id": request_id, "message": "Hi", "session_id": f"mine-{number}"}
        shown[request_id] = seen(two.eve, recorder, f"mine-{number}", "query", **fields)
    assert shown[two.answered] == shown[two.waiting] == shown[NEVER]
    assert '"accepted"' in shown[NEVER][0]
    assert {key: item for key, item in two.adas().items() if key in before} == before
    for _ in range(5):
        two.deployment.claude.reply(reply("Hello."))
    two.deployment.deliver()
    to_eve = posted_to()[two.eve.connection_id]
    assert to_eve.count('"type":"answer"') == 4
    assert SECRET not in to_eve
    # And ada's own go on as hers.
    assert two.ada.act("resume", request_id=two.answered)["session_id"] == "travel"
    assert two.ada.act("resume", request_id=two.waiting)["type"] == "answer"


def test_a_frame_of_anothers_sent_again_is_ones_own(two: Two) -> None:
    """The same bytes, on a connection of another owner's."""
    two.deployment.claude.reply(reply("Noted."))
    two.deployment.deliver()
    posted_to()
    frames: list[dict[str, Any]] = [
        {"action": "query", "request_id": two.answered, "session_id": "travel", "message": SAID},
        {"action": "resume", "request_id": two.answered, "last_seq": 0},
        {"action": "cancel", "request_id": two.waiting},
        {"action": "history", "session_id": "older"},
        {"action": "sessions", "before": two.cursor},
        {"action": "forget", "session_id": "older"},
    ]
    before = two.adas()
    told = [two.eve.act(**frame) for frame in frames]
    assert [each.get("code") or each["type"] for each in told] == [
        "accepted",
        "accepted",  # of the turn that the first one began
        "not_found",
        "not_found",
        "sessions",
        "forgotten",
    ]
    assert told[5]["exchanges"] == 0
    assert {key: item for key, item in two.adas().items() if key in before} == before
    two.deployment.claude.reply(reply("I do not know it."))
    two.deployment.deliver()
    assert list(posted_to()) == [two.eve.connection_id]
    assert SECRET not in json.dumps(told)
    prompt = two.eve.prompt()
    assert prompt.count(SECRET) == 1, "she said it herself, and was told it by nobody"


def test_another_owners_cursor_is_a_place_in_ones_own_list(two: Two, recorder: Recorder) -> None:
    other = two.cursor.replace("/travel", "/trxxel")
    for action in ("sessions", "usage"):
        shown = [
            seen(two.eve, recorder, cursor.rpartition("/")[2], action, before=cursor)
            for cursor in ("2099-01-01T00:00:00.000Z/warmup", two.cursor, other)
        ]
        assert shown[1] == shown[2]
        assert "travel" not in shown[1][0]
        assert "older" not in shown[1][0]
        listed = two.eve.act(action, before="2099-01-01T00:00:00.000Z/travel")["sessions"]
        assert [entry["session_id"] for entry in listed] == ["garden"]


def test_a_frame_says_nothing_of_who_sends_it(two: Two) -> None:
    pretence = {
        "owner": "ada",
        "sub": "ada",
        "connection_id": two.ada.connection_id,
        "connectionId": two.ada.connection_id,
        "Authorization": bearer("ada")["Authorization"],
        "requestContext": {"connectionId": two.ada.connection_id, "identity": {"userArn": "ada"}},
    }
    posted_to()
    two.deployment.claude.reply(reply("Noted."))
    two.deployment.deliver()
    posted_to()
    assert two.eve.act("history", session_id="travel", **pretence)["code"] == "not_found"
    assert two.eve.act("resume", request_id=two.answered, **pretence)["code"] == "not_found"
    listed = two.eve.act("sessions", **pretence)["sessions"]
    assert [entry["session_id"] for entry in listed] == ["garden"]
    two.deployment.claude.reply(reply("Hello."))
    two.eve.act("query", message="Hi", session_id="travel", **pretence)
    two.deployment.deliver()
    assert list(posted_to()) == [two.eve.connection_id]


def test_anothers_turn_under_way_is_not_to_be_ended_or_overheard(two: Two) -> None:
    two.deployment.claude.reply(reply(f"It is {SECRET}."))
    posted_to()
    for action in ("resume", "cancel"):
        assert two.eve.act(action, request_id=two.waiting)["code"] == "not_found"
    two.deployment.deliver()
    posted = posted_to()
    assert list(posted) == [two.ada.connection_id]
    assert '"stop_reason":"end_turn"' in posted[two.ada.connection_id]


def test_forgetting_everything_forgets_ones_own(two: Two) -> None:
    two.deployment.claude.reply(reply("Noted."))
    two.deployment.deliver()
    before = two.adas()
    assert two.eve.act("forget", everything=True)["exchanges"] == 1
    assert {key: item for key, item in two.adas().items() if key in before} == before
    assert two.ada.recall("What is the code word?")
    assert not any("eve/" in key[0] and key[1] != "-1" for key in stored())


def sent(headers: dict[str, str], deployment: Deployment) -> int:
    status: int = deployment.connect(headers, "forged=")["statusCode"]
    return status


def test_no_token_of_ones_own_makes_another_ones(deployment: Deployment) -> None:
    eve = bearer("eve")["Authorization"].removeprefix("Bearer ")
    ada = bearer("ada")["Authorization"].removeprefix("Bearer ")
    (head, claims, seal), (_, adas, adas_seal) = eve.split("."), ada.split(".")
    forged = [
        f"{head}.{adas}.{seal}",
        f"{head}.{claims}.{adas_seal}",
        f"{head}.{adas}.",
        f"{head}.{adas}",
        jwt.encode({"sub": "ada", "exp": 4_000_000_000}, None, algorithm="none"),  # type: ignore[arg-type]
        jwt.encode({"sub": "ada", "exp": 4_000_000_000}, "eve" * 16),
        jwt.encode({"sub": "ada", "exp": 4_000_000_000}, SIGNING_SECRET, algorithm="HS512"),
        f"{ada} {eve}",
        f"{ada}.{eve}",
    ]
    for token in forged:
        assert sent({"Authorization": f"Bearer {token}"}, deployment) == 401
        assert sent({"Sec-WebSocket-Protocol": f"bridge, bearer.{token}"}, deployment) == 401
    twice = {"Authorization": f"Bearer {eve}", "authorization": f"Bearer {ada}"}
    assert sent(twice, deployment) == 401
    assert stored() == {}


def test_a_connection_stays_the_one_who_opened_it(deployment: Deployment) -> None:
    """A second handshake has an id of its own: API Gateway gives it, no frame can."""
    eve = Speaker.of(deployment, "eve")
    eve.say("What shall I plant?", "garden")
    ada = Speaker.of(deployment, "ada")
    ada.say(SAID, "garden")
    history = eve.act("history", session_id="garden")["exchanges"]
    assert history[0]["context"][0]["content"] == "What shall I plant?"
    context = golden("message")["requestContext"] | {"connectionId": "nobody="}
    told = deployment.receive('{"action":"sessions"}', requestContext=context)
    assert json.loads(told["body"])["code"] == "unauthorized"


def test_on_the_originals_wire_owners_are_apart_too(deployment: Deployment) -> None:
    for owner in ("ada", "eve"):
        Speaker.of(deployment, owner)
        deployment.claude.reply(reply(f"Hello, {owner}."))
        context = golden("message")["requestContext"] | {"connectionId": f"{owner}="}
        query = {"action": "query", "message": f"I am {owner}.", "session_id": "chat-abc123"}
        assert deployment.receive(json.dumps(query), requestContext=context) == {"statusCode": 200}
        deployment.deliver()
        told = json.loads(json.loads(posted_to()[f"{owner}="])["body"])
        assert (told["response"], told["context_length"]) == (f"Hello, {owner}.", 2)
    assert "ada" not in json.dumps(deployment.claude.asked[-1].body)
