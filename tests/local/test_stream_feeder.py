from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from bridge_local import stream_feeder
from bridge_local.stream_feeder import StreamFeeder, StreamSource
from tests.local.fake_emulator import MAPPING, FakeEmulator, Function, change
from tests.local.test_feeder import eventually

Answer = tuple[int, dict[str, str], Any]


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_feeder, "_READ_EVERY_SECONDS", 0.01)
    monkeypatch.setattr(stream_feeder, "_PAUSE_SECONDS", 0.001)


@contextmanager
def feeding(emulator: FakeEmulator) -> Iterator[StreamFeeder]:
    feeder = StreamFeeder(StreamSource(emulator.port, "remember"))
    feeder.start()
    try:
        yield feeder
    finally:
        feeder.stop()


def handed_on(emulator: FakeEmulator) -> list[list[str]]:
    return [[it["dynamodb"]["SequenceNumber"] for it in event["Records"]] for event in emulator.events]


def sessions_of(event: dict[str, Any]) -> list[str]:
    return [it["dynamodb"]["Keys"]["session_id"]["S"] for it in event["Records"]]


def succeeds(_: dict[str, Any]) -> Answer:
    return 200, {}, {"batchItemFailures": []}


def broken(_: dict[str, Any]) -> Answer:
    return 200, {"X-Amz-Function-Error": "Unhandled"}, {"errorMessage": "no"}


def test_what_changed_before_and_after_it_began_is_handed_on_if_it_matters() -> None:
    with FakeEmulator(succeeds) as emulator:
        emulator.changes += [change(1), change(2, seq=1)]
        with feeding(emulator) as feeder:
            eventually(lambda: feeder.followed.done == 1)
            emulator.changes.append(change(3))
            eventually(lambda: feeder.followed.done == 2)
    assert handed_on(emulator) == [["00001"], ["00003"]]
    assert (feeder.followed.given_up, feeder.followed.waiting) == (0, 0)


def test_a_slow_summary_does_not_hold_up_other_sessions_but_its_own() -> None:
    slow, may_end = threading.Event(), threading.Event()

    def function(event: dict[str, Any]) -> Answer:
        if "a/slow" in sessions_of(event):
            slow.set()
            may_end.wait(5)
        return succeeds(event)

    with FakeEmulator(function) as emulator:
        emulator.changes.append(change(1, "a/slow"))
        with feeding(emulator) as feeder:
            assert slow.wait(5)
            emulator.changes += [change(2, "a/slow"), change(3, "a/other"), change(4, "b/other")]
            eventually(lambda: feeder.followed.done == 2)
            assert [it for event in emulator.events[1:] for it in sessions_of(event)] == [
                "a/other",
                "b/other",
            ]
            may_end.set()
            eventually(lambda: feeder.followed.done == 4)


def test_not_more_are_under_way_at_once_than_may_be() -> None:
    may_end, lock = threading.Event(), threading.Lock()
    counts = [0]

    def function(event: dict[str, Any]) -> Answer:
        with lock:
            counts.append(counts[-1] + 1)
        may_end.wait(5)
        with lock:
            counts.append(counts[-1] - 1)
        return succeeds(event)

    with FakeEmulator(function) as emulator, feeding(emulator) as feeder:
        for number in range(6):
            emulator.changes.append(change(number, f"a/{number}"))
            eventually(lambda: feeder.followed.waiting == len(emulator.changes))
        may_end.set()
        eventually(lambda: feeder.followed.done == 6)
    assert max(counts) == stream_feeder.CONCURRENCY


def test_after_a_partial_failure_it_goes_on_at_what_failed() -> None:
    failures = iter([["00002"], []])

    def function(event: dict[str, Any]) -> Answer:
        return 200, {}, {"batchItemFailures": [{"itemIdentifier": it} for it in next(failures)]}

    with FakeEmulator(function) as emulator:
        emulator.changes += [change(1, "a/1"), change(2, "a/2"), change(3, "a/3")]
        with feeding(emulator) as feeder:
            eventually(lambda: feeder.followed.done == 3)
    assert handed_on(emulator) == [["00001", "00002", "00003"], ["00002", "00003"]]


