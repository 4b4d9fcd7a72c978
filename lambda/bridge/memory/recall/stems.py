"""Terms: what a message and a question are compared by. Content words, reduced to their stems."""

from __future__ import annotations

import sys
from functools import lru_cache
from importlib import import_module
from importlib.machinery import PathFinder
from types import ModuleType
from typing import Any

from bridge.memory.recall.english import IRREGULAR, STOP_WORDS
from bridge.memory.recall.tokens import words

_PACKAGE = "snowballstemmer"
_ENGLISH_ONLY = "_bridge_snowball"


def terms(text: str) -> list[str]:
    """Return the terms of ``text`` in their order: no stop words, the others as stems."""
    return [stem(word) for word in words(text) if word not in STOP_WORDS]


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """Return the stem of an English word, or ``word`` itself where it cannot be one.

    Cached: a conversation has few words, and says them often.
    """
    if not (word.isascii() and word.isalpha()):
        return word
    word = IRREGULAR.get(word, word)
    return sys.intern(_stemmer().stemWord(word))


@lru_cache(maxsize=1)
def _stemmer() -> Any:
    # The package's own __init__ imports its stemmers for all languages, which a cold start would pay
    # for; so English is imported from a package of ours that looks for modules where it lies.
    spec = PathFinder.find_spec(_PACKAGE)
    if spec is None or spec.submodule_search_locations is None:
        raise ModuleNotFoundError(f"{_PACKAGE} is not installed", name=_PACKAGE)
    package = ModuleType(_ENGLISH_ONLY)
    package.__path__ = list(spec.submodule_search_locations)
    sys.modules.setdefault(_ENGLISH_ONLY, package)
    return import_module(f"{_ENGLISH_ONLY}.english_stemmer").EnglishStemmer()
