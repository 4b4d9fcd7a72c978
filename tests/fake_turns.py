"""How far turns are, in memory: what the table does in one step is one step here."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

from bridge.conversation import Turn
from bridge.errors import QuotaExceeded
from bridge.ports.turns import Standing

TODAY = "2026-11-22"


@dataclass
class MemoryTurns:
    """Turns' standings; with `daily_tokens` what an owner uses is counted."""

    daily_tokens: int | None = None
    standings: dict[tuple[str, str], Standing] = field(default_factory=dict)
    used: Counter[str] = field(default_factory=Counter)

    def begin(self, turn: Turn, tokens: int, number: int) -> tuple[Standing, bool]:
        before = self.look(turn)
        if before.began or before.turn is not None:
            return before, False
        now = replace(before, began=True, number=number)
        if self.daily_tokens is not None:
            if self.used[turn.key.owner] >= self.daily_tokens:
                raise QuotaExceeded("Today's tokens are used up.", retry_after=60)
            self.used[turn.key.owner] += tokens
            now = replace(now, reserved=tokens, day=TODAY)
        return self._put(turn.key.owner, turn.request_id, now), True

    def look(self, turn: Turn) -> Standing:
        return self.standings.get((turn.key.owner, turn.request_id), Standing())

    def end(
        self, turn: Turn, standing: Standing, number: int, lengths: tuple[int, ...], spent: int
    ) -> Standing:
        before = self.look(turn)
        if before.turn is not None or (standing.day is not None and not before.began):
            return before
        if standing.day is not None:
            self.used[turn.key.owner] += spent - standing.reserved
        return self._put(turn.key.owner, turn.request_id, replace(before, turn=number, lengths=lengths))

    def drop(self, owner: str, request_id: str) -> None:
        self.standings.pop((owner, request_id), None)

    def resume(self, owner: str, request_id: str, connection_id: str, last_seq: int) -> Standing:
        before = self.standings.get((owner, request_id), Standing())
        now = replace(before, connection_id=connection_id, last_seq=last_seq, resumes=before.resumes + 1)
        return self._put(owner, request_id, now)

    def cancel(self, owner: str, request_id: str, connection_id: str) -> Standing:
        before = self.standings.get((owner, request_id), Standing())
        return self._put(owner, request_id, replace(before, cancelled_by=connection_id))

    def _put(self, owner: str, request_id: str, standing: Standing) -> Standing:
        self.standings[owner, request_id] = standing
        return standing


class MemoryRequests:
    """Requests' records: those that others sent again in the meantime are in `renewed`."""

    def __init__(self) -> None:
        self.renewed: set[str] = set()
        self.released: list[str] = []

    def release(self, turn: Turn) -> bool:
        if turn.request_id in self.renewed:
            return False
        self.released.append(turn.request_id)
        return True
