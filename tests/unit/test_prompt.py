"""The prompt: what is marked for the cache, and that the marks are all that ever changes in it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.conversation import Exchange, Instructions
from bridge.memory import fence, prompt
from bridge.memory.fence import Recalled
from bridge.memory.prompt import Parts, Prompt
from bridge.memory.summary import Summary
from bridge.memory.window import Window
from tests.fakes import START, an_exchange
from tests.strategies import conversations, texts


def build(system: str, window: Window, message: str) -> Prompt:
    return prompt.build(Parts(system, window, message, START))


def marks(told: Prompt) -> list[dict[str, str]]:
    """Return every cache breakpoint, in the prompt's order."""
    blocks = [*told.system, *(block for message in told.messages for block in message["content"])]
    return [block["cache_control"] for block in blocks if "cache_control" in block]


def up_to_the_last_mark(told: Prompt) -> str:
    """Return what the provider may cache: all blocks up to the last breakpoint, without the breakpoints."""
    blocks: list[tuple[str, dict[str, Any]]] = [("system", block) for block in told.system]
    for message in told.messages:
        blocks += ((message["role"], block) for block in message["content"])
    marked = [number for number, (_, block) in enumerate(blocks) if "cache_control" in block]
    return "".join(
        json.dumps([role, {name: value for name, value in block.items() if name != "cache_control"}])
        for role, block in blocks[: marked[-1] + 1 if marked else 0]
    )


def test_marks_the_system_prompt_and_the_windows_end() -> None:
    told = build("Be kind.", Window((an_exchange(1), an_exchange(2))), "And now?")
    assert told.system == [
        {"type": "text", "text": "Be kind.", "cache_control": {"type": "ephemeral", "ttl": "1h"}}
    ]
    assert [message["role"] for message in told.messages] == ["user", "assistant"] * 2 + ["user"]
    assert told.messages[3]["content"][-1]["cache_control"] == {"type": "ephemeral"}
    assert told.messages[4] == {"role": "user", "content": [{"type": "text", "text": "And now?"}]}
    assert len(marks(told)) == 2


def test_the_sessions_own_instructions_follow_the_environments() -> None:
    """Each with a breakpoint: all sessions share the first, and the second outlives a cut of the window."""
    own = Instructions("In Danish.", 7)
    window, summary = Window((an_exchange(1), an_exchange(2))), Summary(4, "They met.", START)
    parts = Parts("Be kind.", window, "And now?", START, summary, instructions=own)
    told = prompt.build(parts)
    hour = {"type": "ephemeral", "ttl": "1h"}
    assert told.system == [
        {"type": "text", "text": text, "cache_control": hour} for text in ("Be kind.", "In Danish.")
    ]
    assert marks(told) == [hour, hour, hour, {"type": "ephemeral"}]
    without = prompt.build(replace(parts, instructions=None))
    assert (without.system, without.messages) == (told.system[:1], told.messages)
    assert parts.tokens() == {**replace(parts, instructions=None).tokens(), "system": 2 + 3}


def test_instructions_stand_alone_where_the_environment_has_none() -> None:
    parts = Parts(" ", Window(), "Hello?", START, instructions=Instructions("In Danish.", 1))
    assert [block["text"] for block in prompt.build(parts).system] == ["In Danish."]
    assert parts.tokens()["system"] == 3


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


def test_the_summary_comes_first_of_all_messages_and_what_is_recalled_before_the_last() -> None:
    quote = Recalled("plans", 1, "user", START, "I like jam.", 1.0)
    summary = Summary(4, "They met.", START)
    told = prompt.build(Parts("", Window((an_exchange(5),)), "And now?", START, summary, [quote]))
    first, *_, last = told.messages
    assert [block["text"] for block in first["content"]] == [fence.summary("They met."), "Hello?"]
    assert [block["text"] for block in last["content"]] == [fence.recalled([quote], START), "And now?"]
    assert marks(told) == [{"type": "ephemeral", "ttl": "1h"}, {"type": "ephemeral"}]
    alone = prompt.build(Parts("", Window(), "And now?", START, summary, [quote]))
    assert [block["text"] for block in alone.messages[0]["content"]] == [
        fence.summary("They met."),
        fence.recalled([quote], START),
        "And now?",
    ]


@given(
    st.lists(st.tuples(texts.filter(str.strip), texts.filter(str.strip)), min_size=1, max_size=12),
    st.none() | texts.filter(str.strip),
    st.integers(5, 200),
)
def test_between_two_cuts_what_was_cached_stays_the_beginning_byte_for_byte(
    said: list[tuple[str, str]], summarized: str | None, limit: int
) -> None:
    exchanges = [an_exchange(turn, *pair) for turn, pair in enumerate(said, start=1)]
    summary = Summary(0, summarized, START) if summarized else None
    start, cached = 1, ""
    for number, exchange in enumerate(exchanges):
        window = Window.of(exchanges[start - 1 : number], limit)
        quote = Recalled("plans", number, "user", START, f"Recalled for turn {number}.", 1.0)
        told = prompt.build(Parts("Be kind.", window, exchange.question, START, summary, [quote]))
        if window.start(number + 1) != start:
            start, cached = window.start(number + 1), ""
        now = up_to_the_last_mark(told)
        assert now.startswith(cached)
        assert f"Recalled for turn {number}." not in now
        cached = now


@pytest.mark.parametrize(
    ("minutes", "cache"),
    [
        (1, {"type": "ephemeral"}),
        (5, {"type": "ephemeral"}),
        (6, {"type": "ephemeral", "ttl": "1h"}),
        (60, {"type": "ephemeral", "ttl": "1h"}),
        (61, {"type": "ephemeral"}),
    ],
)
def test_the_window_is_cached_for_as_long_as_the_last_pause_suggests(
    minutes: int, cache: dict[str, str]
) -> None:
    last = an_exchange(1)
    parts = Parts("", Window((last,)), "And now?", last.at + timedelta(minutes=minutes))
    assert marks(prompt.build(parts)) == [cache]


def test_building_twice_shares_no_mark() -> None:
    first = build("Be kind.", Window((an_exchange(),)), "One")
    first.system[0]["cache_control"]["ttl"] = "5m"
    first.messages[1]["content"][0]["cache_control"]["ttl"] = "1h"
    second = build("Be kind.", Window((an_exchange(),)), "Two")
    assert marks(second) == [{"type": "ephemeral", "ttl": "1h"}, {"type": "ephemeral"}]
