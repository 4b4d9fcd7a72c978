"""Forgotten is forgotten: whatever a session was, nothing of it is anywhere, whoever died over it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest

from bridge import bootstrap, erasure, forgetting
from bridge.adapters import dead_letters, items, queue
from bridge.conversation import SessionKey
from bridge.memory.head import EVERYTHING
from bridge.memory.recall.stems import stem
from tests import aws
from tests.contract.conftest import SEAL_AT, Deployment
from tests.contract.speaking import Speaker, reply, stored
from tests.contract.traces import Killed, Snapshot, dying, everywhere, give_up, reappear, waiting
from tests.messages_server import failing

MARKER = "zanzibarkovings"
STEM = stem(MARKER)
assert MARKER.startswith(STEM)
assert len(STEM) > 8


@dataclass
class Talk:
    """Ada, who says a word of its own in each kind of session that there is."""

    ada: Speaker
    requests: dict[str, str] = field(default_factory=dict)

    @property
    def deployment(self) -> Deployment:
        return self.ada.deployment

    def traces(self, kinds: Iterable[str]) -> list[str]:
        """Return which kinds of session have left their word, its stem or their name anywhere."""
        text = everywhere(self.deployment)
        return [kind for kind in kinds if f"q{kind}{STEM}" in text]

    def name(self, kind: str) -> str:
        return f"q{kind}{MARKER}.chat"

    def query(self, kind: str, **fields: Any) -> str:
        request_id = self.requests[kind] = str(uuid.uuid4())
        message = f"My q{kind}{MARKER} opens the gate behind the orchard."
        named = {"session_id": self.name(kind), "request_id": request_id}
        told = self.ada.act("query", message=message, **named, **fields)
        assert told["type"] == "accepted"
        return request_id

    def answered(self, kind: str, turns: int = 1) -> None:
        for _ in range(turns):
            self.deployment.claude.reply(reply(f"I keep the q{kind}{MARKER}."))
            self.query(kind)
            assert json.loads(self.deployment.work()[-1])["type"] == "answer"

    def instructed(self, kind: str) -> None:
        """Once answered and once in vain, with other instructions each time."""
        self.deployment.claude.reply(reply("I do."))
        self.query(kind, system=f"You guard the q{kind}{MARKER}.")
        assert json.loads(self.deployment.work()[-1])["memory"]["system"]
        self.deployment.claude.reply(failing(400))
        self.query(kind, system=f"You open the q{kind}{MARKER}.")
        assert json.loads(self.deployment.work()[-1])["code"] == "upstream_error"
        assert f"open the q{kind}" in stored()[f"ada/{self.name(kind)}", "-2"]["text"]

    def summarized(self, kind: str) -> None:
        self.answered(kind, SEAL_AT)
        self.deployment.claude.reply(reply(f"Ada has q{kind}{MARKER}."))
        assert self.deployment.remember(f"ada/{self.name(kind)}") == []
        assert self.deployment.claude.replies == []

    def failed(self, kind: str) -> None:
        self.deployment.claude.reply(failing(400))
        self.query(kind)
        assert json.loads(self.deployment.work()[-1])["code"] == "upstream_error"

    def cancelled(self, kind: str) -> None:
        request_id = self.query(kind)
        assert self.ada.act("cancel", request_id=request_id)["type"] == "accepted"
        assert json.loads(self.deployment.work()[-1])["stop_reason"] == "cancelled"

    def expired(self, kind: str) -> None:
        """The header is past its time, and still there."""
        self.answered(kind)
        self._header(kind, "update_item", UpdateExpression="SET #ttl = :past", **PAST)

    def outlived(self, kind: str) -> None:
        """The header was removed at the end of its time; the exchange is still kept."""
        self.answered(kind)
        self._header(kind, "delete_item")

    def outlived_failed(self, kind: str) -> None:
        self.failed(kind)
        self._header(kind, "delete_item")

    def outlived_cancelled(self, kind: str) -> None:
        self.cancelled(kind)
        self._header(kind, "delete_item")

    def dead(self, kind: str) -> None:
        """Delivered in vain, and begun the last time."""
        self.query(kind)
        self._begin(kind)
        give_up(self.deployment)

    def waits(self, kind: str) -> None:
        self.query(kind)

    def begun(self, kind: str) -> None:
        """Its function died over it; it is delivered again in a while."""
        self.query(kind)
        self._begin(kind)

    def _begin(self, kind: str) -> None:
        url = self.deployment.queue_url
        sqs = boto3.client("sqs", region_name=aws.REGION)
        received = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0)
        for message in received["Messages"]:
            turn = queue.decode(message["Body"])
            if turn.request_id == self.requests[kind]:
                bootstrap.turns().begin(turn, 1000, 1)

    def _header(self, kind: str, operation: str, **more: Any) -> None:
        client = boto3.client("dynamodb", region_name=aws.REGION)
        key = items.key_of(SessionKey("ada", self.name(kind)), items.HEADER_SEQ)
        getattr(client, operation)(TableName=aws.SESSIONS_TABLE, Key=key, **more)

    def all(self) -> list[str]:
        """Have a session of each kind; return the kinds. What waits comes last."""
        for kind in KINDS:
            getattr(self, kind)(kind.replace("_", ""))
        return [kind.replace("_", "") for kind in KINDS]


PAST = {
    "ExpressionAttributeNames": {"#ttl": "ttl"},
    "ExpressionAttributeValues": {":past": {"N": "1"}},
}
KINDS = (
    "summarized",
    "instructed",
    "answered",
    "failed",
    "cancelled",
    "expired",
    "outlived",
    "outlived_failed",
    "outlived_cancelled",
    "dead",
    "waits",
    "begun",
)


@pytest.fixture
def talk(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> Talk:
    monkeypatch.setenv("CONTEXT_LIMIT", "150")
    return Talk(Speaker.of(deployment, "ada"))


def finish(talk: Talk) -> None:
    """Let what waited come up."""
    frames = [json.loads(frame) for frame in talk.deployment.work()]
    assert {(frame["type"], frame.get("code")) for frame in frames} <= {("error", "conflict")}


def test_nothing_is_left_of_a_forgotten_session_whatever_it_was(talk: Talk) -> None:
    kinds = talk.all()
    assert talk.traces(kinds) == kinds
    late = ["waits", "begun"]
    for number, kind in enumerate(kinds, start=1):
        told = talk.ada.act("forget", session_id=talk.name(kind))
        assert told["type"] == "forgotten"
        left = kinds[number:]
        assert talk.traces(kinds) == [each for each in kinds if each in left or each in late]
    finish(talk)
    assert STEM not in everywhere(talk.deployment)
    assert talk.deployment.claude.replies == []


def test_nothing_is_left_of_anything_once_everything_is_forgotten(talk: Talk) -> None:
    eve = Speaker.of(talk.deployment, "eve")
    eve.say("The ferry to Skagen leaves at dawn.", "chat")
    eves = {key: item for key, item in stored().items() if "eve" in key[0]}
    kinds = talk.all()
    told = talk.ada.act("forget", everything=True)
    assert (told["type"], told["session_id"], told["exchanges"]) == ("forgotten", None, SEAL_AT + 9)
    assert talk.traces(kinds) == ["waits", "begun"]
    finish(talk)
    assert [key for key in stored() if "ada" in key[0] and key != ("memory#ada", "-1")] == [
        ("connection#ada=", "-1")
    ]
    assert {key: item for key, item in stored().items() if "eve" in key[0]} == eves
    assert [each.mark for each in talk.ada.head().forgotten] == [EVERYTHING]
    assert talk.ada.act("sessions")["sessions"] == []
    assert talk.ada.act("forget", everything=True)["exchanges"] == 0
    assert talk.ada.say("Let us talk about apples.", "new")["turn"] == 1
    assert talk.ada.recall("apples")


def test_of_what_still_waits_nothing_is_left_when_its_time_has_come(talk: Talk) -> None:
    talk.waits("waits")
    talk.ada.act("forget", everything=True)
    finish(talk)
    assert STEM not in everywhere(talk.deployment)
    assert stored(aws.HASHES_TABLE) == {}
    assert talk.ada.act("resume", request_id=talk.requests["waits"])["code"] == "not_found"
    assert talk.ada.act("cancel", request_id=talk.requests["waits"])["code"] == "not_found"


@pytest.mark.parametrize("everything", [False, True])
def test_a_forgotten_request_that_comes_again_is_answered(talk: Talk, everything: bool) -> None:
    for kind in ("answered", "failed", "cancelled", "dead", "waits"):
        getattr(talk, kind)(kind)
        forgotten = {"everything": True} if everything else {"session_id": talk.name(kind)}
        assert talk.ada.act("forget", **forgotten)["type"] == "forgotten"
        named = {"request_id": talk.requests[kind]}
        assert talk.ada.act("resume", **named)["code"] == "not_found"
        query = {"message": "Apples?", "session_id": talk.name(kind), **named}
        assert talk.ada.act("query", **query)["type"] == "accepted"
        talk.deployment.claude.reply(reply("Apples."))
        *_, closing = map(json.loads, talk.deployment.work())
        assert (closing["type"], closing["request_id"]) == ("answer", talk.requests[kind])
        (kept,) = talk.ada.act("history", session_id=talk.name(kind))["exchanges"]
        assert [entry["content"] for entry in kept["context"]] == ["Apples?", "Apples."]
        assert talk.ada.act("query", **query)["type"] == "accepted"
        assert talk.deployment.work() == []


def test_dead_letters_of_others_lie_where_they_were(talk: Talk) -> None:
    eve = Speaker.of(talk.deployment, "eve")
    for number in range(12):
        message = eve.act("query", message=f"Hello {number}.", session_id=f"chat-{number}")
        assert message["type"] == "accepted"
    talk.query("other")
    for _ in range(3):
        talk.query("dead")
    give_up(talk.deployment)
    talk.ada.act("forget", session_id=talk.name("dead"))
    sqs = boto3.client("sqs", region_name=aws.REGION)
    seen = []
    while found := sqs.receive_message(QueueUrl=talk.deployment.dead_letters_url, MaxNumberOfMessages=10).get(
        "Messages"
    ):
        seen += [queue.decode(message["Body"]).key.name for message in found]
    assert sorted(seen) == sorted([talk.name("other"), *(f"chat-{number}" for number in range(12))])


def test_so_many_dead_letters_that_not_all_can_be_looked_at_hinder_nobody(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead_letters, "MOST_ROUNDS", 1)
    eve = Speaker.of(talk.deployment, "eve")
    for number in range(11):
        eve.act("query", message="Hello.", session_id=f"chat-{number}")
    give_up(talk.deployment)
    talk.answered("answered")
    assert talk.ada.act("forget", session_id=talk.name("answered"))["exchanges"] == 1
    assert waiting(talk.deployment.dead_letters_url) == 11
    assert "could not all be looked through" in talk.deployment.log.getvalue()


class Beats:
    """A time of which two seconds go by whenever it is asked for."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        self.now += 2
        return self.now


