"""The ports in memory: what the domain needs of the world, without a world."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bridge.conversation import Exchange, Instructions, Session, SessionKey, Turn, Usage
from bridge.errors import ClientGone, SessionForgotten, TurnTaken
from bridge.interruption import Interrupted, Interruption
from bridge.memory.head import EVERYTHING, Head, Segment, Tombstone, mark_of
from bridge.memory.prompt import Prompt
from bridge.memory.refs import Ref, milliseconds
from bridge.memory.summary import Summary
from bridge.ports.claude import Completed, Piece, Text
from bridge.ports.memory import Erased, Pause, Rewrite, never
from bridge.ports.sessions import Remembered, Taken
from bridge.ports.speaking import Connection
from bridge.pricing import Prices

START = datetime(2026, 11, 22, 19, 37, 40, 123000, UTC)
KEY = SessionKey("ada", "travel")
MODEL = "claude-sonnet-5-5"
_NO_MEMORY = Head()
PRICES = Prices.parse("claude-sonnet-5-5=2/10,claude-haiku-5-5=0.10/0.50")


def request_id(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


def a_turn(number: int = 1, message: str = "Hello?", **changes: Any) -> Turn:
    turn = Turn(
        key=KEY,
        request_id=request_id(number),
        message=message,
        model=MODEL,
        connection_id=f"connection-{number}",
    )
    return replace(turn, **changes)


def an_exchange(
    turn: int = 1, question: str = "Hello?", answer: str | None = "Hello!", **changes: Any
) -> Exchange:
    exchange = Exchange(
        turn=turn,
        first_turn=1,
        at=START + timedelta(minutes=turn),
        request_id=request_id(turn),
        question=question,
        answer=answer,
        model=MODEL,
        stop_reason="end_turn" if answer is not None else "error",
    )
    return replace(exchange, **changes)


class FakeClock:
    """A time that only moves when it is told to."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **span: float) -> None:
        self.now += timedelta(**span)


class Crash(Exception):
    """The function dies here."""


@dataclass
class MemorySessions:
    """Sessions in two dictionaries; `crash_before_header` kills the function between the two writes."""

    headers: dict[SessionKey, Session] = field(default_factory=dict)
    exchanges: dict[SessionKey, dict[int, Exchange]] = field(default_factory=dict)
    summaries: dict[SessionKey, Summary] = field(default_factory=dict)
    heads: dict[str, Head] = field(default_factory=dict)
    crash_before_header: bool = False
    before_keep: Callable[[], object] | None = None
    instructed: dict[SessionKey, Instructions] = field(default_factory=dict)
    reads: list[str] = field(default_factory=list)

    def instructions(self, session: Session, *, renew: bool = False) -> Instructions | None:
        if session.instructed is None:
            return None
        self.reads.append("renewed" if renew else "read")
        return self.instructed.get(session.key)

    def load(self, key: SessionKey) -> Remembered:
        kept = self.exchanges.get(key, {})
        session = self.headers.get(key) or Session.begin(key, 1)
        since = max(session.first_turn, min(session.window_start, session.last_turn))
        found = tuple(kept[turn] for turn in sorted(kept) if turn >= since)
        head = self.heads.get(key.owner, Head())
        return Remembered(session.caught_up(found), found, self.summaries.get(key), head)

    def keep(
        self, exchange: Exchange, after: Session, head: Head = _NO_MEMORY, system: str | None = None
    ) -> Exchange:
        meddle, self.before_keep = self.before_keep, None
        if meddle is not None:
            meddle()
        now = self.heads.get(after.key.owner, _NO_MEMORY)
        if now.forgot(after.key.name) > head.forgot(after.key.name):
            raise SessionForgotten(str(after.key))
        named = self.heads.get(after.key.owner, _NO_MEMORY)
        name = str(Ref.of(after.key.name, exchange))
        self.heads[after.key.owner] = replace(named, pending=named.pending | {name})
        kept = self.exchanges.setdefault(after.key, {})
        new = exchange.turn not in kept
        there = kept.setdefault(exchange.turn, exchange)
        if there.request_id != exchange.request_id:
            raise TurnTaken(str(after.key))
        if there != exchange:
            return there
        if new and exchange.instructed is not None:
            self.instructed.pop(after.key, None)
            if system:
                self.instructed[after.key] = Instructions(system, exchange.turn)
        if self.crash_before_header:
            self.crash_before_header = False
            raise Crash
        header = self.headers.get(after.key)
        if header is None or header.version == after.version:
            self.headers[after.key] = replace(after, version=after.version + 1)
        return exchange

    def find(self, key: SessionKey) -> Session | None:
        return self.headers.get(key)

    def exchange(self, key: SessionKey, turn: int) -> Exchange | None:
        return self.exchanges.get(key, {}).get(turn)

    def newest_first(self, session: Session, newest_turn: int | None, limit: int) -> Iterator[Exchange]:
        kept = self.exchanges.get(session.key, {})
        last = max(kept, default=0) if newest_turn is None else newest_turn
        return (kept[turn] for turn in sorted(kept, reverse=True) if session.first_turn <= turn <= last)

    def of_owner(self, owner: str, before: str | None, limit: int) -> tuple[list[Session], str | None]:
        listed = [session for key, session in self.headers.items() if key.owner == owner]
        return listed[:limit], "next" if len(listed) > limit else None

    def kept(self, key: SessionKey = KEY) -> list[Exchange]:
        """Return a session's exchanges, oldest first."""
        return [exchange for _, exchange in sorted(self.exchanges.get(key, {}).items())]


