"""Passages: a long reply is many things at once, and is scored by the best of its parts."""

from __future__ import annotations

import re

LONGEST = 800
"""Characters of a passage at most. What people say in a chat is shorter; BM25 punishes length, so that
one long reply would lose against short ones that say less."""

_BREAKS = (
    re.compile(r"\n\s*\n"),
    re.compile(r"\n"),
    re.compile(r"[.!?\u3002\uff01\uff1f\u0964]+\s*"),
    re.compile(r"\s+"),
)


def split(text: str) -> list[str]:
    """Cut ``text`` into passages, at paragraphs if that suffices, else at lines, sentences, words.

    Joined again they are the text. There is always one, even if it is empty.
    """
    passages = []
    while len(text) > LONGEST:
        cut = _cut(text)
        passages.append(text[:cut])
        text = text[cut:]
    return [*passages, text]


def _cut(text: str) -> int:
    for found in _BREAKS:
        # Not in the first quarter: a heading alone says little.
        ends = [m.end() for m in found.finditer(text, LONGEST // 4, LONGEST) if m.end() <= LONGEST]
        if ends:
            return ends[-1]
    return LONGEST
