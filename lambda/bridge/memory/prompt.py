"""The prompt, in the order that keeps the provider's cache hitting: what changes least comes first.

1. the system prompt: the operator's own words, never a date, never a memory (breakpoint, 1 h);
2. the window, verbatim, which only grows between two cuts (breakpoint, 5 min, at its end);
3. the user's message, which nothing is cached behind.

A prefix under the provider's minimum (512 tokens on the 5.5 models) is silently not cached.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bridge.memory.window import Window

SYSTEM_CACHE = {"type": "ephemeral", "ttl": "1h"}
WINDOW_CACHE = {"type": "ephemeral"}

Block = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a call to Claude's Messages API carries besides its model and limits."""

    system: list[Block]
    messages: list[dict[str, Any]]


def build(system: str, window: Window, message: str) -> Prompt:
    """Return the prompt for ``message`` after what ``window`` holds.

    Every text stands in a block of its own, so that a message looks the same whether a cache
    breakpoint follows it or not.
    """
    said: list[dict[str, Any]] = [
        {"role": entry["role"], "content": [_text(entry["content"])]}
        for exchange in window.exchanges
        for entry in exchange.context
    ]
    if said:
        said[-1]["content"][-1]["cache_control"] = dict(WINDOW_CACHE)
    return Prompt(
        system=[{**_text(system), "cache_control": dict(SYSTEM_CACHE)}] if system.strip() else [],
        messages=[*said, {"role": "user", "content": [_text(message)]}],
    )


def _text(text: str) -> Block:
    return {"type": "text", "text": text}
