"""What the bridge remembers, and what of it went into a prompt, as the wire tells it: pure.

A bridge of an earlier version tells less; what it leaves out is None, empty or 0 here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from bridge_cli.errors import UsageError
from bridge_cli.fields import optional
from bridge_cli.spending import tokens

RecallScope = Literal["owner", "session", "off"]
"""Where the bridge looks for what bears on a message: in all that the owner said, in the session, nowhere."""

RECALL_SCOPES: tuple[str, ...] = get_args(RecallScope)


@dataclass(frozen=True)
class Recalled:
    """A passage that was recalled: who said it (`role`: user or assistant), where, and when (ISO 8601, UTC).

    `score` is greater where the passage bears more on the message; it means nothing across messages.
    """

    session_id: str
    turn: int
    role: str
    at: str
    score: float


@dataclass(frozen=True)
class Memory(Recalled):
    """A passage with its text: of a long message, the part that matched."""

    text: str


@dataclass(frozen=True)
class Summary:
    """A session's summary in the prompt: how many turns it covers, and its characters."""

    turns: int
    characters: int


@dataclass(frozen=True)
class Instructions:
    """A session's own instructions in the prompt: the turn that named them, and their characters."""

    turn: int
    characters: int


@dataclass(frozen=True)
class PromptMemory:
    """What Claude was told besides the message.

    `system` is None where the session has no instructions of its own, or the bridge knows of none.
    `recall` is what was looked for, None where the bridge does not say. `recalled` is in the prompt's order;
    None for a turn that had been kept before and was told once more. `tokens` estimates the prompt's parts:
    system, summary, window, recall, message.
    """

    window_messages: int = 0
    window_characters: int = 0
    summary: Summary | None = None
    recall: str | None = None
    recalled: tuple[Recalled, ...] | None = None
    tokens: dict[str, int] = field(default_factory=dict)
    system: Instructions | None = None

    @classmethod
    def from_wire(cls, told: dict[str, Any]) -> PromptMemory:
        """Read the `memory` of an answer's frame."""
        summary, recalled, system = told.get("summary"), told.get("recalled"), told.get("system")
        return cls(
            window_messages=int(told.get("window_messages") or 0),
            window_characters=int(told.get("window_characters") or 0),
            summary=Summary(int(summary["turns"]), int(summary["characters"])) if summary else None,
            recall=optional(told, "recall", str),
            recalled=None if recalled is None else tuple(Recalled(**_passage(one)) for one in recalled),
            tokens=tokens(told.get("tokens")),
            system=Instructions(int(system["turn"]), int(system["characters"])) if system else None,
        )

    def as_json(self) -> dict[str, Any]:
        """Return it as the wire tells it."""
        return vars(self) | {
            "system": vars(self.system) if self.system else None,
            "summary": vars(self.summary) if self.summary else None,
            "recalled": None if self.recalled is None else [vars(one) for one in self.recalled],
        }


def checked_scope(given: str) -> str:
    """Return where recall looks. Raises UsageError unless it is owner, session or off."""
    if given not in RECALL_SCOPES:
        raise UsageError(
            f"`{given}` is not where recall can look",
            hint="Say `owner` (all your sessions), `session` (only the one that is asked in) or `off`.",
        )
    return given


def memory(entry: dict[str, Any]) -> Memory:
    """Read an entry of a `memories` frame."""
    return Memory(**_passage(entry), text=str(entry["text"]))


def _passage(entry: dict[str, Any]) -> dict[str, Any]:
    return {
        "session_id": str(entry["session_id"]),
        "turn": int(entry["turn"]),
        "role": str(entry["role"]),
        "at": str(entry.get("at") or ""),
        "score": float(entry.get("score") or 0),
    }
