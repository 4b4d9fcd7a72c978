"""What the recall is held against: the original's window, and BM25 as every search library has it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable

from bridge.memory import Message
from bridge.memory.recall.stems import terms

WINDOW = 8000
"""Characters of the original's window."""


class LastCharacters:
    """The newest messages, whatever is asked: as many as fit the window, newest first."""

    def __init__(self, messages: Iterable[Message]) -> None:
        self._found: list[str] = []
        room = WINDOW
        for message in reversed(list(messages)):
            room -= len(message.text)
            if room < 0:
                break
            self._found.append(message.id)

    def find(self, question: str, limit: int) -> list[str]:
        """Return the same for every question."""
        return self._found[:limit]


class PlainBM25:
    """BM25 over each message alone (k1 1.2, b 0.75), stop words left out, words stemmed."""

    def __init__(self, messages: Iterable[Message]) -> None:
        self._ids: list[str] = []
        self._postings: dict[str, dict[int, int]] = {}
        self._lengths: list[int] = []
        for number, message in enumerate(messages):
            counts = Counter(terms(message.text))
            self._ids.append(message.id)
            self._lengths.append(sum(counts.values()))
            for term, count in counts.items():
                self._postings.setdefault(term, {})[number] = count

    def find(self, question: str, limit: int) -> list[str]:
        """Return the best messages' ids."""
        mean = sum(self._lengths) / max(1, len(self._lengths)) or 1.0
        scores: Counter[int] = Counter()
        for term in dict.fromkeys(terms(question)):
            found = self._postings.get(term, {})
            telling = math.log(1 + (len(self._ids) - len(found) + 0.5) / (len(found) + 0.5))
            for number, count in found.items():
                norm = 1.2 * (0.25 + 0.75 * self._lengths[number] / mean)
                scores[number] += telling * count * 2.2 / (count + norm)  # type: ignore[assignment]
        return [self._ids[n] for n, _ in sorted(scores.items(), key=lambda s: (-s[1], s[0]))[:limit]]
