"""A message as the recall keeps it: what it takes to score it, worked out once."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate

from bridge.memory.recall import dates
from bridge.memory.recall.english import FIRST_PERSON, STOP_WORDS
from bridge.memory.recall.messages import Message
from bridge.memory.recall.passages import split
from bridge.memory.recall.stems import stem
from bridge.memory.recall.tokens import words

ASKS, FIRST, TIMELY, TITLED, PLACED, NAMED = (1 << bit for bit in range(6))
"""What a passage does: its last sentence asks, says "I", tells a time, quotes a title, names a place,
names someone or something."""
ALL_TRAITS = (1 << 6) - 1

_TITLE = re.compile(r"[\"\u201c\u00ab\u300a][^\"\u201d\u00bb\u300b]{2,80}[\"\u201d\u00bb\u300b]")
_PLACE = re.compile(r"\b(?:in|at|to|from|near|around|visited?)\s+(?:the\s+)?[A-Z][a-z]")
_NAME = re.compile(r"(?<![.!?\"\u201c]\s)(?<=\s)[A-Z][a-z]{2,}")
_ENDS = re.compile(r"[?!.\uff1f\u061f\u037e\u3002\uff01\u0964]")
_FULL_STOPS = frozenset("!.\u3002\uff01\u0964")


@dataclass(frozen=True, slots=True)
class Passage:
    """A part of a message: how often each term stands in it, in order of appearance, and what it does.

    ``start`` and ``end`` are its place in the message's text, in characters.
    """

    counts: dict[str, int]
    dates: tuple[str, ...]
    traits: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Analysis:
    """A message without its text: who, when, where, and its passages."""

    id: str
    session_id: str
    at: datetime
    speaker: str
    passages: tuple[Passage, ...]


def analyse(message: Message) -> Analysis:
    """Work out what scoring needs of a message."""
    parts = split(message.text)
    starts = accumulate(map(len, parts), initial=0)
    passages = tuple(_passage(text, start, message) for text, start in zip(parts, starts, strict=False))
    return Analysis(message.id, message.session_id, message.at, message.speaker, passages)


def _passage(text: str, start: int, message: Message) -> Passage:
    said = words(text)
    counts = Counter(stem(word) for word in said if word not in STOP_WORDS)
    mentioned = dates.mentioned(text, message.at.date())
    return Passage(dict(counts), tuple(sorted(mentioned)), _traits(text, said), start, start + len(text))


def _traits(text: str, said: list[str]) -> int:
    ends = _ENDS.findall(text)
    traits = ASKS if ends and ends[-1] not in _FULL_STOPS else 0
    if not FIRST_PERSON.isdisjoint(said):
        traits |= FIRST
    if dates.tells_time(text):
        traits |= TIMELY
    if _TITLE.search(text):
        traits |= TITLED
    if _PLACE.search(text):
        traits |= PLACED
    if _NAME.search(text):
        traits |= NAMED
    return traits