def test_what_always_fails_is_found_by_halving_and_given_up() -> None:
    def function(event: dict[str, Any]) -> Answer:
        return broken(event) if "a/3" in sessions_of(event) else succeeds(event)

    with FakeEmulator(function) as emulator:
        emulator.mappings = [{**MAPPING, "MaximumRetryAttempts": 2}]
        emulator.changes += [change(number, f"a/{number}") for number in range(1, 6)]
        with feeding(emulator) as feeder:
            eventually(lambda: not feeder.followed.waiting and feeder.followed.done == 4)
            assert feeder.followed.given_up == 1
    assert handed_on(emulator).count(["00003"]) == 3


@pytest.mark.parametrize(
    "once",
    [lambda _: (429, {}, {"Reason": "ConcurrentInvocationLimitExceeded"}), lambda _: (500, {}, {})],
    ids=["throttled", "broken"],
)
def test_a_call_that_fails_is_made_again_as_it_was(once: Function) -> None:
    answers = iter([once, succeeds])

    def function(event: dict[str, Any]) -> Answer:
        return next(answers)(event)

    with FakeEmulator(function) as emulator:
        emulator.changes += [change(1, "a/1"), change(2, "a/2")]
        with feeding(emulator) as feeder:
            eventually(lambda: feeder.followed.done == 2)
    assert handed_on(emulator) == [["00001", "00002"]] * 2


def test_an_iterator_that_expired_is_replaced_where_it_stood() -> None:
    with FakeEmulator(succeeds) as emulator:
        emulator.changes.append(change(1))
        with feeding(emulator) as feeder:
            eventually(lambda: feeder.followed.done == 1)
            emulator.refused.add("GetRecords")
            eventually(lambda: len(emulator.iterators) == 2)
            emulator.changes.append(change(2))
            eventually(lambda: feeder.followed.done == 2)
    assert handed_on(emulator) == [["00001"], ["00002"]]
    assert emulator.iterators[1]["SequenceNumber"] == "00001"


def test_where_even_that_is_trimmed_everything_left_is_new() -> None:
    with FakeEmulator(succeeds) as emulator:
        emulator.changes.append(change(1))
        with feeding(emulator) as feeder:
            eventually(lambda: feeder.followed.done == 1)
            emulator.trimmed = 1
            emulator.refused.add("GetRecords")
            emulator.changes.append(change(2))
            eventually(lambda: feeder.followed.done == 2)
    assert handed_on(emulator) == [["00001"], ["00002"]]


def test_stopping_hands_on_what_has_changed_until_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_feeder, "_READ_EVERY_SECONDS", 60)
    with FakeEmulator(succeeds) as emulator, feeding(emulator) as feeder:
        eventually(lambda: emulator.iterators)
        emulator.changes.append(change(1))
        feeder.stop(5)
        assert feeder.followed.done == 1


def test_stopping_does_not_wait_for_a_slow_one_for_ever() -> None:
    may_end = threading.Event()

    def function(event: dict[str, Any]) -> Answer:
        may_end.wait(5)
        return succeeds(event)

    with FakeEmulator(function) as emulator, feeding(emulator) as feeder:
        emulator.changes.append(change(1))
        eventually(lambda: emulator.events)
        feeder.stop(0.1)
        assert feeder.followed.done == 0
        may_end.set()


def test_filters_that_are_not_understood_are_not_passed_over(caplog: pytest.LogCaptureFixture) -> None:
    with FakeEmulator(succeeds) as emulator:
        pattern = '{"eventName": [{"prefix": "RE"}]}'
        emulator.mappings = [{**MAPPING, "FilterCriteria": {"Filters": [{"Pattern": pattern}]}}]
        emulator.changes.append(change(1))
        with feeding(emulator):
            eventually(lambda: "cannot be followed" in caplog.text)
    assert emulator.events == []
