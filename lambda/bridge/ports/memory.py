"""What is remembered of sessions, and how it is forgotten."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from bridge.conversation import Exchange, SessionKey
from bridge.memory.head import Head, Segment, Tombstone

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
