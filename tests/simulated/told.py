"""The clients: what they asked, what they were promised, and what they were told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.simulated.strands import Invocation

Frame = dict[str, Any]


def end_of(frame: Frame) -> Frame:
    """Return what of a turn's last frame must be the same however often it is told."""
    may_differ = ("memory", "deltas", "retry_after")
    return {name: value for name, value in frame.items() if name not in may_differ}


@dataclass(slots=True)
class Asked:
    """A request as its client knows it.

    ``home`` is the connection that was promised the turn's end; None where two may have been. ``system`` are
    the instructions that it names.
    """

    owner: str
    number: int
    session: str
    message: str
    home: str | None = None
    accepted: bool = False
    resumes: list[Invocation] = field(default_factory=list)
    cancellers: list[str] = field(default_factory=list)
    cancelled_waiting: bool = False
    deltas: dict[int, str] = field(default_factory=dict)
    ends: list[tuple[str, Frame]] = field(default_factory=list)
    promised: set[str] = field(default_factory=set)
    dropped: list[str] = field(default_factory=list)
    system: str | None = None

    @property
    def last_seq(self) -> int:
        """The last delta that the client has without a gap."""
        last = 0
        while last + 1 in self.deltas:
            last += 1
        return last

    def take(self, connection: str, frame: Frame) -> str | None:
        """Take a frame about the turn in; return what is wrong with it."""
        if frame["type"] == "delta":
            had = self.deltas.setdefault(frame["seq"], frame["text"])
            return None if had == frame["text"] else f"delta {frame['seq']} was {had!r}: {frame}"
        if frame["type"] not in ("answer", "error"):
            return f"an unknown frame: {frame}"
        self.ends.append((connection, frame))
        if end_of(frame) != end_of(self.ends[0][1]):
            return f"two ends: {self.ends[0][1]} and {frame}"
        count = frame.get("deltas")
        if count is not None and any(seq > count for seq in self.deltas):
            return f"there were more deltas than {count}: {self.deltas}"
        return None

    def text(self, count: int) -> str | None:
        """Return the answer as its deltas tell it; None where some of them are missing."""
        if any(seq not in self.deltas for seq in range(1, count + 1)):
            return None
        return "".join(self.deltas[seq] for seq in range(1, count + 1))