class MemoryArchive:
    """The memories of the owners whose sessions are in memory; counts what is read of them."""

    def __init__(
        self, sessions: MemorySessions, clock: FakeClock, memory_ttl: timedelta = timedelta(days=30)
    ) -> None:
        self.sessions = sessions
        self.clock = clock
        self.memory_ttl = memory_ttl
        self.packed: dict[str, dict[int, bytes]] = {}
        self.reads: list[str] = []
        self.before_rewrite: Callable[[], None] | None = None

    def head(self, owner: str) -> Head:
        self.reads.append("head")
        return self.sessions.heads.get(owner, Head())

    def segments(self, owner: str, wanted: Collection[Segment]) -> Mapping[int, bytes]:
        self.reads.append("segments")
        there = self.packed.get(owner, {})
        return {segment.seq: there[segment.seq] for segment in wanted if segment.seq in there}

    def exchanges(self, owner: str, refs: Collection[str]) -> Mapping[str, Exchange]:
        self.reads.append("exchanges")
        return {
            str(ref): exchange
            for key, kept in self.sessions.exchanges.items()
            if key.owner == owner
            for exchange in kept.values()
            if str(ref := Ref.of(key.name, exchange)) in refs and exchange.at + self.memory_ttl > self.clock()
        }

    def rewrite(self, owner: str, change: Rewrite) -> bool:
        meddle, self.before_rewrite = self.before_rewrite, None
        if meddle is not None:
            meddle()
        head = self.sessions.heads.get(owner, Head())
        if head.version != change.head.version:
            return False
        self.sessions.heads[owner] = Head(
            head.pending - change.settled,
            change.segments,
            head.forgetting - change.finished,
            head.forgotten - change.outdated,
            head.version + 1,
        )
        stay = {segment.seq for segment in change.segments}
        there = self.packed.get(owner, {}) | dict(change.packed)
        self.packed[owner] = {seq: packed for seq, packed in there.items() if seq in stay}
        return True

    def forget(self, owner: str, session: str, until: int | None = None) -> int:
        head = self.sessions.heads.get(owner, Head())
        until = milliseconds(self.clock()) if until is None else until
        if session == EVERYTHING:
            until = max(until, head.newest)
        self.sessions.heads[owner] = replace(
            head,
            forgetting=head.forgetting | {Tombstone(session, until)},
            forgotten=head.forgotten | {Tombstone(mark_of(session), until)},
        )
        return until

    def drop(self, owner: str, request_ids: Collection[str]) -> None:
        """There are no records of requests here."""

    def listed(self, owner: str) -> list[str]:
        return [key.name for key in self.sessions.headers if key.owner == owner]

    def standing(self, owner: str, refs: Collection[str]) -> set[str]:
        return {Ref.parse(ref).session for ref in self.exchanges(owner, refs)}

    def erase(self, key: SessionKey, until: int | None = None, pause: Pause = never) -> Erased:
        """Remove a session; with `until`, what was kept up to then."""
        pause()

        def gone(at: datetime | None) -> bool:
            return until is None or (at is not None and milliseconds(at) <= until)

        header = self.sessions.headers.get(key)
        if header is not None and gone(header.last_updated):
            del self.sessions.headers[key]
            self.sessions.summaries.pop(key, None)
            self.sessions.instructed.pop(key, None)
        kept = self.sessions.exchanges.get(key, {})
        left = {turn: exchange for turn, exchange in kept.items() if not gone(exchange.at)}
        self.sessions.exchanges[key] = left
        erased = [milliseconds(exchange.at) for turn, exchange in kept.items() if turn not in left]
        return Erased(len(erased), max(erased, default=-1))


