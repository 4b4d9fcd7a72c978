from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from bridge_local.feeder import Feeder, Source, event, failures
from tests.local.fake_emulator import QUEUE_ARN, FakeEmulator, Function, message


def eventually(condition: Callable[[], object], seconds: float = 5) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.005)


def fed(emulator: FakeEmulator) -> Feeder:
    feeder = Feeder(Source(emulator.port, "http://queue", QUEUE_ARN, "answer"))
    feeder.start()
    return feeder


def succeeds(_: dict[str, Any]) -> tuple[int, dict[str, str], Any]:
    return 200, {}, None


def test_the_event_is_that_of_lambdas_pollers() -> None:
    assert event(message(1), QUEUE_ARN) == {
        "Records": [
            {
                "messageId": "id-1",
                "receiptHandle": "receipt-1",
                "body": "body-1",
                "attributes": {"ApproximateReceiveCount": "1", "MessageGroupId": "g", "SentTimestamp": "1"},
                "messageAttributes": {
                    "trace": {
                        "stringValue": "t",
                        "stringListValues": [],
                        "binaryListValues": [],
                        "dataType": "String",
                    }
                },
                "md5OfBody": "md5",
                "md5OfMessageAttributes": "md5a",
                "eventSource": "aws:sqs",
                "eventSourceARN": QUEUE_ARN,
                "awsRegion": "eu-west-1",
            }
        ]
    }


def test_a_message_is_deleted_once_the_function_succeeded() -> None:
    with FakeEmulator(succeeds) as emulator:
        emulator.messages.append(message(1))
        feeder = fed(emulator)
        eventually(lambda: emulator.deleted)
        feeder.stop(1)
    assert emulator.deleted == ["receipt-1"]
    assert [made["Records"][0]["body"] for made in emulator.events] == ["body-1"]
    assert (feeder.fed.succeeded, feeder.fed.failed) == (1, 0)


@pytest.mark.parametrize(
    "function",
    [
        lambda _: (200, {"X-Amz-Function-Error": "Unhandled"}, {"errorMessage": "no"}),
        lambda _: (200, {}, {"batchItemFailures": [{"itemIdentifier": "id-1"}]}),
        lambda _: (429, {}, {"Reason": "ConcurrentInvocationLimitExceeded"}),
        lambda _: (500, {}, {}),
    ],
    ids=["error", "partial failure", "throttled", "broken"],
)
def test_a_message_whose_function_failed_is_left_to_come_again(function: Function) -> None:
    with FakeEmulator(function) as emulator:
        emulator.messages.append(message(1))
        feeder = fed(emulator)
        eventually(lambda: feeder.fed.failed)
        feeder.stop(1)
    assert emulator.deleted == []
    assert len(emulator.events) == 1


def test_slow_answers_do_not_hold_up_others() -> None:
    together = threading.Barrier(12, timeout=5)

    def function(_: dict[str, Any]) -> tuple[int, dict[str, str], Any]:
        together.wait()
        return 200, {}, None

    with FakeEmulator(function) as emulator:
        emulator.messages += [message(number) for number in range(12)]
        feeder = fed(emulator)
        eventually(lambda: len(emulator.deleted) == 12)
        feeder.stop(1)


def test_stopping_waits_for_an_answer_under_way() -> None:
    begun, may_end = threading.Event(), threading.Event()

    def function(_: dict[str, Any]) -> tuple[int, dict[str, str], Any]:
        begun.set()
        may_end.wait(5)
        return 200, {}, None

    with FakeEmulator(function) as emulator:
        emulator.messages.append(message(1))
        feeder = fed(emulator)
        assert begun.wait(5)
        threading.Timer(0.2, may_end.set).start()
        feeder.stop(5)
        assert emulator.deleted == ["receipt-1"]
        assert not feeder.busy


def test_it_goes_on_when_the_emulator_comes_back() -> None:
    with FakeEmulator(succeeds) as emulator:
        port = emulator.port
    feeder = Feeder(Source(port, "http://queue", QUEUE_ARN, "answer"))
    feeder.start()
    time.sleep(0.1)
    feeder.stop(1)
    assert (feeder.fed.succeeded, feeder.fed.failed) == (0, 0)


@pytest.mark.parametrize("returned", [None, {}, "text", [], {"batchItemFailures": None}])
def test_no_failures_are_no_failures(returned: object) -> None:
    assert failures(returned) == []
