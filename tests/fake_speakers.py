"""Who may speak, over the ports in memory."""

from __future__ import annotations

from bridge.errors import QuotaExceeded
from bridge.ports.speaking import Clock, Connections, Revoked
from bridge.speakers import Speakers


class MemoryRevocations:
    """What is revoked, by owners; `failure` is raised by every look, and `asked` is who was looked up."""

    def __init__(self) -> None:
        self.revoked: dict[str, Revoked] = {}
        self.failure: Exception | None = None
        self.asked: list[tuple[str, bool]] = []

    def of(self, owner: str, *, fresh: bool = False) -> Revoked:
        self.asked.append((owner, fresh))
        if self.failure is not None:
            raise self.failure
        return self.revoked.get(owner, Revoked())


class MemoryRates:
    """Takes so many frames."""

    def __init__(self, left: int) -> None:
        self.left = left

    def count(self, owner: str) -> None:
        self.left -= 1
        if self.left < 0:
            raise QuotaExceeded(f"{owner} sent too many.", retry_after=7)


def speakers(
    connections: Connections,
    clock: Clock,
    revocations: MemoryRevocations | None = None,
    rates: MemoryRates | None = None,
) -> Speakers:
    """Return who may speak of those who are connected."""
    return Speakers(connections, revocations or MemoryRevocations(), clock, rates)
