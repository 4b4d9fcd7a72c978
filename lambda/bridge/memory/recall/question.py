"""What a text asks for: its terms and their weights, whom it names, which dates and kinds of answer."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from bridge.memory.recall import dates
from bridge.memory.recall.analysis import PLACED, TIMELY, TITLED, interrogative
from bridge.memory.recall.english import FIRST_PERSON, FRAME_WORDS, SECOND_PERSON, STOP_WORDS
from bridge.memory.recall.stems import stem
from bridge.memory.recall.tokens import words

CONTENT = 1.0
"""Weight of a word that says what is asked for."""
FRAME = 0.4
"""Weight of a word that frames a question ("kind", "mention")."""
NAME = 0.5
"""Weight of a speaker's name: it stands in what others say to that speaker."""

USER, ASSISTANT = "user", "assistant"

_SAYING = (
    r"(?:say|said|tell|told|suggest|recommend|mention|explain|advise|give|gave|write|wrote|show)(?:ed|d)?"
)
_YOU_SAID = re.compile(rf"\b(?:you|claude) (?:\w+ )?{_SAYING}\b")
_I_SAID = re.compile(rf"\b(?:i|we) (?:\w+ )?{_SAYING}\b")
_COURTESY = re.compile(
    r"\b(?:(?:can|could|would|will) you(?: please)? \w+(?: me| us)?"
    r"|do you(?: still)? (?:remember|recall|know|think))\b"
    r"|(?:^|(?<=[.,;!?] ))(?:please )?(?:tell|remind|show|give|help) (?:me|us)\b"
)
"""Addresses Claude, and tells nothing of what is asked for."""
_WHEN = re.compile(
    r"\b(?:when|how long|how many (?:days|weeks|months|years)"
    r"|(?:what|which) (?:day|date|month|year|week|time))\b"
)
_WHERE = re.compile(
    r"\b(?:where|(?:what|which)(?: \w+)?"
    r" (?:city|cities|country|countries|state|states|place|places|town|location|area))\b"
)
_TITLE = re.compile(
    r"\b(?:books?|movies?|films?|songs?|series|show|novel|game|title|album|poem|called|named|band|artist|author|musician)\b"
)


@dataclass(frozen=True, slots=True)
class Question:
    """A text to recall for.

    ``traits`` are those of the messages that it asks for, ``asks`` the bit that its interrogative has among
    those of the messages that ask the same way.
    """

    weights: dict[str, float]
    speakers: frozenset[str]
    dates: tuple[str, ...]
    traits: int
    asks: int

    @classmethod
    def of(cls, text: str, speakers: Iterable[str], today: date) -> Question:
        """Read ``text``; ``speakers`` are all there are, and ``today`` is what "yesterday" counts from.

        Of the bridge's roles "user" is who asks, and "assistant" whom the question calls "you".
        """
        said = words(text)
        speakers = set(speakers)
        # Roles are no names: a "user interface" is not what the user said.
        names = {speaker: words(speaker) for speaker in speakers - {USER, ASSISTANT}}
        named = _named(text, said, names, speakers)
        stems = [stem(word) for word in said if word not in STOP_WORDS]
        called = {stem(part) for parts in names.values() for part in parts}
        weights = {term: NAME if term in called else FRAME if term in _FRAME else CONTENT for term in stems}
        asked = dates.mentioned(text, today)
        traits = _traits(text.lower())
        return cls(weights, frozenset(named), tuple(sorted(asked)), traits, interrogative(text))


_FRAME = frozenset(map(stem, FRAME_WORDS))


def _named(text: str, said: list[str], names: dict[str, list[str]], speakers: set[str]) -> set[str]:
    """Return of whom the question speaks among those who speak."""
    named = {speaker for speaker, parts in names.items() if parts and parts[0] in said}
    named |= _roles(text.lower()) & speakers
    # Everyone is no one: then what is said decides.
    return named if len(named) < len(speakers) else set()


def _roles(text: str) -> set[str]:
    """Return who the asking user speaks of: "I" is the user, "you" is Claude."""
    if _YOU_SAID.search(said := _COURTESY.sub(" ", text)):
        return {ASSISTANT}
    if _I_SAID.search(said):
        return {USER}
    spoken = words(said)
    roles = set() if FIRST_PERSON.isdisjoint(spoken) else {USER}
    return roles if SECOND_PERSON.isdisjoint(spoken) else {*roles, ASSISTANT}


def _traits(text: str) -> int:
    traits = TIMELY if _WHEN.search(text) else 0
    if _WHERE.search(text):
        traits |= PLACED
    if _TITLE.search(text):
        traits |= TITLED
    return traits