class MemorySummaries:
    """Keeps summaries beside the sessions in memory, and what they took."""

    def __init__(self, sessions: MemorySessions) -> None:
        self.sessions = sessions
        self.taken: list[Taken] = []
        self.before_keep: Callable[[], object] | None = None

    def keep(self, session: Session, before: Summary | None, summary: Summary, taken: Taken) -> bool:
        meddle, self.before_keep = self.before_keep, None
        if meddle is not None:
            meddle()
        header = self.sessions.headers.get(session.key)
        if header is None or header.first_turn != session.first_turn:
            return False
        if self.sessions.summaries.get(session.key) != before:
            return False
        self.sessions.summaries[session.key] = summary
        self.taken.append(taken)
        return True

    def drop(self, key: SessionKey) -> None:
        self.sessions.summaries.pop(key, None)


Line = str | Piece | Exception | threading.Event


class ScriptedClaude:
    """A Claude that says what it is told to.

    In a script an exception is raised, and an event is waited for, unless the call is broken off.
    """

    def __init__(self, *scripts: Iterable[Line]) -> None:
        self.scripts = list(scripts)
        self.prompts: list[Prompt] = []
        self.models: list[str] = []
        self.closed = 0
        self.before_answer: Callable[[], object] | None = None

    @contextmanager
    def answer(self, prompt: Prompt, model: str, interruption: Interruption) -> Iterator[Iterable[Piece]]:
        meddle, self.before_answer = self.before_answer, None
        if meddle is not None:
            meddle()
        self.prompts.append(prompt)
        self.models.append(model)
        try:
            yield self._events(self.scripts.pop(0), interruption)
        finally:
            self.closed += 1

    def _events(self, script: Iterable[Line], interruption: Interruption) -> Iterator[Piece]:
        for event in script:
            if isinstance(event, Exception):
                raise event
            if isinstance(event, threading.Event):
                _wait(event, interruption)
            else:
                yield Text(event) if isinstance(event, str) else event


def _wait(event: threading.Event, interruption: Interruption) -> None:
    with interruption.breaking(event.set):
        assert event.wait(10), "nothing went on"
    if interruption.asked:
        raise Interrupted


def completed(stop_reason: str = "end_turn", **usage: int) -> Completed:
    return Completed(stop_reason, Usage(**(usage or {"input_tokens": 7, "output_tokens": 3})), MODEL)


class FakeGateway:
    """Remembers every post; a closed connection is gone, and a failing one raises `failure`."""

    def __init__(self) -> None:
        self.posts: list[tuple[str, str]] = []
        self.closed: set[str] = set()
        self.failure: Exception | None = None
        self.posted = threading.Condition()
        self.open = threading.Event()
        self.open.set()

    def post(self, connection_id: str, text: str) -> None:
        assert self.open.wait(10), "the gateway was never opened"
        if self.failure is not None:
            raise self.failure
        if connection_id in self.closed:
            raise ClientGone(connection_id)
        with self.posted:
            self.posts.append((connection_id, text))
            self.posted.notify_all()

    def wait_for(self, count: int) -> None:
        """Wait until there were `count` posts."""
        with self.posted:
            assert self.posted.wait_for(lambda: len(self.posts) >= count, 10), "the post never came"

    @property
    def frames(self) -> list[dict[str, Any]]:
        return [json.loads(text) for _, text in self.posts]


class MemoryConnections:
    """The connections that are open."""

    def __init__(self, *connections: Connection) -> None:
        self.known = {connection.connection_id: connection for connection in connections}

    def open(self, connection: Connection) -> None:
        self.known[connection.connection_id] = connection

    def find(self, connection_id: str) -> Connection | None:
        return self.known.get(connection_id)

    def close(self, connection_id: str) -> None:
        self.known.pop(connection_id, None)


class MemoryQueue:
    """The line of turns as a list; `failure` is raised by the next send."""

    def __init__(self) -> None:
        self.turns: list[Turn] = []
        self.failure: Exception | None = None

    def send(self, turn: Turn) -> None:
        failure, self.failure = self.failure, None
        if failure is not None:
            raise failure
        self.turns.append(turn)


class MemoryIntake:
    """Takes every turn in, or raises `failure`."""

    def __init__(self) -> None:
        self.turns: list[Turn] = []
        self.failure: Exception | None = None

    def __call__(self, turn: Turn) -> None:
        if self.failure is not None:
            raise self.failure
        self.turns.append(turn)

    def session_of(self, owner: str, request_id: str) -> str | None:
        names = [
            turn.key.name for turn in self.turns if (turn.key.owner, turn.request_id) == (owner, request_id)
        ]
        return names[0] if names else None


class FakeSecret:
    """A secret that is `cached` until someone asks for it fresh."""

    def __init__(self, cached: str, fresh: str | None = None) -> None:
        self.cached = cached
        self.now = cached if fresh is None else fresh
        self.fresh_reads = 0

    def value(self, *, fresh: bool = False) -> str:
        if fresh:
            self.fresh_reads += 1
            self.cached = self.now
        return self.cached
