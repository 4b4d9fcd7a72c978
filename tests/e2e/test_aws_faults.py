"""DynamoDB refusing and breaking off three calls in ten: slower, and nothing else."""

from __future__ import annotations

from bench.standin import INSTANT
from tests.chaos.aws_faults import aws_faults
from tests.e2e.deployed import Deployed
from tests.e2e.wire import ENDINGS, Frame

RULES = [
    {
        "service": "dynamodb",
        "probability": 0.2,
        "error": {"code": "ProvisionedThroughputExceededException"},
    },
    {"service": "dynamodb", "probability": 0.125, "reset": True},  # of the 80% that are left
]


def test_three_calls_in_ten_may_fail(bridge: Deployed, session: str) -> None:
    sessions = [f"{session}-{number}" for number in range(4)]
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
    assert [each["type"] for each in endings.values()] == ["answer"] * 4
    assert {each[0]["request_id"]: name for name, each in kept.items() if len(each) == 1} == asked
    told = [each.message for each in bridge.switchboard.asked]
    assert [told.count(f"Hello {name}") for name in sessions] == [1] * 4
    assert failed >= 5
