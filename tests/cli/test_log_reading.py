"""What is logged is read once, in order, whatever comes late, and is harmless where it is shown."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from bridge_cli.deployed_parts import LogGroup
from bridge_cli.errors import BridgeError, UsageError
from bridge_cli.log_lines import LEVELS, Line, at_least, line_of
from bridge_cli.log_reading import LONGEST_CONNECTION, OVERLAP, Tail, Turn
from bridge_cli.looking_again import LONGEST_PAUSE, again_and_again, moment
from tests.cli.logged import CONNECTION, NOW, REQUEST, text

GROUP = LogGroup("Bridge", "answer", "the-log")


def parsed(message: str, at: datetime = NOW) -> Line | None:
    return line_of(GROUP, {"timestamp": int(at.timestamp() * 1000), "message": message}, "id")


def shown(message: str) -> str:
    line = parsed(message)
    assert line is not None
    return line.shown()


def a_line(number: int, at: float, function: str = "answer", **fields: object) -> Line:
    when = NOW + timedelta(seconds=at)
    return Line(when, when, "Bridge", function, "info", "said", fields, f"event-{number}")


class Arriving:
    """Lines that show up some time after they were written."""

    def __init__(self, lines: Sequence[tuple[Line, float]]) -> None:
        self.lines = lines
        self.now = 0.0
        self.asked: list[tuple[datetime, str, Sequence[str]]] = []

    def read(self, since: datetime, pattern: str = "", functions: Sequence[str] = ()) -> list[Line]:
        self.asked.append((since, pattern, functions))
        return [
            line
            for line, late in self.lines
            if line.stamped >= since - timedelta(milliseconds=1)
            and line.stamped + timedelta(seconds=late) <= NOW + timedelta(seconds=self.now)
            and (not functions or line.function in functions)
            and pattern in json.dumps(dict(line.fields))
        ]


@given(
    st.lists(st.tuples(st.floats(0, 300), st.floats(0, OVERLAP.total_seconds())), max_size=40),
    st.lists(st.floats(0.1, 40), max_size=20),
)
def test_whoever_follows_is_told_every_line_once(
    written: list[tuple[float, float]], pauses: list[float]
) -> None:
    lines = [(a_line(number, at), late) for number, (at, late) in enumerate(written)]
    source = Arriving(lines)
    tail = Tail(source, NOW)
    told = []
    for pause in [*pauses, 1000]:
        source.now += pause
        looked = tail.look()
        assert looked == sorted(looked, key=lambda line: line.at)
        told += looked
    assert sorted(line.event_id for line in told) == sorted(line.event_id for line, _ in lines)


@given(
    st.lists(
        st.tuples(st.floats(0, 100), st.floats(0, 20), st.sampled_from(["message", "answer", "remember"])),
        max_size=12,
    ),
    st.lists(st.floats(0.1, 40), max_size=10),
)
def test_whoever_follows_a_turn_is_told_every_line_of_it_once_and_its_connections(
    written: list[tuple[float, float, str]], pauses: list[float]
) -> None:
    opened = a_line(-1, -7000, "connect", connection_id=CONNECTION)
    received = a_line(-2, 0, "message", connection_id=CONNECTION, correlation_id=REQUEST)
    closed = a_line(-3, 90, "disconnect", connection_id=CONNECTION)
    other = a_line(-4, 1, "connect", connection_id="another")
    own = [
        (a_line(number, at, function, correlation_id=REQUEST), late)
        for number, (at, late, function) in enumerate(written)
    ]
    source = Arriving([(opened, 0), (received, 0), (closed, 0), (other, 0), *own])
    turn = Turn(source, REQUEST, NOW - timedelta(seconds=1))
    told = []
    for pause in [*pauses, 1000]:
        source.now += pause
        told += turn.look()
    expected = [opened, received, closed, *(line for line, _ in own)]
    assert sorted(line.event_id for line in told) == sorted(line.event_id for line in expected)
    assert turn.found


def test_a_connection_is_looked_for_as_long_as_it_may_have_been_open() -> None:
    source = Arriving([(a_line(1, 0, "message", connection_id=CONNECTION, correlation_id=REQUEST), 0)])
    Turn(source, REQUEST, NOW).look()
    assert source.asked[-1] == (NOW - LONGEST_CONNECTION, CONNECTION, ("connect", "disconnect"))


class Throttled(Arriving):
    """Lines that CloudWatch does not show where they are asked for some pattern for the first time."""

    refused = CONNECTION

    def read(self, since: datetime, pattern: str = "", functions: Sequence[str] = ()) -> list[Line]:
        lines = super().read(since, pattern, functions)
        if pattern == self.refused:
            self.refused = ""
            raise ConnectionError
        return lines


@pytest.mark.parametrize(("shortest", "longest", "most"), [(1, 2, LONGEST_PAUSE), (2880, 4320, 4320)])
def test_pauses_grow_while_aws_does_not_answer_and_are_never_shorter_than_asked_for(
    monkeypatch: pytest.MonkeyPatch, shortest: float, longest: float, most: float
) -> None:
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 2000:
            raise KeyboardInterrupt

    def look() -> None:
        if pauses:
            throttled = ClientError({"Error": {"Code": "ThrottlingException"}}, "FilterLogEvents")
            raise BridgeError("throttled") from throttled

    monkeypatch.setattr(time, "sleep", pause)
    monkeypatch.setattr("bridge_cli.looking_again.notice", lambda _: None)
    again_and_again(look, shortest, longest)
    assert shortest <= pauses[0] <= longest
    assert min(pauses) >= shortest
    assert max(pauses) <= most
    assert pauses[-1] >= min(most, 30)


@pytest.mark.parametrize("refused", [CONNECTION, REQUEST])
def test_a_look_that_failed_midway_loses_no_connection(refused: str) -> None:
    opened = a_line(1, -7000, "connect", connection_id=CONNECTION)
    fields = {"connection_id": CONNECTION, "correlation_id": REQUEST}
    received = a_line(2, 0, "message", **fields)
    answered = a_line(3, 60, "answer", claude_request_id="req_7", **fields)
    source = Throttled([(opened, 0), (received, 0), (answered, 0)])
    source.now, source.refused = 100, refused
    turn = Turn(source, "req_7", NOW)
    with pytest.raises(ConnectionError):
        turn.look()
    assert turn.look() == [opened, received, answered]


@given(st.text(), st.text(), st.text())
def test_whatever_was_logged_cannot_steer_the_terminal(message: str, value: str, trace: str) -> None:
    for told in (
        shown(text(message, note=value, exception=trace)),
        shown(message),
    ):
        assert not any((ord(each) < 32 and each != "\n") or 127 <= ord(each) < 160 for each in told)


def test_a_line_shows_what_matters_of_it() -> None:
    told = shown(
        text(
            "turn answered",
            level="WARNING",
            turn=3,
            code=None,
            usage={"input_tokens": 7, "output_tokens": 0},
            note="two words",
            correlation_id=REQUEST,
            function_arn="arn:x",
            dollars={"input": 0.0000021},
        )
    )
    assert told.split("  ", 1)[1] == (
        "answer     WARNING  turn answered  turn=3  usage=(input_tokens=7)  "
        f'note="two words"  dollars=(input=0.000002)  correlation_id={REQUEST}'
    )


def test_a_trace_stands_below_its_line() -> None:
    told = shown(text("broken", level="ERROR", exception="Traceback:\n  File x\nValueError: no")).splitlines()
    assert told[1:] == ["    Traceback:", "      File x", "    ValueError: no"]


def test_a_line_bears_its_own_time() -> None:
    line = parsed(text("early", NOW - timedelta(seconds=5)), NOW)
    assert line is not None
    assert (line.at, line.stamped) == (NOW - timedelta(seconds=5), NOW)


@pytest.mark.parametrize(
    ("message", "level"),
    [
        ("START RequestId: 1 Version: $LATEST", "debug"),
        ("REPORT RequestId: 1\tDuration: 3 ms\tInit Duration: 321.00 ms", "debug"),
        ("REPORT RequestId: 1\tDuration: 900000.00 ms\tStatus: timeout", "error"),
        ("2026-11-23T05:34:41.123Z 1 Task timed out after 900.00 seconds", "error"),
        ("RequestId: 1 Error: Runtime exited with error: signal: killed", "error"),
        ("[ERROR] Runtime.ImportModuleError: Unable to import module\rTraceback", "error"),
        ("[WARNING] 2026 something", "warning"),
        ('{"time":"2026","type":"platform.report","record":{"status":"success"}}', "debug"),
        ('{"level":"FATAL","message":"?"}', "info"),
        ("printed by a library", "info"),
        ("{not json", "info"),
        ("", "info"),
        ("[" * 5000, "info"),
    ],
)
def test_lines_that_the_logger_did_not_write_have_a_level_too(message: str, level: str) -> None:
    line = parsed(message)
    assert line is not None
    assert line.level == level
    assert at_least(line, level)
    graver = LEVELS[LEVELS.index(level) + 1 :]
    assert not any(at_least(line, each) for each in graver)


def test_metrics_are_no_lines() -> None:
    assert parsed('{"_aws":{"Timestamp":1},"Turns":[1.0]}') is None


@pytest.mark.parametrize(
    ("since", "seconds"), [("90s", 90), ("15m", 900), (" 2H ", 7200), ("1d", 86400), ("0s", 0)]
)
def test_a_span_is_before_now(since: str, seconds: int) -> None:
    assert moment(since, NOW) == NOW - timedelta(seconds=seconds)


def test_a_time_may_be_named() -> None:
    assert moment("2026-11-23T14:05:00+01:00", NOW) == datetime(2026, 11, 23, 13, 5, tzinfo=UTC)
    assert moment("2026-11-23", NOW) == datetime(2026, 11, 23).astimezone(UTC)


@pytest.mark.parametrize("since", ["", "soon", "15", "-5m", "1w", "999999d", "5m5s", "9999-99-99"])
def test_what_is_no_time_is_told(since: str) -> None:
    with pytest.raises(UsageError, match="is no time"):
        moment(since, NOW)


def test_the_beginning_of_an_id_finds_its_turn_and_no_line_that_holds_it_elsewhere() -> None:
    short = REQUEST[:8]
    received = a_line(1, 0, "message", connection_id=CONNECTION, correlation_id=REQUEST)
    taken_in = a_line(2, 0, "remember", request_ids=["another", REQUEST])
    stray = a_line(3, 0, "answer", function_arn=f"arn:aws:lambda:eu-west-1:0{short}000:function:x")
    turn = Turn(Arriving([(line, 0) for line in (received, taken_in, stray)]), short, NOW)
    assert [line.event_id for line in turn.look()] == [received.event_id, taken_in.event_id]
