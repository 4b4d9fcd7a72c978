"""Words of a text in any script.

Words are runs of letters, digits and marks, folded in case, width and Latin accents. Scripts that
put no spaces between words, and Hangul, whose words carry their particles, become overlapping pairs
of characters: the usual index unit where there is no dictionary, and one that needs none.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import groupby

_ASCII_WORD = re.compile(r"[a-z0-9]+")
_ACCENTS = re.compile("[\u0300-\u036f]")
_UNSPACED = re.compile(
    "["
    "\u0e00-\u0eff"  # Thai, Lao
    "\u1000-\u109f\u1780-\u17ff"  # Myanmar, Khmer
    "\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # kana, Han
    "\uac00-\ud7af"  # Hangul
    "\U00020000-\U0003ffff"  # rarer Han
    "]+"
)
_CLITIC = re.compile(r"['\u2019](?:s|m|d|t|ll|re|ve)\b")


def words(text: str) -> list[str]:
    """Return the words of ``text`` in their order, folded; contractions lose what follows the apostrophe."""
    text = _CLITIC.sub("", text.lower())
    if text.isascii():
        return _ASCII_WORD.findall(text)
    # Decomposed, so that Latin accents can be dropped; composed again for the marks that stay.
    text = unicodedata.normalize("NFKD", text).casefold()
    text = unicodedata.normalize("NFKC", _ACCENTS.sub("", text))
    return [part for word in _runs(text) for part in _parts(word)]


def _runs(text: str) -> Iterator[str]:
    for inside, characters in groupby(text, _belongs):
        if inside:
            yield "".join(characters)


def _belongs(character: str) -> bool:
    # Vowel signs of Indic scripts are marks, and split words wherever only letters count.
    return character.isalnum() or unicodedata.category(character)[0] == "M"


def _parts(word: str) -> Iterator[str]:
    at = 0
    for unspaced in _UNSPACED.finditer(word):
        if unspaced.start() > at:
            yield word[at : unspaced.start()]
        run = unspaced.group()
        yield from (run[i : i + 2] for i in range(max(1, len(run) - 1)))
        at = unspaced.end()
    if at < len(word):
        yield word[at:]
