"""What became of each session of the original's, and all of it in numbers. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

BESIDE = "-original"
"""What the name of a session ends with that is put beside the bridge's own of its name."""

Status = Literal["migrated", "added", "there", "empty", "skipped"]


@dataclass(frozen=True)
class Outcome:
    """What became of a session; the counts are of messages, but for the exchanges'.

    `there` were there before, `past` had been migrated and are past their time; what is neither, and not
    `written`, was skipped. `error`: it was to be migrated, and is not, or not all of it. `taken`: the name is
    another conversation's.
    """

    session: str
    target: str
    status: Status = "there"
    messages: int = 0
    written: int = 0
    there: int = 0
    past: int = 0
    exchanges: int = 0
    exchanges_there: int = 0
    why: str = ""
    error: bool = False
    taken: bool = False

    @property
    def skipped(self) -> int:
        """How many messages of the source are not in the bridge, and have not been."""
        return self.messages - self.written - self.there - self.past

    @property
    def beside(self) -> bool:
        """Whether it stands beside the bridge's own session of its name."""
        return self.target == self.session + BESIDE

    @property
    def renamed(self) -> bool:
        """Whether the bridge does not take its name."""
        return self.target != self.session and not self.beside

    @property
    def is_plain(self) -> bool:
        """Whether there is nothing to tell of it but the numbers."""
        return not self.why and self.session == self.target

    def as_json(self) -> dict[str, Any]:
        """Return what `--json` prints of it."""
        told: dict[str, Any] = {"session_id": self.session, "target": self.target, "status": self.status}
        counts = {"source": self.messages, "written": self.written, "there": self.there, "past": self.past}
        return told | {"messages": counts | {"skipped": self.skipped}, "why": self.why or None}


@dataclass
class Report:
    """All sessions in numbers, and those of which there is something to tell."""

    sessions: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(
            ["source", "migrated", "added", "there", "empty", "skipped", "failed"], 0
        )
    )
    messages: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(["source", "written", "there", "past", "skipped"], 0)
    )
    exchanges: dict[str, int] = field(default_factory=lambda: dict.fromkeys(["written", "there"], 0))
    told: list[Outcome] = field(default_factory=list)
    left_out: dict[str, int] = field(default_factory=dict)
    """Attributes of the original's of which nothing is made, and how many sessions have them."""

    @property
    def failed(self) -> bool:
        """Whether anything was to be migrated and is not."""
        return bool(self.sessions["failed"])

    def add(self, outcome: Outcome, left_out: Iterable[str] = ()) -> None:
        """Count a session in."""
        kind = "failed" if outcome.error else outcome.status
        for name in ("source", kind):
            self.sessions[name] += 1
        counts = (outcome.messages, outcome.written, outcome.there, outcome.past, outcome.skipped)
        for name, count in zip(self.messages, counts, strict=True):
            self.messages[name] += count
        self.exchanges["written"] += outcome.exchanges
        self.exchanges["there"] += outcome.exchanges_there
        if not outcome.is_plain:
            self.told.append(outcome)
        for name in left_out:
            self.left_out[name] = self.left_out.get(name, 0) + 1

    def as_json(self) -> dict[str, Any]:
        """Return what `--json` prints."""
        told = {"sessions": self.sessions, "messages": self.messages, "exchanges": self.exchanges}
        return told | {"told": [one.as_json() for one in self.told], "left_out": self.left_out}
