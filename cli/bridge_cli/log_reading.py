"""Reading a bridge's logs: all functions' lines in the order of time, and what comes after them, once each.

CloudWatch shows a line some seconds after it was written, and lines of different functions in any order. So
whoever follows asks again for the last `OVERLAP` seconds with every look, and leaves out what is known.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from bridge_cli.aws import code_of, in_words
from bridge_cli.deployed_parts import LogGroup
from bridge_cli.log_lines import Line, line_of

OVERLAP = timedelta(seconds=30)
"""How long after others that were written with it a line may show up, and still be told."""

LONGEST_CONNECTION = timedelta(hours=2, minutes=10)
"""How long before a turn its connection may have been opened: API Gateway ends one after two hours."""

_ROUNDING = timedelta(seconds=1)
"""More than the moment may lose that CloudWatch is asked by: it counts milliseconds."""

_NEEDS = "It takes logs:FilterLogEvents on it."
_GONE = "ResourceNotFoundException"


class Source(Protocol):
    """Where lines come from."""

    def read(self, since: datetime, pattern: str = "", functions: Sequence[str] = ()) -> list[Line]:
        """Return the lines since a moment, in no order; those of some functions, that contain a text."""


class CloudWatch:
    """The lines of log groups; `client` is CloudWatch Logs'.

    `gone` collects the groups that are not there: whose lines nobody can read any more.
    """

    def __init__(self, client: Any, groups: Sequence[LogGroup]) -> None:
        self._client = client
        self._groups = groups
        self.gone: set[LogGroup] = set()

    def read(self, since: datetime, pattern: str = "", functions: Sequence[str] = ()) -> list[Line]:
        """Return the lines since a moment. Raises NotConfigured where CloudWatch does not show them."""
        wanted = [group for group in self._groups if not functions or group.function in functions]
        return [line for group in wanted for line in self._lines(group, since, pattern)]

    def _lines(self, group: LogGroup, since: datetime, pattern: str) -> Iterator[Line]:
        named: Counter[tuple[object, ...]] = Counter()
        for event in self._events(group, since, pattern):
            alike = (event.get("logStreamName"), event["timestamp"], event.get("message"))
            named[alike] += 1
            # An emulator gives events no id; two that are alike in one stream are told apart by their order.
            event_id = event.get("eventId") or repr((group.name, *alike, named[alike]))
            if (line := line_of(group, event, event_id)) is not None:
                yield line

    def _events(self, group: LogGroup, since: datetime, pattern: str) -> Iterator[Mapping[str, Any]]:
        import botocore.exceptions

        asked: dict[str, Any] = {
            "logGroupName": group.name,
            "startTime": max(0, int(since.timestamp() * 1000)),
            # In quotes: a phrase as it stands, whatever is in it.
            **({"filterPattern": f'"{pattern}"'} if pattern else {}),
        }
        with in_words(f"the log {group.name}", _NEEDS):
            try:
                for page in self._client.get_paginator("filter_log_events").paginate(**asked):
                    yield from page["events"]
            except botocore.exceptions.ClientError as error:
                if code_of(error) != _GONE:
                    raise
                self.gone.add(group)


def in_time(lines: Iterable[Line]) -> list[Line]:
    """Return lines in the order of time, each once."""
    once = {line.event_id: line for line in lines}
    return sorted(once.values(), key=lambda line: line.at)


class Tail:
    """The lines since a moment, and with every further look those that are new."""

    def __init__(self, source: Source, since: datetime) -> None:
        self._source = source
        self._since = since
        self._seen: dict[str, datetime] = {}
        self.found = False

    def look(self) -> list[Line]:
        """Return what was not there at an earlier look, in the order of time."""
        lines = in_time(self._source.read(self._since))
        fresh = [line for line in lines if line.event_id not in self._seen]
        self.found = self.found or bool(lines)
        self._seen |= {line.event_id: line.stamped for line in fresh}
        self._since = max([self._since, *(line.stamped - OVERLAP for line in lines)])
        forgotten = self._since - _ROUNDING
        self._seen = {key: stamped for key, stamped in self._seen.items() if stamped >= forgotten}
        return fresh


class Turn:
    """One turn's lines in all functions, with those of the connections that it was spoken on.

    It is named by its own request's id, or by that of its call to Claude.
    """

    def __init__(self, source: Source, request_id: str, since: datetime) -> None:
        self._source = source
        self._begin = self._since = since
        self._ids = {request_id}
        self._connections: set[str] = set()
        self._seen: set[str] = set()
        self.found = False

    def look(self) -> list[Line]:
        """Return what was not there at an earlier look, in the order of time."""
        own = [line for known in self._ids for line in self._of(known, self._since)]
        for request_id in {line.request_id for line in own if line.request_id} - self._ids:
            own += self._of(request_id, self._begin)
            self._ids.add(request_id)  # once it was read: a look that fails is said again
        lines = list(own)
        for connection in self._connections:
            lines += self._opened_and_closed(connection, self._since)
        for connection in {line.connection_id for line in own if line.connection_id} - self._connections:
            lines += self._opened_and_closed(connection, self._begin - LONGEST_CONNECTION)
            self._connections.add(connection)
        self.found = self.found or bool(own)
        fresh = [line for line in in_time(lines) if line.event_id not in self._seen]
        self._seen |= {line.event_id for line in fresh}
        self._since = max([self._since, *(line.stamped - OVERLAP for line in own)])
        return fresh

    def _of(self, request_id: str, since: datetime) -> list[Line]:
        """Read a request's lines: its id may stand in others', too, a short one in any account's number."""
        return [line for line in self._source.read(since, request_id) if line.is_of(request_id)]

    def _opened_and_closed(self, connection_id: str, since: datetime) -> list[Line]:
        return self._source.read(since, connection_id, ("connect", "disconnect"))
