"""A handshake as API Gateway tells of it: its headers, what it offers, and whom AWS says it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SUBPROTOCOL = "bridge"


@dataclass(frozen=True, slots=True)
class Handshake:
    """Headers' values by their names in lower case; ``caller`` is the ARN of who signed it for AWS."""

    headers: Mapping[str, Sequence[str]]
    caller: str | None = None

    def values(self, name: str) -> Sequence[str]:
        """Return all values of a header, each line's apart."""
        return self.headers.get(name, ())

    @property
    def offered(self) -> list[str]:
        """The subprotocols that the client would speak, over all lines of their header."""
        lines = self.values("sec-websocket-protocol")
        return [part.strip() for line in lines for part in line.split(",")]

    @property
    def subprotocol(self) -> str | None:
        """The subprotocol to confirm: a browser goes away where none of those that it offered is."""
        return SUBPROTOCOL if SUBPROTOCOL in self.offered else None


def parse(event: Mapping[str, Any]) -> Handshake:
    """Return the handshake of a ``$connect`` event.

    API Gateway tells a header that comes several times once in ``headers``, as its last value, and with
    all of them in ``multiValueHeaders``: whoever looks at the first alone does not see the others.
    """
    headers: dict[str, list[str]] = {}
    for name, values in (event.get("multiValueHeaders") or {}).items():
        headers.setdefault(name.lower(), []).extend(values)
    single: dict[str, list[str]] = {}
    for name, value in (event.get("headers") or {}).items():
        single.setdefault(name.lower(), []).append(value)
    caller = event["requestContext"].get("identity", {}).get("userArn")
    return Handshake(single | headers, caller or None)
