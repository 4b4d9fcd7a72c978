"""`bridge dead-letters`, against moto's SQS: turns delivered in vain, as the queue sets them aside."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto.sqs.responses import SQSResponse

from bridge.adapters.queue import encode
from bridge.conversation import SessionKey, Turn
from bridge_cli.dead_letters import DeadLetters
from tests.cli import moving_sqs
from tests.cli.conftest import Run
from tests.cli.fake_aws import REGION, STACK, FakeAws
from tests.cli.moving_sqs import Mover

ACCEPTED = 1_764_000_000_123
REQUEST = "00000000-0000-4000-8000-{:012}"


@dataclass
class Queues:
    """The turns' queue and the one for those that are delivered in vain."""

    sqs: Any
    turns: str
    dead: str

    def fail(self, *turns: Turn, body: str | None = None) -> None:
        """Put turns into the line, and deliver them in vain."""
        for number, turn in enumerate(turns):
            self.sqs.send_message(
                QueueUrl=self.turns,
                MessageBody=body or encode(turn),
                MessageGroupId=str(turn.key).replace("/", "-"),
                MessageDeduplicationId=f"{turn.request_id}-{number}",
            )
        while self.waiting(self.turns):
            self.sqs.receive_message(QueueUrl=self.turns, MaxNumberOfMessages=10, VisibilityTimeout=0)

    def waiting(self, url: str) -> int:
        """Return how many a queue shows."""
        name = "ApproximateNumberOfMessages"
        told = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])
        return int(told["Attributes"][name])


@pytest.fixture
def queues(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> Queues:
    monkeypatch.setenv("BRIDGE_STACK", STACK)
    sqs = boto3.client("sqs", region_name=REGION)
    fifo = {"FifoQueue": "true"}
    dead = sqs.create_queue(QueueName="dead.fifo", Attributes=fifo)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    redrive = {"RedrivePolicy": json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 3})}
    turns = sqs.create_queue(QueueName="turns.fifo", Attributes=fifo | redrive)["QueueUrl"]
    aws.stacks[STACK] = {"QueueUrl": turns, "DeadLetterQueueUrl": dead}
    return Queues(sqs, turns, dead)


@pytest.fixture
def mover(monkeypatch: pytest.MonkeyPatch) -> Mover:
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    return moving_sqs.install(monkeypatch)


def turn(number: int, owner: str = "ada", session: str = "plans", **more: Any) -> Turn:
    return Turn(
        key=SessionKey(owner, session),
        request_id=REQUEST.format(number),
        message=f"secret words\nof {owner}",
        model="claude-sonnet-5-5",
        connection_id="c",
        **({"accepted": ACCEPTED} | more),
    )


def listed(run: Run, *arguments: str) -> dict[str, Any]:
    told = run("dead-letters", "list", "--json", *arguments)
    assert told.exit_code == 0, told.output
    return dict(json.loads(told.stdout))


def test_what_stands_there_is_listed_without_what_was_said(queues: Queues, run: Run) -> None:
    queues.fail(turn(1), turn(2, owner="team/bob", accepted=0))
    told = listed(run)
    assert "secret" not in json.dumps(told)
    assert told["more"] == 0
    first, second = sorted(told["dead_letters"], key=lambda one: str(one["owner"]))
    assert first.keys() == {
        "message_id", "owner", "session_id", "request_id", "accepted", "received", "deliveries",
    }  # fmt: skip
    assert (first["owner"], first["session_id"]) == ("ada", "plans")
    assert first["request_id"] == REQUEST.format(1)
    assert first["accepted"] == "2025-11-24T16:00:00.123Z"
    assert first["received"].endswith("Z")
    assert first["deliveries"] == 4  # three in vain, and this look
    assert second["owner"] == "team/bob"
    assert second["accepted"] is None


def test_what_was_said_is_shown_where_it_is_asked_for(queues: Queues, run: Run) -> None:
    queues.fail(turn(1))
    assert listed(run, "--show-text")["dead_letters"][0]["text"] == "secret words\nof ada"
    row = run("dead-letters", "list", "--show-text").stdout.rstrip("\n").split("\t")
    assert row == ["ada", "plans", REQUEST.format(1), "2025-11-24T16:00:00.123Z", "5", "secret words of ada"]
    assert run("dead-letters", "list").stdout.count("\t") == 4


