"""Dead letters of a session are taken out; what cannot be is not passed over in silence."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import boto3
import pytest
from aws_lambda_powertools import Logger

from bridge.adapters import dead_letters
from bridge.adapters.dead_letters import SqsDeadLetters
from bridge.adapters.queue import SqsTurnQueue
from bridge.conversation import SessionKey, Turn
from tests import aws
from tests.fakes import KEY, a_turn


class Letters:
    """A queue of dead letters, and the requests of those that were about to go."""

    def __init__(self, logger: Logger) -> None:
        self.client = boto3.client("sqs", region_name=aws.REGION)
        self.url = aws.create_queue()
        self.queue = SqsTurnQueue(self.client, self.url, logger)
        self.letters = SqsDeadLetters(self.client, self.url, logger)
        self.going: list[str] = []

    def put(self, *turns: Turn) -> None:
        for turn in turns:
            self.queue.send(turn)

    def take_out(self, session: str | None = KEY.name, owner: str = KEY.owner) -> list[str]:
        def before(request_ids: Collection[str]) -> None:
            assert not set(request_ids) & set(self.going)
            self.going += request_ids

        self.letters.take_out(owner, session, before)
        return sorted(self.going)

    def left(self) -> list[str]:
        """Return what can be received at once, by its text."""
        found = []
        while messages := self.client.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            found += [message["Body"] for message in messages]
        return found


@pytest.fixture
def letters(moto: None, logger: Logger, monkeypatch: pytest.MonkeyPatch) -> Letters:
    monkeypatch.setattr(dead_letters, "WAIT_SECONDS", 0)
    return Letters(logger)


def test_a_sessions_go_and_all_others_lie_there(letters: Letters) -> None:
    others = [
        a_turn(90, key=SessionKey("eve", KEY.name)),
        a_turn(91, key=SessionKey(KEY.owner, "cooking")),
        a_turn(92, key=SessionKey(str(KEY), KEY.name)),
    ]
    mine = [a_turn(number) for number in range(25)]
    letters.put(*mine[:12], *others, *mine[12:])
    assert letters.take_out() == sorted(turn.request_id for turn in mine)
    assert len(letters.left()) == len(others)


def test_an_owners_go_whatever_the_session(letters: Letters) -> None:
    letters.put(*(a_turn(number, key=SessionKey("ada", f"chat-{number}")) for number in range(3)))
    letters.put(a_turn(9, key=SessionKey("eve", "chat-1")))
    assert len(letters.take_out(None)) == 3
    assert len(letters.left()) == 1


@pytest.mark.parametrize("body", ["no JSON", "[]", '{"key": {}}', '{"key": {"owner": "ada"}}'])
def test_what_is_no_turn_lies_there(letters: Letters, body: str) -> None:
    letters.client.send_message(
        QueueUrl=letters.url, MessageBody=body, MessageGroupId="g", MessageDeduplicationId="d"
    )
    letters.put(a_turn())
    assert letters.take_out() == [a_turn().request_id]
    assert letters.left() == [body]


def test_none_is_deleted_whose_request_could_not_be_forgotten(letters: Letters) -> None:
    def fail(_: Collection[str]) -> None:
        raise OSError("no network")

    letters.put(a_turn())
    with pytest.raises(OSError, match="no network"):
        letters.letters.take_out("ada", None, fail)
    hidden = "ApproximateNumberOfMessagesNotVisible"
    told = letters.client.get_queue_attributes(QueueUrl=letters.url, AttributeNames=[hidden])
    assert told["Attributes"][hidden] == "1"


def test_one_that_could_not_be_deleted_is_an_error(letters: Letters, monkeypatch: pytest.MonkeyPatch) -> None:
    failed = {"Failed": [{"Id": "0", "Code": "InternalError", "SenderFault": False}]}
    monkeypatch.setattr(letters.client, "delete_message_batch", lambda **_: failed)
    letters.put(a_turn())
    with pytest.raises(RuntimeError, match="could not be deleted"):
        letters.take_out()


def test_others_that_cannot_be_let_go_do_not_hinder(
    letters: Letters, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**_: Any) -> None:
        raise OSError("no network")

    monkeypatch.setattr(letters.client, "change_message_visibility_batch", fail)
    letters.put(a_turn(1, key=SessionKey("eve", "chat")), a_turn(2))
    assert letters.take_out() == [a_turn(2).request_id]
