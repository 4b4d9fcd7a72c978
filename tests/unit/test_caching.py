"""The simulated prompt cache, by the provider's rules: it prices the bench's calls."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bench.caching import LOOKBACK, MINIMUM, PromptCache
from bridge.conversation import Usage
from bridge.memory import prompt
from bridge.memory.prompt import Parts, Prompt
from bridge.memory.summary import Summary
from bridge.memory.window import Window
from tests.fakes import START, an_exchange

SECOND = timedelta(seconds=1)
MINUTES_5, HOUR = timedelta(minutes=5), timedelta(hours=1)


def text(tokens: int, letter: str = "a") -> str:
    """Return a text of so many tokens by the project's estimate."""
    return letter * (4 * tokens)


def block(tokens: int, letter: str = "a", ttl: str | None = None) -> dict[str, Any]:
    said: dict[str, Any] = {"type": "text", "text": text(tokens, letter)}
    return said if ttl is None else said | {"cache_control": {"type": "ephemeral", "ttl": ttl}}


def asking(*blocks: dict[str, Any], system: list[dict[str, Any]] | None = None) -> Prompt:
    return Prompt(system or [], [{"role": "user", "content": list(blocks)}])


def usage(plain: int = 0, written: int = 0, read: int = 0, written_1h: int = 0) -> Usage:
    """Return a call's input; `written` holds `written_1h`."""
    return Usage(
        input_tokens=plain,
        cache_creation_input_tokens=written,
        cache_read_input_tokens=read,
        cache_creation_1h_input_tokens=written_1h,
    )


def test_without_a_breakpoint_all_is_plain_input() -> None:
    cache = PromptCache()
    for _ in range(2):
        assert cache.call(asking(block(2000)), START) == usage(plain=2000)


def test_the_first_call_writes_and_the_next_reads() -> None:
    cache = PromptCache()
    told = asking(block(600, ttl="5m"), block(30, "b"))
    assert cache.call(told, START) == usage(plain=30, written=600)
    assert cache.call(told, START + SECOND) == usage(plain=30, read=600)


def test_a_prefix_that_grows_is_read_as_far_as_it_was_and_written_from_there_on() -> None:
    cache = PromptCache()
    cache.call(asking(block(600, ttl="5m")), START)
    grown = asking(block(600), block(100, "b", ttl="5m"))
    assert cache.call(grown, START + SECOND) == usage(written=100, read=600)
    assert cache.call(grown, START + 2 * SECOND) == usage(read=700)


def test_a_breakpoint_is_no_part_of_what_is_cached() -> None:
    cache = PromptCache()
    cache.call(asking(block(600, ttl="5m"), block(100, "b")), START)
    assert cache.call(asking(block(600), block(100, "b", ttl="5m")), START) == usage(written=100, read=600)


def test_one_changed_byte_before_a_breakpoint_loses_all_behind_it() -> None:
    cache = PromptCache()
    cache.call(asking(block(600), block(600, "b", ttl="5m")), START)
    changed = block(600)
    changed["text"] = "A" + changed["text"][1:]
    assert cache.call(asking(changed, block(600, "b", ttl="5m")), START) == usage(written=1200)


def test_the_same_words_of_another_role_are_another_prefix() -> None:
    cache = PromptCache()
    said = [block(600, ttl="5m")]
    cache.call(Prompt([], [{"role": "user", "content": said}]), START)
    assert cache.call(Prompt([], [{"role": "assistant", "content": said}]), START) == usage(written=600)


def test_where_a_message_ends_is_part_of_the_prefix() -> None:
    cache = PromptCache()
    cache.call(asking(block(300), block(300, "b", ttl="5m")), START)
    apart = [
        {"role": "user", "content": [block(300)]},
        {"role": "user", "content": [block(300, "b", ttl="5m")]},
    ]
    assert cache.call(Prompt([], apart), START) == usage(written=600)


@pytest.mark.parametrize(("size", "cached"), [(MINIMUM - 1, False), (MINIMUM, True)])
def test_a_prefix_under_the_minimum_is_not_cached(size: int, cached: bool) -> None:
    cache = PromptCache()
    told = asking(block(size, ttl="5m"), block(2000, "b"))
    assert cache.call(told, START) == (usage(2000, written=size) if cached else usage(2000 + size))
    assert cache.call(told, START) == (usage(2000, read=size) if cached else usage(2000 + size))


def test_the_minimum_is_the_whole_prefix_not_the_breakpoints_own_block() -> None:
    cache = PromptCache()
    told = asking(block(400, ttl="1h"), block(200, "b", ttl="5m"))
    assert cache.call(told, START) == usage(written=600)


