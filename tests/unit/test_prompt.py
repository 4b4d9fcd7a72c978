"""The prompt: what is marked for the cache, and that the marks are all that ever changes in it."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bridge.conversation import Exchange
from bridge.memory import prompt
from bridge.memory.prompt import Parts, Prompt
from bridge.memory.window import Window
from tests.fakes import START, an_exchange
from tests.strategies import conversations, texts


def build(system: str, window: Window, message: str) -> Prompt:
    return prompt.build(Parts(system, window, message, START))


def marks(told: Prompt) -> list[dict[str, str]]:
    """Return every cache breakpoint, in the prompt's order."""
    blocks = [*told.system, *(block for message in told.messages for block in message["content"])]
    return [block["cache_control"] for block in blocks if "cache_control" in block]


def stripped(messages: list[dict[str, Any]]) -> list[str]:
    """Return the messages' bytes without the breakpoints."""
    return [
        json.dumps(
            {
                **message,
                "content": [
                    {name: value for name, value in block.items() if name != "cache_control"}
                    for block in message["content"]
                ],
            }
        )
        for message in messages
    ]


def test_marks_the_system_prompt_and_the_windows_end() -> None:
    told = build("Be kind.", Window((an_exchange(1), an_exchange(2))), "And now?")
    assert told.system == [
        {"type": "text", "text": "Be kind.", "cache_control": {"type": "ephemeral", "ttl": "1h"}}
    ]
    assert [message["role"] for message in told.messages] == ["user", "assistant"] * 2 + ["user"]
    assert told.messages[3]["content"][-1]["cache_control"] == {"type": "ephemeral"}
    assert told.messages[4] == {"role": "user", "content": [{"type": "text", "text": "And now?"}]}
    assert len(marks(told)) == 2


def test_a_first_message_goes_unmarked() -> None:
    told = build("", Window(), "Hello?")
    assert told == Prompt([], [{"role": "user", "content": [{"type": "text", "text": "Hello?"}]}])


def test_an_empty_system_prompt_makes_no_block() -> None:
    assert build(" \n", Window((an_exchange(),)), "Hello?").system == []


@given(texts, conversations(), texts)
def test_has_at_most_four_marks_and_none_behind_the_window(
    system: str, exchanges: list[Exchange], message: str
) -> None:
    told = build(system, Window.of(exchanges, 10_000), message)
    assert len(marks(told)) <= 4
    assert not any("cache_control" in block for block in told.messages[-1]["content"])
    assert marks(told) == [{"type": "ephemeral", "ttl": "1h"}] * bool(system.strip()) + [
        {"type": "ephemeral"}
    ] * (len(told.messages) > 1)


@given(st.lists(st.tuples(texts.filter(str.strip), texts.filter(str.strip)), min_size=1, max_size=8))
def test_the_next_turns_prompt_begins_with_this_ones_bytes(said: list[tuple[str, str]]) -> None:
    exchanges = [an_exchange(turn, *pair) for turn, pair in enumerate(said, start=1)]
    before: list[str] = []
    for number, exchange in enumerate(exchanges):
        told = build("Be kind.", Window(tuple(exchanges[:number])), exchange.question)
        now = stripped(told.messages)
        assert now[: len(before)] == before
        before = now


def test_building_twice_shares_no_mark() -> None:
    first = build("Be kind.", Window((an_exchange(),)), "One")
    first.system[0]["cache_control"]["ttl"] = "5m"
    first.messages[1]["content"][0]["cache_control"]["ttl"] = "1h"
    second = build("Be kind.", Window((an_exchange(),)), "Two")
    assert marks(second) == [{"type": "ephemeral", "ttl": "1h"}, {"type": "ephemeral"}]
