"""What goes into the recall and what comes out of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Message:
    """Something that was said.

    ``speaker`` is a name, or a role: "user" says "I" where the asking owner says it, and "assistant"
    is whom the owner calls "you".
    """

    id: str
    session_id: str
    at: datetime
    speaker: str
    text: str


@dataclass(frozen=True, slots=True)
class Hit:
    """A message that bears on a text; scores are comparable within one search only.

    ``start`` and ``end`` are where the passage that matched best stands in the message's text, in
    characters: the whole text where it is short.
    """

    id: str
    score: float
    start: int = 0
    end: int = 0
