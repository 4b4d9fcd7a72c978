from __future__ import annotations

import json
from typing import Any

import pytest

from bridge_local import changes
from bridge_local.changes import UnknownRule
from tests.infrastructure.conftest import synthesize
from tests.local.fake_emulator import MAPPING, STREAM_ARN, change


def of(*patterns: dict[str, Any]) -> changes.Following:
    filters = [{"Pattern": json.dumps(pattern)} for pattern in patterns]
    found = changes.following([{**MAPPING, "FilterCriteria": {"Filters": filters}}])
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("seq", "name", "wanted"),
    [
        (0, "INSERT", True),
        (0, "MODIFY", True),
        (0, "REMOVE", True),
        (1, "INSERT", False),
        (1, "MODIFY", False),
        (1, "REMOVE", True),
        (17, "REMOVE", True),
        (-1, "INSERT", False),
        (-1, "REMOVE", False),
    ],
)
def test_the_templates_filters_are_understood(seq: int, name: str, wanted: bool) -> None:
    """The very filters that Lambda applies in AWS."""
    mapping = synthesize("local").one("Lambda::EventSourceMapping", "Functions/Remember")
    found = changes.following([{**mapping, "EventSourceArn": STREAM_ARN}])
    assert found is not None
    assert found.wants(change(1, seq=seq, name=name)) is wanted


def test_the_mapping_says_what_is_followed_and_how() -> None:
    queue = {"EventSourceArn": "arn:aws:sqs:us-east-1:000000000000:turns.fifo", "BatchSize": 1}
    found = changes.following([queue, MAPPING])
    assert found is not None
    assert (found.stream_arn, found.batch_size, found.retries) == (STREAM_ARN, 100, 5)
    assert changes.following([queue]) is None


def test_without_filters_every_change_is_wanted() -> None:
    assert of().wants(change(1, seq=9))


def test_what_is_not_there_matches_nothing() -> None:
    assert not of({"userIdentity": {"type": ["Service"]}}).wants(change(1))
    assert not of({"dynamodb": {"NewImage": {"seq": [{"anything-but": ["0"]}]}}}).wants(change(1))
    assert not of({"eventName": {"deeper": ["x"]}}).wants(change(1))


def test_a_rule_that_is_not_known_here_is_refused_and_not_ignored() -> None:
    with pytest.raises(UnknownRule, match="prefix"):
        of({"eventName": [{"prefix": "RE"}]})


def test_the_event_is_that_of_lambdas_pollers() -> None:
    event = of().event([change(1), change(2)])
    assert event == {"Records": [{**change(n), "eventSourceARN": STREAM_ARN} for n in (1, 2)]}


BATCH = [change(1), change(2), change(3)]


@pytest.mark.parametrize(
    ("failed", "done"),
    [([], 3), (["00001"], 0), (["00003"], 2), (["00003", "00002"], 1), (["elsewhere"], 0), ([None], 0)],
)
def test_a_batch_begins_anew_at_the_first_that_failed(failed: list[str], done: int) -> None:
    returned = {"batchItemFailures": [{"itemIdentifier": it} for it in failed]}
    assert changes.done(BATCH, returned) == done


@pytest.mark.parametrize("returned", [None, {}, "text", [], {"batchItemFailures": None}])
def test_no_failures_are_no_failures(returned: object) -> None:
    assert changes.done(BATCH, returned) == 3
