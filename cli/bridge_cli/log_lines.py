"""What a function logged, event by event: parsed from CloudWatch's text, and shown on a line. Pure."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bridge_cli.deployed_parts import LogGroup
from bridge_cli.terminal import harmless

LEVELS = ("debug", "info", "warning", "error", "critical")
"""How grave a line may be, least first. What Lambda itself tells of each invocation counts as `debug`."""

_PLATFORM = re.compile(r"(START|END|REPORT|INIT_START|INIT_REPORT|RESTORE_START|RESTORE_REPORT|EXTENSION)\b")
_GRAVE = re.compile(r"Task timed out after |Runtime exited|Runtime\.ExitError|\bStatus: (?:timeout|error)\b")
_RUNTIMES = re.compile(r"\[(DEBUG|INFO|WARNING|ERROR|CRITICAL)\]\s*")

# Of each line the same, or shown in a place of their own.
_UNSHOWN = {
    *(
        "level",
        "message",
        "timestamp",
        "location",
        "service",
        "xray_trace_id",
        "exception_name",
        "sampling_rate",
    ),
    *("function_name", "function_memory_size", "function_arn", "function_request_id", "exception"),
    "stack_trace",
}
_LAST = ("connection_id", "correlation_id", "request_ids")


@dataclass(frozen=True)
class Line:
    """One line of a log.

    It was written ``at`` a moment, and ``stamped`` by CloudWatch with the one by which it is found.
    ``fields`` is what it says besides its message; ``event_id`` is one of its own.
    """

    at: datetime
    stamped: datetime
    bridge: str
    function: str
    level: str
    message: str
    fields: Mapping[str, Any]
    event_id: str

    @property
    def request_id(self) -> str | None:
        """The request that the line belongs to, where it belongs to one alone."""
        told = self.fields.get("correlation_id")
        return told if isinstance(told, str) else None

    def is_of(self, request_id: str) -> bool:
        """Tell whether the line tells of a request, by its id, Claude's for it, or either's beginning."""
        told = (self.fields.get(name) for name in ("correlation_id", "claude_request_id"))
        lists = (self.fields.get(name) or () for name in ("request_ids", "claude_request_ids"))
        return any(str(one).startswith(request_id) for one in (*told, *itertools.chain(*lists)) if one)

    @property
    def connection_id(self) -> str | None:
        """The connection that the line tells of."""
        told = self.fields.get("connection_id")
        return told if isinstance(told, str) else None

    def as_json(self) -> dict[str, Any]:
        """Return what `--json` prints of it."""
        return {
            "time": self.at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "bridge": self.bridge,
            "function": self.function,
            "level": self.level,
            "message": self.message,
            "fields": dict(self.fields),
        }

    def shown(self) -> str:
        """Return it for a person: this machine's time, and no control characters; errors' traces below it."""
        at = self.at.astimezone().strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
        first, *more = self.message.splitlines() or [""]
        shown = [f"{at}  {self.function:<10} {self.level.upper():<8} {first}"]
        ordered = sorted(self.fields, key=lambda name: (_LAST.index(name) + 1) if name in _LAST else 0)
        shown += [f"{name}={_told(self.fields[name])}" for name in ordered if self._matters(name)]
        trace = self.fields.get("exception")
        below = [*more, *(trace.splitlines() if isinstance(trace, str) else [])]
        return "\n".join([_one_line("  ".join(shown)), *(f"    {_one_line(line)}" for line in below)])

    def _matters(self, name: str) -> bool:
        value = self.fields[name]
        return name not in _UNSHOWN and value is not None and value is not False and value not in ("", [], {})


def line_of(group: LogGroup, event: Mapping[str, Any], event_id: str) -> Line | None:
    """Return what an event of a log group says; None where it is no line but a function's metrics."""
    text = str(event.get("message", "")).strip("\r\n")
    at = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
    told = _object(text)
    if told is None:
        return Line(at, at, group.bridge, group.function, *_plain(text), {}, event_id)
    if "_aws" in told:
        return None
    if str(told.get("type", "")).startswith("platform."):  # where the functions' log format is JSON
        return Line(at, at, group.bridge, group.function, "debug", str(told["type"]), _record(told), event_id)
    level = str(told.get("level", "info")).lower()
    return Line(
        at=_own_time(told.get("timestamp")) or at,
        stamped=at,
        bridge=group.bridge,
        function=group.function,
        level=level if level in LEVELS else "info",
        message=str(told.get("message", "")),
        fields={name: value for name, value in told.items() if name not in ("level", "message", "timestamp")},
        event_id=event_id,
    )


def at_least(line: Line, level: str) -> bool:
    """Tell whether a line is as grave as a level, or graver."""
    return LEVELS.index(line.level) >= LEVELS.index(level)


def _object(text: str) -> dict[str, Any] | None:
    if not text.startswith("{"):
        return None
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return told if isinstance(told, dict) else None


def _record(told: Mapping[str, Any]) -> Mapping[str, Any]:
    record = told.get("record")
    return record if isinstance(record, dict) else {}


def _plain(text: str) -> tuple[str, str]:
    """Return the level of a line that the functions' logger did not write, and what it says."""
    text = text.replace("\r", "\n")
    if _GRAVE.search(text):
        return "error", text
    if _PLATFORM.match(text):
        return "debug", text
    if runtimes := _RUNTIMES.match(text):
        return runtimes[1].lower(), text[runtimes.end() :]
    return "info", text


def _own_time(told: object) -> datetime | None:
    """Return the time that the logger wrote: an emulator stamps all lines of an invocation with its end."""
    try:
        return datetime.strptime(str(told), "%Y-%m-%d %H:%M:%S,%f%z")
    except ValueError:
        return None


def _told(value: object) -> str:
    if isinstance(value, dict):
        inner = " ".join(f"{name}={_told(one)}" for name, one in value.items() if one)
        return f"({inner})"
    if isinstance(value, list):
        return ",".join(map(_told, value))
    if isinstance(value, float):
        return f"{value:.6f}".rstrip("0").rstrip(".")
    text = value if isinstance(value, str) else json.dumps(value)
    return json.dumps(text, ensure_ascii=False) if re.search(r"[\s=()]", text) else text


def _one_line(text: str) -> str:
    return harmless(text).replace("\n", " ").replace("\t", " ")
