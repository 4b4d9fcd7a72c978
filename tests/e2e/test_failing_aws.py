"""AWS failing: DynamoDB in three calls of ten, a queue that takes nothing in."""

from __future__ import annotations

import uuid

from bench.standin import INSTANT
from tests.chaos.aws_faults import aws_faults
from tests.e2e.deployed import Deployed
from tests.e2e.wire import ENDINGS, Frame
from tests.gateway.traps import Trap, failing
from tests.recorder.calls import Call

RULES = [
    {
        "service": "dynamodb",
        "probability": 0.2,
        "error": {"code": "ProvisionedThroughputExceededException"},
    },
    {"service": "dynamodb", "probability": 0.125, "reset": True},  # of the 80% that are left
]


def test_three_calls_in_ten_may_fail(bridge: Deployed, session: str) -> None:
    sessions = [f"{session}-{number}" for number in range(2)]
    with aws_faults(bridge.recorder) as aws, bridge.connect() as wire:
        aws.set(RULES)
        asked = {wire.query(f"Hello {name}", session_id=name, model=INSTANT): name for name in sessions}
        endings: dict[str, Frame] = {}
        while endings.keys() != asked.keys():
            frame = wire.receive()
            if frame["type"] in ENDINGS:
                endings[frame["request_id"]] = frame
        aws.set([])
        kept = {name: wire.history(name)["exchanges"] for name in sessions}
        failed = sum(aws.fired().values())
    assert [each["type"] for each in endings.values()] == ["answer"] * 2
    assert {each[0]["request_id"]: name for name, each in kept.items() if len(each) == 1} == asked
    told = [each.message for each in bridge.switchboard.asked]
    assert [told.count(f"Hello {name}") for name in sessions] == [1] * 2
    assert failed >= 5


def test_what_the_queue_refused_is_taken_in_when_it_is_sent_again(bridge: Deployed, session: str) -> None:
    refusing = Trap[Call](
        lambda call: call.operation == "SendMessage" and call.touches(session),
        failing(400, "InvalidParameterValue"),  # which the SDK does not try again
    )
    bridge.recorder.traps.set(refusing)
    request_id = str(uuid.uuid4())
    frame = {"action": "query", "request_id": request_id, "message": "Hello", "session_id": session}
    with bridge.connect() as wire:
        refused = wire.request(frame)
        assert (refused["code"], refused["retryable"]) == ("internal", True)
        assert wire.history(session)["code"] == "not_found"
        wire.send(frame)
        assert wire.until("answer")[-1]["request_id"] == request_id