def test_a_look_hides_nothing(queues: Queues, run: Run) -> None:
    queues.fail(*(turn(number, session=f"s{number}") for number in range(12)))
    for _ in range(2):
        assert len(listed(run)["dead_letters"]) == 12
        assert queues.waiting(queues.dead) == 12


def test_a_look_that_breaks_off_hides_nothing_either(
    queues: Queues, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    queues.fail(*(turn(number, session=f"s{number}") for number in range(11)))
    receive, calls = SQSResponse.receive_message, []

    def twice(self: SQSResponse) -> Any:
        calls.append(self)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return receive(self)

    monkeypatch.setattr(SQSResponse, "receive_message", twice)
    assert run("dead-letters", "list").exit_code == 130
    assert queues.waiting(queues.dead) == 11


def test_a_page_of_many(queues: Queues, run: Run) -> None:
    queues.fail(*(turn(number, session=f"s{number}") for number in range(13)))
    told = listed(run, "--limit", "11")
    assert len(told["dead_letters"]) == 11
    assert told["more"] == 2
    assert "about 2 more" in run("dead-letters", "list", "-n", "11").stderr
    assert queues.waiting(queues.dead) == 13


def test_what_a_fifo_queue_does_not_show_is_told_of(
    queues: Queues, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge_cli.dead_letters._PATIENCE", 0)
    queues.fail(*(turn(number) for number in range(12)))
    told = run("dead-letters", "list")
    assert len(told.stdout.splitlines()) == 10
    assert "2 more that SQS does not show" in told.stderr


@pytest.mark.parametrize("body", ["no json", "[]", '{"key": 1, "accepted": "soon", "message": 7}'])
def test_what_is_no_turn_is_listed_all_the_same(queues: Queues, run: Run, body: str) -> None:
    queues.fail(turn(1), body=body)
    [one] = listed(run)["dead_letters"]
    assert one["message_id"]
    assert [one["owner"], one["session_id"], one["request_id"], one["accepted"]] == [None] * 4
    assert run("dead-letters", "list", "--show-text").exit_code == 0


def test_nothing_stands_there(queues: Queues, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge_cli.dead_letters._PATIENCE", 0)
    told = run("dead-letters", "list")
    assert told.exit_code == 0
    assert told.stdout == ""
    assert "No turn" in told.stderr
    moving = run("dead-letters", "redrive")
    assert moving.exit_code == 0


def test_all_is_moved_back_in_line(queues: Queues, run: Run, mover: Mover) -> None:
    queues.fail(*(turn(number) for number in range(5)))
    told = run("dead-letters", "redrive")
    assert told.exit_code == 0, told.output
    assert told.stdout == "Moved 5 back in line.\n"
    assert "2 of about 5 moved" in told.stderr
    assert queues.waiting(queues.dead) == 0
    back = queues.sqs.receive_message(QueueUrl=queues.turns, MaxNumberOfMessages=10)["Messages"]
    assert {json.loads(one["Body"])["request_id"] for one in back} == {REQUEST.format(n) for n in range(5)}


def test_it_need_not_be_waited_for(queues: Queues, run: Run, mover: Mover) -> None:
    queues.fail(turn(1))
    told = run("dead-letters", "redrive", "--no-wait", "--json")
    assert told.exit_code == 0
    assert json.loads(told.stdout) == {"moved": None}
    assert mover.tasks[0]["Status"] == "RUNNING"


def test_an_earlier_move_is_not_taken_for_this_one(queues: Queues, run: Run, mover: Mover) -> None:
    queues.fail(turn(1), turn(2), turn(3))
    assert json.loads(run("dead-letters", "redrive", "--json").stdout) == {"moved": 3}
    queues.fail(turn(4))  # and the others once more
    assert json.loads(run("dead-letters", "redrive", "--json").stdout) == {"moved": 4}


def test_a_move_that_is_under_way_is_told(queues: Queues, run: Run, mover: Mover) -> None:
    queues.fail(turn(1), turn(2), turn(3), turn(4), turn(5))
    run("dead-letters", "redrive", "--no-wait")
    told = run("dead-letters", "redrive")
    assert told.exit_code == 1
    assert "under way already" in told.stderr


def test_somebody_who_was_faster_is_told_of(
    queues: Queues, run: Run, mover: Mover, monkeypatch: pytest.MonkeyPatch
) -> None:
    queues.fail(*(turn(number) for number in range(9)))
    state, sqs = DeadLetters._state, queues.sqs

    def overtaken(self: DeadLetters) -> tuple[str, int, int]:
        told = state(self)
        newest = self._newest_move(told[0])
        assert newest is None
        monkeypatch.setattr(DeadLetters, "_newest_move", late)
        return told

    look, looks = DeadLetters._newest_move, []

    def late(self: DeadLetters, arn: str) -> Any:
        looks.append(arn)
        if len(looks) == 1:
            before = look(self, arn)
            sqs.start_message_move_task(SourceArn=arn)
            return before
        return look(self, arn)

    monkeypatch.setattr(DeadLetters, "_state", overtaken)
    told = run("dead-letters", "redrive")
    assert told.exit_code == 1
    assert "under way already" in told.stderr


@pytest.mark.parametrize(("ending", "reason"), [("FAILED", "AccessDenied"), ("CANCELLED", None)])
def test_a_move_that_ends_early_is_told(
    queues: Queues, run: Run, mover: Mover, ending: str, reason: str | None
) -> None:
    queues.fail(*(turn(number) for number in range(5)))
    mover.ending, mover.reason = ending, reason
    told = run("dead-letters", "redrive")
    assert told.exit_code == 1
    assert f"ended as {ending} after 2 of about 5" in told.stderr
    assert (reason or "") in told.stderr
    assert "sqs:SendMessage" in told.stderr


def test_nothing_to_move_and_what_is_hidden(queues: Queues, run: Run, mover: Mover) -> None:
    assert json.loads(run("dead-letters", "redrive", "--json").stdout) == {"moved": 0}
    queues.fail(turn(1))
    queues.sqs.receive_message(QueueUrl=queues.dead)
    told = run("dead-letters", "redrive")
    assert told.exit_code == 1
    assert "hidden" in told.stderr
    assert mover.tasks == []


def test_whoever_may_not_move_is_told_what_it_takes(queues: Queues, run: Run, mover: Mover) -> None:
    queues.fail(turn(1))
    mover.refuse = "AccessDenied"
    told = run("dead-letters", "redrive")
    assert told.exit_code == 3, told.output
    assert "sqs:StartMessageMoveTask" in told.stderr


def test_an_sqs_that_cannot_move_is_told_of(
    queues: Queues, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    queues.fail(turn(1))

    def unknown(self: DeadLetters, **_: Any) -> Any:
        told = {"Error": {"Code": "InvalidAction", "Message": "The action is not valid for this endpoint."}}
        raise ClientError(told, "ListMessageMoveTasks")

    monkeypatch.setattr(SQSResponse, "list_message_move_tasks", unknown, raising=False)
    monkeypatch.setattr("moto.core.responses.BaseResponse.call_action", unknown)
    monkeypatch.setattr(DeadLetters, "_state", lambda self: ("arn:aws:sqs:eu-central-1:1:dead.fifo", 1, 0))
    told = run("dead-letters", "redrive")
    assert told.exit_code == 1
    assert "MiniStack" in told.stderr
    assert "--show-text" in told.stderr


def test_no_queue_is_known(aws: FakeAws, run: Run) -> None:
    told = run("dead-letters", "list")
    assert told.exit_code == 3
    assert "--queue" in told.stderr
    told = run(
        "dead-letters", "list", "--queue", "https://sqs.eu-central-1.amazonaws.com/123456789012/no.fifo"
    )
    assert told.exit_code == 3
    assert "dead-letter queue" in told.stderr
