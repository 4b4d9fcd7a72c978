"""What stands in the tables and the queue, and what ever stood there, for whoever looks on."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from bridge.adapters import items
from bridge.adapters.queue import decode
from bridge.conversation import Exchange, SessionKey, Turn
from bridge.memory.head import EVERYTHING, mark_of
from bridge.memory.refs import milliseconds
from tests.fakes import START, request_id
from tests.simulated.line import Line, Message
from tests.simulated.strands import Clock
from tests.simulated.table import Table
from tests.simulated.told import Asked, Frame

SESSIONS, HASHES = "sessions", "hashes"
DAY = 24 * 3600
ANSWER_SECONDS, MESSAGE_SECONDS = 900, 20
"""The functions' timeouts, as the construct has them; a message is hidden for as long as the first."""

_REQUEST_ID = re.compile(r"00000000-0000-4000-8000-0*(\d+)")


class Facts:
    """The world's state. A request is known by its owner and its number.

    ``queued`` are the turns that were put in line for it, ``places`` where; ``buried`` are the requests
    whose messages ever lay among the dead letters. ``wrongs`` is what no client may ever be told.
    """

    def __init__(self, daily_tokens: int | None) -> None:
        self.daily_tokens = daily_tokens
        self.clock = Clock(START.timestamp())
        self.trace: list[str] = []
        self.wrongs: list[str] = []
        self.table = Table(**{SESSIONS: ("session_id", "seq"), HASHES: ("hash",)})
        self.dead = Line(self.clock, ANSWER_SECONDS)
        self.line = Line(self.clock, ANSWER_SECONDS, self.dead)
        self.line.on_send = self._queued
        self.queued: dict[tuple[str, int], list[Turn]] = {}
        self.places: dict[tuple[str, int], list[int]] = {}
        self.buried: set[int] = set()
        self._forgot: dict[tuple[str, str], int] = {}

    def note(self, line: str) -> None:
        """Write down what happened."""
        short = _REQUEST_ID.sub(r"r\1", line)
        self.trace.append(f"{self.clock() - START.timestamp():.3f} s: {short}")

    def now(self) -> datetime:
        """Return the time as the functions read it."""
        return datetime.fromtimestamp(self.clock(), UTC)

    def exchanges(self, key: SessionKey) -> list[Exchange]:
        """Return what is kept of a session and not forgotten, in the order of its numbers."""
        found = [items.exchange_of(item) for item in self.rows(str(key)) if int(item["seq"]["N"]) > 0]
        forgot = self.forgotten_until(key)
        return sorted((each for each in found if milliseconds(each.at) > forgot), key=lambda each: each.turn)

    def rows(self, partition: str) -> list[items.Item]:
        """Return what is in a partition of the sessions table."""
        return [item for item in self.table.items(SESSIONS) if item["session_id"]["S"] == partition]

    def record(self, asked: Asked) -> dict[str, Any]:
        """Return the record of a turn."""
        rows = self.rows(f"turn#{asked.owner}/{request_id(asked.number)}")
        return items.from_item(rows[0]) if rows else {}

    def forgotten_until(self, key: SessionKey) -> int:
        """Return up to when a session was ever forgotten."""
        for item in self.rows(f"memory#{key.owner}"):
            for tombstone in item.get("forgotten", {}).get("SS", ()):
                mark, _, until = tombstone.rpartition("#")
                known = self._forgot.get((key.owner, mark), -1)
                self._forgot[key.owner, mark] = max(known, int(until))
        marks = (mark_of(key.name), EVERYTHING)
        return max(self._forgot.get((key.owner, mark), -1) for mark in marks)

    def lives(self, asked: Asked) -> list[Turn]:
        """Return the first turn of each time that a request was taken in as a new one.

        It is new again once its session was forgotten, or its record is past its time.
        """
        forgot = self.forgotten_until(SessionKey(asked.owner, asked.session))
        lives: list[Turn] = []
        for turn in self.queued.get((asked.owner, asked.number), ()):
            before = lives[-1].accepted if lives else None
            if before is None or before <= forgot < turn.accepted or turn.accepted > before + DAY * 1000:
                lives.append(turn)
        return lives

    def lasting(self, asked: Asked) -> list[Turn]:
        """Return of those that were not forgotten."""
        forgot = self.forgotten_until(SessionKey(asked.owner, asked.session))
        return [turn for turn in self.lives(asked) if turn.accepted > forgot]

    def kept(self, asked: Asked) -> list[Exchange]:
        """Return what is kept of a request."""
        exchanges = self.exchanges(SessionKey(asked.owner, asked.session))
        return [each for each in exchanges if each.request_id == request_id(asked.number)]

    def unfounded(self, asked: Asked, frame: Frame) -> str | None:
        """Tell whether a turn's last frame says something else than is kept."""
        kept = self.kept(asked)
        if len(kept) != 1:
            return f"told of, but kept {len(kept)} times: {frame}"
        (exchange,) = kept
        if frame["type"] == "error":
            failure = exchange.failure
            same = failure is not None and (frame["code"], frame["message"]) == (
                failure.code,
                failure.message,
            )
            return None if same else f"kept otherwise than told: {exchange} and {frame}"
        if exchange.failure is not None or (
            exchange.turn,
            exchange.stop_reason,
            exchange.usage.as_dict(),
        ) != (
            frame["turn"],
            frame["stop_reason"],
            frame["usage"],
        ):
            return f"kept otherwise than told: {exchange} and {frame}"
        told = None if frame["deltas"] is None else asked.text(frame["deltas"])
        if told is not None and told != (exchange.answer or ""):
            return f"the deltas are {told!r}, kept is {exchange.answer!r}"
        return None

    def _queued(self, message: Message) -> None:
        turn = decode(message.body)
        number = number_of(message.body)
        self.queued.setdefault((turn.key.owner, number), []).append(turn)
        self.placed(message)

    def placed(self, message: Message) -> None:
        """Write down where in line a turn stands."""
        turn = decode(message.body)
        self.places.setdefault((turn.key.owner, number_of(message.body)), []).append(message.place)


def number_of(text: str) -> int:
    """Return the number of the request that a text names, a message's body for example."""
    found = _REQUEST_ID.search(text)
    assert found is not None
    return int(found[1])
