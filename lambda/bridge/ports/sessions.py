"""What sessions keep."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from bridge.conversation import Cost, Exchange, Instructions, Session, SessionKey, Usage
from bridge.memory.head import Head
from bridge.memory.summary import Summary

_NO_MEMORY = Head()


@dataclass(frozen=True, slots=True)
class Remembered:
    """A session as a turn finds it: its header, and its exchanges since the window's start.

    ``summary`` is of what came before; ``head`` is that of its owner's memory, where it was asked for.
    """

    session: Session
    exchanges: tuple[Exchange, ...]
    summary: Summary | None = None
    head: Head = _NO_MEMORY


class Sessions(Protocol):
    """The sessions and their exchanges."""

    def load(self, key: SessionKey) -> Remembered:
        """Return the session as the next turn finds it; a new one where none is alive."""

    def instructions(self, session: Session, *, renew: bool = False) -> Instructions | None:
        """Return the session's own instructions, if it has any.

        With ``renew`` they go on being kept for as long as the session that has its next turn now.
        """

    def keep(
        self, exchange: Exchange, after: Session, head: Head = _NO_MEMORY, system: str | None = None
    ) -> Exchange:
        """Name an exchange to its owner's memory, keep it, then its session's header ``after`` it.

        Where the exchange changes its session's instructions, ``system`` are the new ones.
        Returns what is kept of the turn: another delivery of it may have come first, and to another end.
        Raises `TurnTaken` where another turn's exchange has the number; keeping the same one
        twice is no error. Raises `SessionForgotten`, and keeps nothing, where the session was
        forgotten since it was loaded with that ``head`` of its owner's memory.
        """

    def find(self, key: SessionKey) -> Session | None:
        """Return the session's header; None where none is alive."""

    def exchange(self, key: SessionKey, turn: int) -> Exchange | None:
        """Return one exchange; None where there is none, or it is past its time."""

    def newest_first(self, session: Session, newest_turn: int | None, limit: int) -> Iterator[Exchange]:
        """Yield the session's exchanges from ``newest_turn`` (or the last) back to its first.

        ``limit`` is how many the reader is likely to take.
        """

    def of_owner(self, owner: str, before: str | None, limit: int) -> tuple[list[Session], str | None]:
        """Return a page of the owner's living sessions, newest first, and the next page's cursor."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What a call to a model took; ``cost`` is None where the model has no price."""

    usage: Usage
    cost: Cost | None


class Summaries(Protocol):
    """What sessions said before their windows, in short."""

    def keep(self, session: Session, before: Summary | None, summary: Summary, taken: Taken) -> bool:
        """Put a summary in the place of the one ``before``, and count what it took.

        Returns False, and keeps nothing, where the session or its summary is another by now.
        """

    def drop(self, key: SessionKey) -> None:
        """Remove the summary of a session that is no more."""
