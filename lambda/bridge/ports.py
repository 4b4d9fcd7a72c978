"""What the domain needs of the world, in the domain's words. `bridge.adapters` gives it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bridge.conversation import Cost, Exchange, Instructions, Session, SessionKey, Turn, Usage
from bridge.interruption import Interruption
from bridge.memory.head import Head, Segment, Tombstone
from bridge.memory.prompt import Prompt
from bridge.memory.summary import Summary

_NO_MEMORY = Head()

Clock = Callable[[], datetime]
"""The time now, aware of its zone."""


@dataclass(frozen=True, slots=True)
class Connection:
    """Who speaks on a connection, and until when (seconds since the epoch; None: no end).

    ``token_id`` is that of the token with which it was opened, ``issued`` when that was minted (seconds
    since the epoch).
    """

    connection_id: str
    owner: str
    expires: int | None
    token_id: str | None = None
    issued: int = 0

    @property
    def proven(self) -> bool:
        """Whether whoever opened it had to prove who they are; else there is nothing to revoke."""
        return self.expires is not None or self.issued > 0


@dataclass(frozen=True, slots=True)
class Revoked:
    """What an owner revoked: all that was issued ``before`` (seconds since the epoch), ``tokens`` by id."""

    before: float = 0
    tokens: frozenset[str] = frozenset()

    def covers(self, connection: Connection) -> bool:
        """Tell whether what a connection was opened with is revoked."""
        return connection.issued < self.before or connection.token_id in self.tokens


@dataclass(frozen=True, slots=True)
class Remembered:
    """A session as a turn finds it: its header, and its exchanges since the window's start.

    ``summary`` is of what came before; ``head`` is that of its owner's memory, where it was asked for.
    """

    session: Session
    exchanges: tuple[Exchange, ...]
    summary: Summary | None = None
    head: Head = _NO_MEMORY


class Connections(Protocol):
    """The connections that are open."""

    def open(self, connection: Connection) -> None:
        """Record a connection."""

    def find(self, connection_id: str) -> Connection | None:
        """Return who speaks on the connection; None where there is no record of it."""

    def close(self, connection_id: str) -> None:
        """Forget the connection; the conversation stays."""


class Revocations(Protocol):
    """What the owners revoked."""

    def of(self, owner: str, *, fresh: bool = False) -> Revoked:
        """Return what is revoked of an owner's, at most a minute old, or as it is now where ``fresh``.

        Raises whatever comes where it cannot be read: nobody may take that for nothing.
        """


class Rates(Protocol):
    """How many frames the owners send."""

    def count(self, owner: str) -> None:
        """Count a frame. Raises `QuotaExceeded` where it is one too many for this minute."""


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


Pause = Callable[[], None]
"""Called between the parts of a long work; what it raises ends it there."""


def never() -> None:
    """Let the work go on to its end."""


@dataclass(frozen=True, slots=True)
class Erased:
    """How many exchanges were removed, and when the newest was kept (milliseconds since the epoch)."""

    exchanges: int
    newest: int = -1


class Eraser(Protocol):
    """What removes sessions."""

    def erase(self, key: SessionKey, until: int | None = None, pause: Pause = never) -> Erased:
        """Remove everything of a session, with the records of its requests.

        With ``until`` (milliseconds since the epoch) only what was kept up to then is removed.
        """

    def drop(self, owner: str, request_ids: Collection[str]) -> None:
        """Remove the records of requests."""

    def listed(self, owner: str) -> Iterable[str]:
        """Return the owner's sessions that have a header, which may lag behind by a moment."""

    def standing(self, owner: str, refs: Collection[str]) -> Collection[str]:
        """Return the sessions of exchanges' names of which anything is left."""


class DeadLetters(Protocol):
    """The turns that could not even be recorded as failed."""

    def take_out(self, owner: str, session: str | None, before: Callable[[Collection[str]], None]) -> None:
        """Remove the turns of a session, or without one those of all the owner's.

        ``before`` is called with the requests of turns that are about to be removed.
        """


@dataclass(frozen=True, slots=True)
class Rewrite:
    """A change of an owner's memory, made in one step if ``head`` is still as it was read.

    ``segments`` are all that the head names afterwards, ``packed`` the new ones' contents by ``seq``;
    ``settled`` are names that are pending no more, ``finished`` sessions that are forgotten now, and
    ``outdated`` tombstones that nobody needs any more. One that ``sweeps`` removes also segments that
    nobody names.
    """

    head: Head
    segments: tuple[Segment, ...]
    packed: Mapping[int, bytes]
    settled: frozenset[str] = frozenset()
    finished: frozenset[Tombstone] = frozenset()
    outdated: frozenset[Tombstone] = frozenset()
    sweeps: bool = False


class Archive(Protocol):
    """Where the owners' memories are kept."""

    def head(self, owner: str) -> Head:
        """Return the head of an owner's memory, read consistently."""

    def segments(self, owner: str, wanted: Collection[Segment]) -> Mapping[int, bytes]:
        """Return the segments that are there and the owner's own, by ``seq``."""

    def exchanges(self, owner: str, refs: Collection[str]) -> Mapping[str, Exchange]:
        """Return the exchanges that are there and not past their time, by their names."""

    def rewrite(self, owner: str, change: Rewrite) -> bool:
        """Change a memory; return False, and change nothing, where another change came first."""

    def forget(self, owner: str, session: str, until: int | None = None) -> int:
        """Have all that a session said up to a moment left out from the next turn on; return that moment.

        Moments are in milliseconds since the epoch; without one it is now. `EVERYTHING` stands for all
        sessions; its moment is not before the newest exchange that the head names.
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


@dataclass(frozen=True, slots=True)
class Started:
    """The beginning of Claude's answer: what it has taken up to then, and who answers.

    ``request_id`` is the name under which whoever answers knows the call, where it tells one.
    """

    usage: Usage
    model: str
    request_id: str | None = None


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


Piece = Started | Text | Completed
"""What comes of an answer, in this order; it starts again where nothing was said before it broke off."""


class Claude(Protocol):
    """The model."""

    def answer(
        self, prompt: Prompt, model: str, interruption: Interruption
    ) -> AbstractContextManager[Iterable[Piece]]:
        """Ask; the context yields the answer as it comes, `Completed` at its end.

        Leaving the context closes the call. Raises a `BridgeError`, at entry or while reading, and
        `Interrupted` soon after the ``interruption`` was asked for.
        """


class Secret(Protocol):
    """A secret's value, which may be rotated while the function runs."""

    def value(self, *, fresh: bool = False) -> str:
        """Return the value, at most five minutes old, or as it is now where ``fresh``.

        Raises `Internal` where it cannot be read.
        """
