"""Exchanges as `history` tells them: pure.

An exchange too big for one frame comes as consecutive entries with the same turn, each with `part` and
`parts`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from bridge_cli.fields import failure, optional
from bridge_cli.spending import tokens

CANCELLED = "cancelled"
"""The stop reason of a turn that somebody ended."""


@dataclass(frozen=True)
class Exchange:
    """One turn: what was said, when (ISO 8601, UTC), and what became of it.

    `context` holds (role, text) in the order in which they were said. A failed turn has only the user's part
    and `error` {code, message}; a cancelled one what was said until then. `part` of `parts` counts from 1.
    """

    turn: int
    at: str
    context: tuple[tuple[str, str], ...]
    request_id: str | None = None
    stop_reason: str | None = None
    model: str | None = None
    usage: dict[str, int] = field(default_factory=dict)
    error: dict[str, Any] | None = None
    part: int = 1
    parts: int = 1

    @classmethod
    def from_wire(cls, entry: dict[str, Any]) -> Exchange:
        """Read an entry of a history frame."""
        return cls(
            turn=int(entry["turn"]),
            at=str(entry.get("at") or ""),
            context=tuple((str(said["role"]), _text(said["content"])) for said in entry["context"]),
            request_id=optional(entry, "request_id", str),
            stop_reason=optional(entry, "stop_reason", str),
            model=optional(entry, "model", str),
            usage=tokens(entry.get("usage")),
            error=failure(entry, "error"),
            part=int(entry.get("part") or 1),
            parts=int(entry.get("parts") or 1),
        )

    @property
    def answer(self) -> str:
        """What Claude said; empty for a failed turn."""
        return "".join(text for role, text in self.context if role == "assistant")

    @property
    def cancelled(self) -> bool:
        """Whether somebody ended the turn before Claude had."""
        return self.stop_reason == CANCELLED

    def as_json(self) -> dict[str, Any]:
        """Return the exchange as the wire tells it, its parts joined."""
        told: dict[str, Any] = {
            "turn": self.turn,
            "at": self.at,
            "context": [{"role": role, "content": text} for role, text in self.context],
            "request_id": self.request_id,
            "stop_reason": self.stop_reason,
            "model": self.model,
            "usage": self.usage,
        }
        return told | ({"error": self.error} if self.error else {})


def begins_inside(entries: tuple[Exchange, ...]) -> bool:
    """Tell whether the first entry's exchange began on the page before."""
    return bool(entries) and entries[0].part > 1


def joined(entries: Iterable[Exchange]) -> list[Exchange]:
    """Return whole exchanges: the contents of consecutive parts of a turn, concatenated per role."""
    whole: list[Exchange] = []
    for entry in entries:
        if whole and entry.part > 1 and whole[-1].turn == entry.turn:
            whole[-1] = _appended(whole[-1], entry)
        else:
            whole.append(entry)
    return [replace(exchange, part=1, parts=1) for exchange in whole]


def _appended(exchange: Exchange, part: Exchange) -> Exchange:
    context = dict(exchange.context)
    for role, text in part.context:
        context[role] = context.get(role, "") + text
    return replace(
        exchange,
        context=tuple(context.items()),
        request_id=exchange.request_id or part.request_id,
        stop_reason=exchange.stop_reason or part.stop_reason,
        model=exchange.model or part.model,
        usage=exchange.usage or part.usage,
        error=exchange.error or part.error,
    )


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "".join(block.get("text", "") for block in content if block.get("type") == "text")
