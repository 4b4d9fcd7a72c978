"""The domain: sessions, turns and exchanges, and how one turn changes a session. No I/O.

A session's exchanges are the truth; its header (`Session`) is a running summary of them. The
header may lag behind by an exchange where a function died between two writes: `Session.caught_up`
brings it up to date from the exchanges themselves.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from typing import Literal

TITLE_LENGTH = 80
"""Characters of a session's first message that become its title."""

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")

STOP_REASON_ERROR = "error"
"""The stop reason under which a failed turn is recorded."""

STOP_REASON_CANCELLED = "cancelled"
"""The stop reason of a turn that its owner ended."""

Wire = Literal["bridge", "original"]
"""How the client speaks: the bridge's protocol, or the original's single frame."""

RecallScope = Literal["owner", "session", "off"]
"""What a turn is reminded of: all that its owner said, what its session said, or nothing."""

RECALL_SCOPES: tuple[RecallScope, ...] = ("owner", "session", "off")


def new_session_name(owner: str, request_id: str) -> str:
    """Return a name for a session that its client did not name: ``chat-`` and eight characters.

    A request sent again gets the same name, and so the same place in line.
    """
    return "chat-" + hashlib.sha256(f"{owner}#{request_id}".encode()).hexdigest()[:8]


def format_time(moment: datetime) -> str:
    """Return ``moment`` as the wire and the tables carry it: ISO 8601, UTC, milliseconds, ``Z``."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_time(text: str) -> datetime:
    """Return the moment that `format_time` wrote as ``text``."""
    return datetime.fromisoformat(text)


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as Claude counts them; the first three kinds of input add up to the whole prompt.

    ``cache_creation_1h_input_tokens`` is the part of ``cache_creation_input_tokens`` that was
    written for an hour instead of five minutes.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cache_creation_input_tokens: int = 0
    cache_read_input_tokens: int = 0
    cache_creation_1h_input_tokens: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    @property
    def total(self) -> int:
        """All tokens in and out."""
        return (
            self.input_tokens
            + self.output_tokens
            + self.cache_creation_input_tokens
            + self.cache_read_input_tokens
        )

    def as_dict(self) -> dict[str, int]:
        """Return the counts by kind, under the names of Claude's API."""
        return {f.name: getattr(self, f.name) for f in fields(self)}


@dataclass(frozen=True, slots=True)
class Cost:
    """What tokens cost, in billionths of a dollar, and what they would have without the cache."""

    nanodollars: int = 0
    uncached_nanodollars: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.nanodollars + other.nanodollars, self.uncached_nanodollars + other.uncached_nanodollars
        )


@dataclass(frozen=True, slots=True)
class SessionKey:
    """A session's name within its owner's: another owner's session cannot even be named."""

    owner: str
    name: str

    def __str__(self) -> str:
        return f"{self.owner}/{self.name}"


@dataclass(frozen=True, slots=True)
class Instructions:
    """A session's own system prompt, and the turn that named it."""

    text: str
    turn: int


@dataclass(frozen=True, slots=True)
class Turn:
    """A message that was accepted and waits for its answer.

    ``system`` are its session's own instructions from this turn on: None leaves them as they are, an empty
    text removes them.
    """

    key: SessionKey
    request_id: str
    message: str
    model: str
    connection_id: str
    wire: Wire = "bridge"
    recall: RecallScope = "owner"
    accepted: int = 0
    """When it was accepted, in milliseconds since the epoch."""
    system: str | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a turn has no answer: an error's code and message, as the client was told."""

    code: str
    message: str
    retryable: bool | None = None


@dataclass(frozen=True, slots=True)
class Exchange:
    """One turn as it is kept: what the user said, and what Claude answered or why it did not."""

    turn: int
    first_turn: int
    at: datetime
    request_id: str
    question: str
    answer: str | None
    model: str
    stop_reason: str
    usage: Usage = Usage()
    failure: Failure | None = None
    cost: Cost | None = None
    """None where the model has no price."""
    instructed: bool | None = None
    """Whether its message named instructions for the session (True), or removed them (False)."""

    @property
    def characters(self) -> int:
        """Characters that this exchange takes in the window."""
        return len(self.question) + len(self.answer or "")

    @property
    def context(self) -> list[dict[str, str]]:
        """The exchange as ``{"role", "content"}`` messages, in the order in which they were said."""
        said = [{"role": "user", "content": self.question}]
        if self.answer is not None:
            said.append({"role": "assistant", "content": self.answer})
        return said


@dataclass(frozen=True, slots=True)
class Session:
    """A session's header.

    ``first_turn`` is the number of its first exchange: a name used again after its session
    expired goes on counting, so that what was said before keeps its place. ``window_start`` is
    the first turn that Claude is still told verbatim. ``version`` counts the header's writes; 0
    means that it was never written. What the summary's writing took is counted apart from the turns,
    and by whoever writes it: a turn leaves it as it is. ``instructed`` is the turn that named the session's
    own instructions, which are kept apart; None where it has none.
    """

    key: SessionKey
    first_turn: int
    turns: int
    window_start: int
    version: int
    title: str
    usage: Usage
    last_updated: datetime | None
    cost: Cost = Cost()
    unpriced_turns: int = 0
    summary_usage: Usage = Usage()
    summary_cost: Cost = Cost()
    instructed: int | None = None

    @classmethod
    def begin(cls, key: SessionKey, first_turn: int, version: int = 0) -> Session:
        """Return the header of a session in which nothing was said yet."""
        return cls(key, first_turn, 0, first_turn, version, "", Usage(), None)

    @property
    def last_turn(self) -> int:
        """The number of the newest exchange; one less than ``first_turn`` before the first."""
        return self.first_turn + self.turns - 1

    @property
    def next_turn(self) -> int:
        """The number of the exchange to come."""
        return self.last_turn + 1

    def unsummarized(self, covered: int) -> range:
        """Return the turns that left the window and come after the one up to which a summary covers."""
        return range(max(covered + 1, self.first_turn), self.window_start)

    def after(self, exchange: Exchange) -> Session:
        """Return the header as it is once ``exchange`` was kept."""
        instructed = self.instructed
        if exchange.instructed is not None:
            instructed = exchange.turn if exchange.instructed else None
        return replace(
            self,
            turns=exchange.turn - self.first_turn + 1,
            title=self.title or title_of(exchange.question),
            usage=self.usage + exchange.usage,
            cost=self.cost + (exchange.cost or Cost()),
            unpriced_turns=self.unpriced_turns + (exchange.cost is None and exchange.usage != Usage()),
            last_updated=exchange.at,
            instructed=instructed,
        )

    def caught_up(self, exchanges: Iterable[Exchange]) -> Session:
        """Return the header with every exchange counted in that it does not know of yet."""
        session = self
        for exchange in exchanges:
            if exchange.turn > session.last_turn:
                session = session.after(exchange)
        return session


def title_of(message: str) -> str:
    """Return a session's title: the beginning of its first message, on one line, without controls.

    Controls could not be shown in a list anyway, and each would take six bytes of its frame.
    """
    line = " ".join(_CONTROLS.sub(" ", message).split())
    return line if len(line) <= TITLE_LENGTH else line[: TITLE_LENGTH - 1].rstrip() + "…"
