"""A message as the recall keeps it: what it takes to score it, worked out once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from bridge.memory.recall import dates
from bridge.memory.recall.english import INTERROGATIVES, STOP_WORDS
from bridge.memory.recall.messages import Message
from bridge.memory.recall.passages import split
from bridge.memory.recall.stems import stem
from bridge.memory.recall.tokens import words

ASKS, TIMELY, TITLED, PLACED = (1 << bit for bit in range(4))
"""What a passage does: its last sentence asks, it tells a time, quotes a title, names a place."""
ALL_TRAITS = (1 << 4) - 1
"""The interrogatives that a passage asks with are the bits above these: see ``interrogative``."""

ASKED = 256
"""A term's count: how often it is told, and so many times how often it is asked."""
MOST = 255
"""As often as a term can be counted in a passage: beyond a few it makes no difference."""

_TITLE = re.compile(r"[\"\u201c\u00ab\u300a][^\"\u201d\u00bb\u300b]{2,80}[\"\u201d\u00bb\u300b]")
_PLACE = re.compile(r"\b(?:in|at|to|from|near|around|visited?)\s+(?:the\s+)?[A-Z][a-z]")
_SENTENCE = re.compile(
    r"[^.!?\n\uff1f\u061f\u037e\u3002\uff01\u0964]*([.!?\n\uff1f\u061f\u037e\u3002\uff01\u0964]*)"
)
_QUESTION = re.compile(r"[?\uff1f\u061f\u037e]")
_INTERROGATIVE = re.compile(r"\b(?:" + "|".join(f"({each})" for each in INTERROGATIVES) + r")\b")


@dataclass(frozen=True, slots=True)
class Passage:
    """A part of a message: its terms and what it does.

    ``counts`` tells of each term how often it is told and asked (see ASKED), ``dates`` the dates that it
    speaks of. ``traits`` are bits: what it does, and what it asks with. ``start`` and ``end`` are its place
    in the message's text, in characters.
    """

    counts: dict[str, int]
    dates: tuple[str, ...]
    traits: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Analysis:
    """A message without its text: who, when (to the millisecond), where, and its passages."""

    id: str
    session_id: str
    at: datetime
    speaker: str
    passages: tuple[Passage, ...]


def analyse(message: Message) -> Analysis:
    """Work out what scoring needs of a message."""
    passages, start = [], 0
    for text in split(message.text):
        passages.append(_passage(text, start, message))
        start += len(text)
    at = message.at.replace(microsecond=message.at.microsecond // 1000 * 1000)
    return Analysis(message.id, message.session_id, at, message.speaker, tuple(passages))


def interrogative(sentence: str) -> int:
    """Return the bit, among a passage's traits, of the first interrogative in a sentence, or 0."""
    found = _INTERROGATIVE.search(sentence.lower())
    return (ALL_TRAITS + 1) << (found.lastindex or 1) - 1 if found else 0


def _passage(text: str, start: int, message: Message) -> Passage:
    told: dict[str, int] = {}
    asked: dict[str, int] = {}
    traits = 0
    for sentence in _SENTENCE.finditer(text):
        said = words(sentence.group())
        if not said:
            continue
        asks = _QUESTION.search(sentence[1]) is not None
        traits = (traits | ASKS) if asks else (traits & ~ASKS)
        if asks:
            traits |= interrogative(sentence.group())
        counts = asked if asks else told
        for word in said:
            if word not in STOP_WORDS:
                term = stem(word)
                counts[term] = counts.get(term, 0) + 1
    both = {
        term: min(told.get(term, 0), MOST) + ASKED * min(asked.get(term, 0), MOST) for term in told | asked
    }
    if dates.tells_time(text):
        traits |= TIMELY
    if _TITLE.search(text):
        traits |= TITLED
    if _PLACE.search(text):
        traits |= PLACED
    mentioned = tuple(sorted(dates.mentioned(text, message.at.date())))
    return Passage(both, mentioned, traits, start, start + len(text))
