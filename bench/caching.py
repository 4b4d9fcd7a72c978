"""The provider's prompt cache, simulated: what a call reads from it, and what it writes to it.

A cache of prefixes, by their exact bytes, as Anthropic documents it: a breakpoint (``cache_control``)
writes an entry for all that comes before and with its block; a later call reads the longest entry that
stands within 20 blocks before one of its own breakpoints. An entry lives five minutes, or an hour where
its breakpoint says so, counted from when it was last used. Pure: times are given, tokens estimated.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b

from bridge.conversation import Usage
from bridge.memory import tokens
from bridge.memory.prompt import Prompt
from bridge.pricing import Prices

MODEL, SUMMARY_MODEL = "claude-sonnet-5-5", "claude-haiku-5-5"
PRICES = Prices.parse(f"{MODEL}=2/10,{SUMMARY_MODEL}=0.10/0.50")

MINIMUM = 512
"""Tokens of a prefix under which nothing is cached: that of the 5.5 models."""

LOOKBACK = 20
"""Blocks before a breakpoint at which an entry is looked for, the breakpoint's own counted."""

MOST_BREAKPOINTS = 4

LIVES = {"5m": timedelta(minutes=5), "1h": timedelta(hours=1)}


@dataclass(frozen=True, slots=True)
class Call:
    """A call of MODEL: its prompt, what that took, and what writing a summary after it took.

    Answers are left out, which are the same whatever was told.
    """

    prompt: Prompt
    usage: Usage
    summary: float = 0.0

    @property
    def input(self) -> int:
        """Tokens of the prompt."""
        usage = self.usage
        return usage.input_tokens + usage.cache_creation_input_tokens + usage.cache_read_input_tokens

    @property
    def billed(self) -> float:
        """What the call took, the summary included, as input tokens of MODEL without a cache."""
        return equivalents(MODEL, self.usage) + self.summary


def equivalents(model: str, usage: Usage) -> float:
    """Return what ``usage`` costs with ``model`` as input tokens of MODEL, by the bridge's own pricing."""
    cost, unit = PRICES.cost(model, usage), PRICES.cost(MODEL, Usage(input_tokens=1))
    if cost is None or unit is None:
        raise ValueError(f"{model} has no price")
    return cost.nanodollars / unit.nanodollars


@dataclass(frozen=True, slots=True)
class _Place:
    """A block's end: what stands up to there, in tokens and as a digest; how long it is to be kept."""

    tokens: int
    digest: bytes
    life: timedelta | None


class PromptCache:
    """One model's cache of one account."""

    def __init__(self) -> None:
        self._entries: dict[bytes, tuple[timedelta, datetime]] = {}

    def call(self, prompt: Prompt, at: datetime) -> Usage:
        """Return what a call's input takes, and keep what it writes. Calls come in the order of time.

        Raises ValueError where the provider refuses the prompt: more than four breakpoints, or one
        for an hour behind one for five minutes.
        """
        places = list(_places(prompt))
        _check([place.life for place in places if place.life])
        marked = [n for n, place in enumerate(places) if place.life and place.tokens >= MINIMUM]
        hits = [n for mark in marked for n in self._hit(places, mark, at)]
        read = 0
        if hits:
            read = places[max(hits)].tokens
            # What is read is used, and with it the shorter prefixes that the call names.
            for n in {*marked, max(hits)}:
                if n <= max(hits) and self._living(places[n], at):
                    self._entries[places[n].digest] = (self._entries[places[n].digest][0], at)
        new = [places[n] for n in marked if places[n].tokens > read]
        self._entries |= {place.digest: (place.life, at) for place in new if place.life}
        written = max((place.tokens for place in new), default=read)
        for_an_hour = max((place.tokens for place in new if place.life == LIVES["1h"]), default=read)
        return Usage(
            input_tokens=(places[-1].tokens if places else 0) - written,
            cache_creation_input_tokens=written - read,
            cache_read_input_tokens=read,
            cache_creation_1h_input_tokens=for_an_hour - read,
        )

    def _hit(self, places: list[_Place], mark: int, at: datetime) -> Iterator[int]:
        for n in range(mark, max(-1, mark - LOOKBACK), -1):
            if self._living(places[n], at):
                yield n
                return

    def _living(self, place: _Place, at: datetime) -> bool:
        life, used = self._entries.get(place.digest, (timedelta(0), at))
        return at - used < life


def _places(prompt: Prompt) -> Iterator[_Place]:
    """Yield the ends of a prompt's blocks in the order of the provider's: system, then messages."""
    digest, size = blake2b(digest_size=16), 0
    for role, blocks in (("system", prompt.system), *((m["role"], m["content"]) for m in prompt.messages)):
        digest.update(f"\0{role}\0".encode())
        for block in blocks:
            bare = {name: value for name, value in block.items() if name != "cache_control"}
            digest.update(json.dumps(bare, sort_keys=True).encode())
            size += tokens.estimate(block["text"])
            control = block.get("cache_control")
            yield _Place(size, digest.digest(), LIVES[control.get("ttl", "5m")] if control else None)


def _check(lives: list[timedelta]) -> None:
    if len(lives) > MOST_BREAKPOINTS:
        raise ValueError(f"{len(lives)} cache breakpoints, of at most {MOST_BREAKPOINTS}")
    if lives != sorted(lives, reverse=True):
        raise ValueError("a cache breakpoint for an hour stands behind one for five minutes")