def test_too_much_to_forget_at_once_is_gone_when_it_was_asked_for_often_enough(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    kinds = [f"chat{letter}" for letter in "abcde"]
    for kind in kinds:
        talk.answered(kind)
    talk.deployment.remember("ada/nothing")
    monkeypatch.setattr(erasure, "_LOOKED_FOR", 2)
    left = []
    for _ in range(20):
        monkeypatch.setattr(forgetting, "time", Beats())
        told = talk.ada.act("forget", everything=True)
        left.append(len(talk.traces(kinds)))
        if told["type"] == "forgotten":
            break
        assert (told["code"], told["retryable"]) == ("internal", True)
        assert "Send it again" in told["message"]
    assert left == sorted(left, reverse=True)
    assert (left[-1], len(left) > 2) == (0, True)


Repeat = Callable[[Talk], None]


def again_session(talk: Talk) -> None:
    assert talk.ada.act("forget", session_id=talk.name("summarized"))["type"] == "forgotten"


def again_everything(talk: Talk) -> None:
    assert talk.ada.act("forget", everything=True)["type"] == "forgotten"


@pytest.mark.parametrize("forget", [again_session, again_everything])
def test_whoever_dies_at_any_call_is_followed_by_the_next(
    talk: Talk, monkeypatch: pytest.MonkeyPatch, forget: Repeat
) -> None:
    """By whoever forgets again, or from the tombstone on by the remember function alone."""
    talk.summarized("summarized")
    talk.instructed("summarized")
    if forget is again_everything:
        talk.outlived_failed("outlived")
    talk.query("summarized")
    give_up(talk.deployment)
    before = Snapshot.of(talk.deployment)
    marked = 0
    for calls in range(200):
        before.restore(talk.deployment)
        try:
            with dying(monkeypatch, calls):
                forget(talk)
        except Killed:
            reappear(talk.deployment.dead_letters_url)
        else:
            break
        dead = Snapshot.of(talk.deployment)
        forget(talk)
        assert STEM not in everywhere(talk.deployment), calls
        assert talk.ada.head().forgetting == frozenset()
        dead.restore(talk.deployment)
        if not talk.ada.head().forgotten:
            assert marked == 0  # nobody knows yet, and the client was told that it failed
            continue
        marked += 1
        assert talk.deployment.remember("ada/nothing") == []
        assert STEM not in everywhere(talk.deployment), calls
        assert talk.ada.head().forgetting == frozenset()
    assert STEM not in everywhere(talk.deployment)
    assert marked > 10
