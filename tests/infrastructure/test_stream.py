"""How the remember function hears of what changed, and of how little."""

import json

import pytest

from tests.infrastructure.conftest import Json, Synthesized, synthesize


def _mapping(stack: Synthesized) -> Json:
    return stack.one("Lambda::EventSourceMapping", "Functions/Remember")


def test_the_sessions_tables_stream_is_followed_from_its_beginning(prod: Synthesized) -> None:
    mapping = _mapping(prod)
    table = prod.id_of("DynamoDB::GlobalTable", "Storage/Sessions")
    assert mapping["EventSourceArn"] == {"Fn::GetAtt": [table, "StreamArn"]}
    assert mapping["FunctionName"] == {"Ref": prod.id_of("Lambda::Function", "Functions/Remember")}
    assert mapping["StartingPosition"] == "TRIM_HORIZON"
    assert mapping["Enabled"] is True


def test_it_may_read_the_stream_before_it_is_to_follow_it(prod: Synthesized) -> None:
    """Lambda refuses a mapping whose function cannot read its source; the function waits for its policy."""
    (function,) = (
        it for it in prod.under("Functions/Remember").values() if it["Type"] == "AWS::Lambda::Function"
    )
    assert prod.id_of("IAM::Policy", "Functions/Remember") in function["DependsOn"]


def test_only_headers_and_exchanges_that_expired_wake_it(prod: Synthesized) -> None:
    patterns = [json.loads(it["Pattern"]) for it in _mapping(prod)["FilterCriteria"]["Filters"]]
    assert patterns == [
        {"dynamodb": {"Keys": {"seq": {"N": ["0"]}}}},
        {
            "eventName": ["REMOVE"],
            "dynamodb": {"Keys": {"seq": {"N": [{"anything-but": ["0", "-1", "-2"]}]}}},
        },
    ]


def test_a_change_that_fails_is_tried_again_alone_and_given_up_in_the_end(prod: Synthesized) -> None:
    mapping = _mapping(prod)
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["BisectBatchOnFunctionError"] is True
    assert mapping["MaximumRetryAttempts"] == 5


def test_a_slow_summary_does_not_hold_up_all_others(prod: Synthesized) -> None:
    mapping = _mapping(prod)
    assert mapping["ParallelizationFactor"] == 10
    assert mapping["BatchSize"] == 100
    assert mapping["MaximumBatchingWindowInSeconds"] == 1


@pytest.mark.parametrize("environment", ["dev", "local"])
def test_something_else_may_feed_it(environment: str) -> None:
    assert _mapping(synthesize(environment, poll_stream="false"))["Enabled"] is False
    assert _mapping(synthesize(environment, poll_stream="true"))["Enabled"] is True


def test_the_local_runtime_feeds_it() -> None:
    assert _mapping(synthesize("local"))["Enabled"] is False
