"""A turn's way: taken in, queued, begun, told."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Protocol

from bridge.conversation import Turn


class DeadLetters(Protocol):
    """The turns that could not even be recorded as failed."""

    def take_out(self, owner: str, session: str | None, before: Callable[[Collection[str]], None]) -> None:
        """Remove the turns of a session, or without one those of all the owner's.

        ``before`` is called with the requests of turns that are about to be removed.
        """


class TurnQueue(Protocol):
    """The line in which turns wait: one after the other in a session, side by side between them."""

    def send(self, turn: Turn) -> None:
        """Put a turn at the end of its session's line."""


class Intake(Protocol):
    """Takes a turn in once, however often it is sent."""

    def __call__(self, turn: Turn) -> None:
        """Queue the turn unless its request was queued before."""

    def session_of(self, owner: str, request_id: str) -> str | None:
        """Return the session of a request that was taken in; None of one that never was, or long ago."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How far the turn of a request is, and what was asked of it since it was accepted.

    ``turn`` is its number once it has ended, ``lengths`` are those of the deltas in which its answer was
    told, in characters; ``number`` is what it was to be when it began. ``connection_id`` is where its
    answer goes now, from the delta after ``last_seq`` on, if it was resumed (``resumes`` times);
    ``cancelled_by`` the connection that ended it. ``reserved`` tokens of a ``day`` are set aside for it.
    """

    began: bool = False
    number: int | None = None
    turn: int | None = None
    lengths: tuple[int, ...] = ()
    connection_id: str | None = None
    last_seq: int = 0
    resumes: int = 0
    cancelled_by: str | None = None
    reserved: int = 0
    day: str | None = None


class Requests(Protocol):
    """The records of the requests that were taken in."""

    def release(self, turn: Turn) -> bool:
        """Forget that a turn's request was taken in.

        Returns False, and forgets nothing, where it was sent again as a new one since.
        """


class Turns(Protocol):
    """How far the turns are whose requests were accepted lately."""

    def begin(self, turn: Turn, tokens: int, number: int) -> tuple[Standing, bool]:
        """Mark a turn as begun, once; return its standing, and whether nobody had begun it before.

        ``number`` is that under which its exchange is going to be kept. About so many ``tokens`` are set
        aside for it. Raises `QuotaExceeded`, and marks nothing, where its owner has used up the day's.
        """

    def look(self, turn: Turn) -> Standing:
        """Return a turn's standing, which may lag behind by a moment."""

    def end(
        self, turn: Turn, standing: Standing, number: int, lengths: tuple[int, ...], spent: int
    ) -> Standing:
        """Mark a turn as ended, once, and count the tokens that it took; return its standing."""

    def drop(self, owner: str, request_id: str) -> None:
        """Forget a turn."""

    def resume(self, owner: str, request_id: str, connection_id: str, last_seq: int) -> Standing:
        """Have a turn's answer go to another connection; return its standing."""

    def cancel(self, owner: str, request_id: str, connection_id: str) -> Standing:
        """Have a turn end; return its standing."""


class Gateway(Protocol):
    """The way to a client."""

    def post(self, connection_id: str, text: str) -> None:
        """Send one frame. Raises `ClientGone` where the connection is closed."""
