"""Who speaks: connections, and who may."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

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
