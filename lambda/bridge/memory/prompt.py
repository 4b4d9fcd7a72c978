"""The prompt, in the order that keeps the provider's cache hitting: what changes least comes first.

1. the system prompt: the operator's own words, never a date, never a memory (breakpoint, 1 h: all of the
   environment's sessions share it), then the session's own instructions (breakpoint, 1 h);
2. the summary of what left the window, which changes only when the window was cut (breakpoint, 1 h);
3. the window, verbatim, which only grows between two cuts (breakpoint at its end: 5 min, or 1 h
   where the session's pace says that the next message comes later than that);
4. what is recalled for this message, and the message, which nothing is cached behind.

The summary stands at the head of the first message of all, and what is recalled before the message
in the last one: both are quotation, and have no business among the instructions. A prefix under the
provider's minimum (512 tokens on the 5.5 models) is silently not cached. The provider takes four breakpoints.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bridge.conversation import Instructions
from bridge.memory import fence, tokens
from bridge.memory.fence import Recalled
from bridge.memory.summary import Summary
from bridge.memory.window import Window

LONG_CACHE = {"type": "ephemeral", "ttl": "1h"}
SHORT_CACHE = {"type": "ephemeral"}

SHORT_PAUSE, LONG_PAUSE = timedelta(minutes=5), timedelta(hours=1)
"""How long the two caches last. A write for an hour costs 2 instead of 1.25 times the input: it pays where
a message comes after five minutes and within the hour, and the last pause is the best guess at the next."""

Block = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a call to Claude's Messages API carries besides its model and limits."""

    system: list[Block]
    messages: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Parts:
    """What goes into a prompt. ``now`` dates what is recalled; ``instructions`` are the session's own."""

    system: str
    window: Window
    message: str
    now: datetime
    summary: Summary | None = None
    recalled: Sequence[Recalled] = ()
    instructions: Instructions | None = None

    @property
    def systems(self) -> tuple[str, ...]:
        """The environment's system prompt and the session's, those of them that say anything."""
        both = (self.system, self.instructions.text if self.instructions else "")
        return tuple(text for text in both if text.strip())

    def tokens(self) -> dict[str, int]:
        """Return about how many tokens each part takes."""
        told = "".join(entry["content"] for e in self.window.exchanges for entry in e.context)
        return {
            "system": sum(map(tokens.estimate, self.systems)),
            "summary": tokens.estimate(fence.summary(self.summary.text)) if self.summary else 0,
            "window": tokens.estimate(told),
            "recall": tokens.estimate(fence.recalled(self.recalled, self.now)) if self.recalled else 0,
            "message": tokens.estimate(self.message),
        }


def build(parts: Parts) -> Prompt:
    """Return the prompt for a message.

    Every text stands in a block of its own, so that a message looks the same whether a cache
    breakpoint follows it or not.
    """
    said: list[dict[str, Any]] = [
        {"role": entry["role"], "content": [_text(entry["content"])]}
        for exchange in parts.window.exchanges
        for entry in exchange.context
    ]
    if said:
        said[-1]["content"][-1]["cache_control"] = dict(_window_cache(parts))
    asked = [_text(parts.message)]
    if parts.recalled:
        asked.insert(0, _text(fence.recalled(parts.recalled, parts.now)))
    messages = [*said, {"role": "user", "content": asked}]
    if parts.summary is not None:
        summary = {**_text(fence.summary(parts.summary.text)), "cache_control": dict(LONG_CACHE)}
        messages[0]["content"].insert(0, summary)
    system = [{**_text(text), "cache_control": dict(LONG_CACHE)} for text in parts.systems]
    return Prompt(system, messages)


def _window_cache(parts: Parts) -> dict[str, str]:
    pause = parts.now - parts.window.exchanges[-1].at
    return LONG_CACHE if SHORT_PAUSE < pause <= LONG_PAUSE else SHORT_CACHE


def _text(text: str) -> Block:
    return {"type": "text", "text": text}
