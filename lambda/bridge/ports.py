"""What the domain needs of the world, in the domain's words. `bridge.adapters` gives it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bridge.conversation import Exchange, Session, SessionKey, Turn, Usage
from bridge.memory.prompt import Prompt

Clock = Callable[[], datetime]
"""The time now, aware of its zone."""


@dataclass(frozen=True, slots=True)
class Connection:
    """Who speaks on a connection, and until when (seconds since the epoch; None: no end)."""

    connection_id: str
    owner: str
    expires: int | None


@dataclass(frozen=True, slots=True)
class Remembered:
    """A session as a turn finds it: its header, and its exchanges since the window's start."""

    session: Session
    exchanges: tuple[Exchange, ...]


class Connections(Protocol):
    """The connections that are open."""

    def open(self, connection: Connection) -> None:
        """Record a connection."""

    def find(self, connection_id: str) -> Connection | None:
        """Return who speaks on the connection; None where there is no record of it."""

    def close(self, connection_id: str) -> None:
        """Forget the connection; the conversation stays."""


class Sessions(Protocol):
    """The sessions and their exchanges."""

    def load(self, key: SessionKey) -> Remembered:
        """Return the session as the next turn finds it; a new one where none is alive."""

    def keep(self, exchange: Exchange, after: Session) -> None:
        """Keep an exchange, then its session's header ``after`` it.

        Raises `TurnTaken` where another exchange has the turn's number; keeping the same one
        twice is no error.
        """

    def find(self, key: SessionKey) -> Session | None:
        """Return the session's header; None where none is alive."""

    def newest_first(self, session: Session, newest_turn: int | None, limit: int) -> Iterator[Exchange]:
        """Yield the session's exchanges from ``newest_turn`` (or the last) back to its first.

        ``limit`` is how many the reader is likely to take.
        """

    def of_owner(self, owner: str, before: str | None, limit: int) -> tuple[list[Session], str | None]:
        """Return a page of the owner's living sessions, newest first, and the next page's cursor."""


class TurnQueue(Protocol):
    """The line in which turns wait: one after the other in a session, side by side between them."""

    def send(self, turn: Turn) -> None:
        """Put a turn at the end of its session's line."""


class Intake(Protocol):
    """Takes a turn in once, however often it is sent."""

    def __call__(self, turn: Turn) -> None:
        """Queue the turn unless its request was queued before."""


class Gateway(Protocol):
    """The way to a client."""

    def post(self, connection_id: str, text: str) -> None:
        """Send one frame. Raises `ClientGone` where the connection is closed."""


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of Claude's answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Completed:
    """The end of Claude's answer: why it ended, what it took, and who really answered."""

    stop_reason: str
    usage: Usage
    model: str


class Claude(Protocol):
    """The model."""

    def answer(self, prompt: Prompt, model: str) -> AbstractContextManager[Iterable[Text | Completed]]:
        """Ask; the context yields the answer as it comes, `Completed` at its end.

        Leaving the context closes the call. Raises a `BridgeError`, at entry or while reading.
        """


class Secret(Protocol):
    """A secret's value, which may be rotated while the function runs."""

    def value(self, *, fresh: bool = False) -> str:
        """Return the value, at most five minutes old, or as it is now where ``fresh``.

        Raises `Internal` where it cannot be read.
        """
