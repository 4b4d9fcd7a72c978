"""The line of turns: a group for each session, and a message that is held while it is worked on."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import replace
from typing import Any

import boto3
import pytest
from aws_lambda_powertools import Logger
from hypothesis import example, given

from bridge.adapters import queue as module
from bridge.adapters.queue import HOLD_SECONDS, RETRY_SECONDS, SqsTurnQueue, decode, encode
from bridge.conversation import SessionKey
from tests import aws
from tests.fakes import KEY, a_turn
from tests.strategies import texts

REFUSED_BY_SQS = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What moto lets through, and SQS answers with `InvalidMessageContents`."""


@pytest.fixture
def sqs(moto: None) -> Any:
    return boto3.client("sqs", region_name=aws.REGION)


@pytest.fixture
def url(sqs: Any) -> str:
    return aws.create_queue()


def received(sqs: Any, url: str) -> list[dict[str, Any]]:
    reply = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["All"])
    return list(reply.get("Messages", []))


@given(texts, texts)
@example("\ufffe \\\uffff\x00", "ada")
def test_a_turn_is_read_as_it_was_written_in_characters_that_sqs_takes(message: str, owner: str) -> None:
    turn = a_turn(1, message, key=SessionKey(owner, "travel"), wire="original")
    body = encode(turn)
    assert decode(body) == turn
    assert REFUSED_BY_SQS.search(body) is None


@given(texts)
def test_instructions_travel_with_their_turn(system: str) -> None:
    turn = a_turn(1, system=system)
    body = encode(turn)
    assert decode(body) == turn
    assert REFUSED_BY_SQS.search(body) is None


def test_a_message_of_the_release_before_is_read_and_one_without_instructions_looks_like_it() -> None:
    before = (
        '{"key":{"owner":"ada","name":"travel"},"request_id":"00000000-0000-4000-8000-000000000001",'
        '"message":"Hello?","model":"claude-sonnet-5-5","connection_id":"connection-1","wire":"bridge",'
        '"recall":"owner","accepted":0}'
    )
    assert decode(before) == a_turn()
    assert encode(a_turn()) == before


def test_a_session_is_a_group_and_a_request_goes_in_once(sqs: Any, url: str, logger: Logger) -> None:
    queue = SqsTurnQueue(sqs, url, logger)
    other = replace(KEY, name="cooking")
    for turn in (a_turn(1), a_turn(2), a_turn(1), a_turn(3, key=other)):
        queue.send(turn)
    messages = received(sqs, url)
    groups = {decode(m["Body"]).request_id: m["Attributes"]["MessageGroupId"] for m in messages}
    assert sorted(groups) == [a_turn(number).request_id for number in (1, 2, 3)]
    first, second, third = (groups[a_turn(number).request_id] for number in (1, 2, 3))
    assert first == second != third


def test_a_request_that_was_taken_in_anew_goes_in_within_five_minutes_too(
    sqs: Any, url: str, logger: Logger
) -> None:
    """As one whose session was forgotten is: SQS would go on dropping it."""
    queue = SqsTurnQueue(sqs, url, logger)
    for accepted in (1000, 1001, 1001):
        queue.send(a_turn(1, accepted=accepted))
    assert [decode(m["Body"]).accepted for m in received(sqs, url)] == [1000, 1001]


def test_the_same_request_id_of_another_session_or_owner_goes_in(sqs: Any, url: str, logger: Logger) -> None:
    queue = SqsTurnQueue(sqs, url, logger)
    for key in (KEY, replace(KEY, name="cooking"), replace(KEY, owner="eve")):
        queue.send(a_turn(1, key=key))
    messages = received(sqs, url)
    assert len(messages) == len({m["Attributes"]["MessageGroupId"] for m in messages}) == 3


@pytest.mark.parametrize("owner", ["a" * 256, "Ünal 中😀", "a/b c", 'x"', "ada@example.org"])
def test_owners_of_every_kind(sqs: Any, url: str, logger: Logger, owner: str) -> None:
    turn = a_turn(1, "é中😀\x01", key=SessionKey(owner, "n" * 128))
    SqsTurnQueue(sqs, url, logger).send(turn)
    (message,) = received(sqs, url)
    assert decode(message["Body"]) == turn
    attributes = message["Attributes"]
    assert max(len(attributes["MessageGroupId"]), len(attributes["MessageDeduplicationId"])) <= 128


def test_the_longest_message_fits_the_queue() -> None:
    frame = {"message": "\x00" * 21_000}
    assert len(json.dumps(frame)) <= 131_072
    assert len(encode(a_turn(1, frame["message"])).encode()) < 256 * 1024


class Visibility:
    """An SQS client that notes for how long a message is hidden."""

    def __init__(self) -> None:
        self.hidden: list[int] = []
        self.changed = threading.Condition()
        self.failure: Exception | None = None

    def change_message_visibility(self, *, VisibilityTimeout: int, **_: str) -> None:  # noqa: N803 - boto3's
        with self.changed:
            self.hidden.append(VisibilityTimeout)
            self.changed.notify_all()
        if self.failure is not None:
            raise self.failure

    def wait_for(self, count: int) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.hidden) >= count, 10)


def test_a_message_is_held_anew_for_as_long_as_it_is_worked_on(
    logger: Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RENEWALS", float("inf"))
    sqs = Visibility()
    with SqsTurnQueue(sqs, "url", logger).hold("receipt"):
        sqs.wait_for(3)
    after = len(sqs.hidden)
    assert set(sqs.hidden) == {HOLD_SECONDS}
    assert not [thread for thread in threading.enumerate() if thread.name == "hold"]
    assert len(sqs.hidden) == after


def test_where_the_work_fails_the_message_shows_up_soon(logger: Logger) -> None:
    sqs = Visibility()
    queue = SqsTurnQueue(sqs, "url", logger)

    def work() -> None:
        with queue.hold("receipt"):
            raise OSError("no table")

    with pytest.raises(OSError, match="no table"):
        work()
    assert sqs.hidden[-1] == RETRY_SECONDS
    assert not [thread for thread in threading.enumerate() if thread.name == "hold"]


def test_a_hold_that_fails_does_not_stop_the_work(logger: Logger) -> None:
    sqs = Visibility()
    sqs.failure = OSError("no queue")
    with SqsTurnQueue(sqs, "url", logger).hold("receipt"):
        sqs.wait_for(1)


def test_a_real_message_is_hidden_and_shows_up_again(sqs: Any, url: str, logger: Logger) -> None:
    queue = SqsTurnQueue(sqs, url, logger)
    queue.send(a_turn())
    (message,) = received(sqs, url)
    with queue.hold(message["ReceiptHandle"]):
        assert received(sqs, url) == []
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
    (again,) = received(sqs, url)
    assert again["Attributes"]["ApproximateReceiveCount"] == "2"


def test_the_work_waits_until_its_message_is_held(logger: Logger) -> None:
    sqs = Visibility()
    with SqsTurnQueue(sqs, "url", logger).hold("receipt"):
        assert sqs.hidden == [HOLD_SECONDS]


def test_the_work_does_not_wait_for_ever(logger: Logger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HELD_WITHIN", 0.01)
    answered = threading.Event()

    class Silent(Visibility):
        def change_message_visibility(self, **_: Any) -> None:
            answered.wait(10)

    with SqsTurnQueue(Silent(), "url", logger).hold("receipt"):
        answered.set()