@pytest.mark.parametrize(("ttl", "life"), [("5m", MINUTES_5), ("1h", HOUR)])
def test_an_entry_lives_its_time(ttl: str, life: timedelta) -> None:
    told = asking(block(600, ttl=ttl))
    written = usage(written=600, written_1h=600 if ttl == "1h" else 0)
    for later, took in ((life - SECOND, usage(read=600)), (life, written)):
        cache = PromptCache()
        assert cache.call(told, START) == written
        assert cache.call(told, START + later) == took


@pytest.mark.parametrize(("ttl", "life"), [("5m", MINUTES_5), ("1h", HOUR)])
def test_use_begins_an_entrys_time_anew(ttl: str, life: timedelta) -> None:
    cache = PromptCache()
    told = asking(block(600, ttl=ttl))
    cache.call(told, START)
    for times in range(1, 4):
        assert cache.call(told, START + times * (life - SECOND)) == usage(read=600)


def test_reading_a_prefix_keeps_the_shorter_ones_that_the_call_names() -> None:
    cache = PromptCache()
    told = asking(block(600, ttl="5m"), block(100, "b", ttl="5m"))
    cache.call(told, START)
    cache.call(told, START + MINUTES_5 - SECOND)
    other = asking(block(600, ttl="5m"), block(100, "c", ttl="5m"))
    assert cache.call(other, START + 2 * (MINUTES_5 - SECOND)) == usage(written=100, read=600)


def test_the_longest_prefix_that_lives_is_read() -> None:
    cache = PromptCache()
    told = asking(block(600, ttl="1h"), block(100, "b", ttl="5m"), block(10, "c"))
    assert cache.call(told, START) == usage(plain=10, written=700, written_1h=600)
    assert cache.call(told, START + SECOND) == usage(plain=10, read=700)
    assert cache.call(told, START + HOUR / 2) == usage(plain=10, written=100, read=600)


def test_the_system_prompt_comes_before_the_messages() -> None:
    cache = PromptCache()
    system = [block(600, "s", ttl="1h")]
    assert cache.call(asking(block(50), system=system), START) == usage(50, written=600, written_1h=600)
    assert cache.call(asking(block(70, "b"), system=system), START) == usage(70, read=600)


@pytest.mark.parametrize(("between", "read"), [(LOOKBACK - 1, 600), (LOOKBACK, 0)])
def test_an_entry_is_looked_for_within_twenty_blocks(between: int, read: int) -> None:
    cache = PromptCache()
    cache.call(asking(block(600, ttl="5m")), START)
    more = [block(10, "b") for _ in range(between - 1)]
    took = cache.call(asking(block(600), *more, block(10, "b", ttl="5m")), START)
    assert took.cache_read_input_tokens == read
    assert took.cache_creation_input_tokens == 600 + 10 * between - read


def test_a_breakpoint_near_by_finds_what_a_far_one_does_not() -> None:
    cache = PromptCache()
    cache.call(asking(block(600, ttl="5m")), START)
    more = [block(10, "b") for _ in range(2 * LOOKBACK)]
    took = cache.call(asking(block(600, ttl="5m"), *more, block(10, "b", ttl="5m")), START)
    assert took == usage(written=10 * (2 * LOOKBACK + 1), read=600)


def test_refuses_what_the_provider_refuses() -> None:
    with pytest.raises(ValueError, match="5 cache breakpoints"):
        PromptCache().call(asking(*[block(1, ttl="5m")] * 5), START)
    with pytest.raises(ValueError, match="an hour"):
        PromptCache().call(asking(block(1, ttl="5m"), block(1, ttl="1h")), START)


def parts(turns: int, notes: str = "s") -> Parts:
    said = tuple(an_exchange(turn, text(100, "q"), text(100, "r")) for turn in range(1, turns + 1))
    return Parts("", Window(said), text(20, "m"), START, Summary(1, text(600, notes), START))


def test_the_bridges_own_prompts_read_all_but_the_newest_exchange() -> None:
    cache = PromptCache()
    first = cache.call(prompt.build(parts(3)), START)
    assert first.cache_read_input_tokens == 0
    assert 0 < first.cache_creation_1h_input_tokens < first.cache_creation_input_tokens
    cached = first.cache_creation_input_tokens
    assert cache.call(prompt.build(parts(4)), START + SECOND) == usage(20, written=200, read=cached)


def test_a_new_summary_costs_the_bridge_its_whole_prefix() -> None:
    cache = PromptCache()
    first = cache.call(prompt.build(parts(3)), START)
    again = cache.call(prompt.build(parts(3, "t")), START + SECOND)
    assert again == first
