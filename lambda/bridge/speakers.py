"""Who may speak: whom a handshake lets in, and whose frames go on being heard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.errors import Unauthorized
from bridge.ports.speaking import Clock, Connection, Connections, Rates, Revocations

if TYPE_CHECKING:  # whoever only hears frames does not pay for reading tokens
    from bridge.auth import Identity


class Speakers:
    """Those who are connected.

    Where it cannot be read what was revoked, nobody is let in and no frame is heard: whoever reaches that
    table has a handshake recorded and a frame's connection looked up there anyway, so that letting them
    through would win next to nothing, and let in whom the owner has shut out. No failure is remembered:
    the next handshake, or frame, asks again.
    """

    def __init__(
        self, connections: Connections, revocations: Revocations, clock: Clock, rates: Rates | None = None
    ) -> None:
        self._connections = connections
        self._revocations = revocations
        self._clock = clock
        self._rates = rates

    def admit(self, connection_id: str, identity: Identity) -> None:
        """Record a connection. Raises `Unauthorized` where its token was revoked up to now."""
        connection = Connection(
            connection_id, identity.owner, identity.expires, identity.token_id, identity.issued
        )
        self._check(connection, fresh=True)
        self._connections.open(connection)

    def hear(self, connection_id: str, *, counted: bool = True) -> Connection:
        """Return who speaks on a connection.

        Raises `Unauthorized` where that is nobody any more, and `QuotaExceeded` where a frame that is
        ``counted`` is more than its owner may send in a minute.
        """
        connection = self._connections.find(connection_id)
        if connection is None:
            raise Unauthorized("This connection is not known any more. Connect again.")
        if connection.expires is not None and connection.expires <= self._clock().timestamp():
            raise Unauthorized("The token has expired. Connect again with a new one.")
        self._check(connection, fresh=False)
        if self._rates is not None and counted:
            self._rates.count(connection.owner)
        return connection

    def _check(self, connection: Connection, *, fresh: bool) -> None:
        if not connection.proven:
            return
        if not self._revocations.of(connection.owner, fresh=fresh).covers(connection):
            return
        if connection.expires is None:
            raise Unauthorized("This connection was revoked. Connect again.")
        raise Unauthorized("The token was revoked. Connect again with a new one.")
