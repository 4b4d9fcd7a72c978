"""Conversations with questions about them, and the messages that hold the answers: a recall's data set."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bridge.memory import Message

CHARACTERS_PER_TOKEN = 4
"""As good as any tokenizer for comparing what fits into a budget."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, the ids of the messages that hold its answer, and what kind of question it is."""

    text: str
    evidence: frozenset[str]
    category: str


@dataclass(frozen=True, slots=True)
class Dialogue:
    """A conversation of many sessions, in its order."""

    messages: list[Message]
    questions: list[Asked]


def read(path: Path) -> list[Dialogue]:
    """Read a data set in the format that bench/README.md describes."""
    dialogues = []
    for each in json.loads(path.read_text("utf-8")):
        messages = [
            Message(m["id"], m["session_id"], datetime.fromisoformat(m["at"]), m["speaker"], m["text"])
            for m in each["messages"]
        ]
        there = {message.id for message in messages}
        questions = [
            Asked(q["question"], frozenset(q["evidence"]) & there, q["category"]) for q in each["questions"]
        ]
        dialogues.append(Dialogue(messages, [q for q in questions if q.evidence]))
    return dialogues


def tokens(message: Message) -> int:
    """Return about how many tokens a message takes, its speaker included."""
    return -(-(len(message.speaker) + 2 + len(message.text)) // CHARACTERS_PER_TOKEN)
