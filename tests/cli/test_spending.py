"""Sums of tokens and dollars."""

from __future__ import annotations

import pytest

from bridge_cli.spending import Cost, SessionUsage, cache_share, total


def test_the_cache_s_share_is_of_all_input() -> None:
    usage = {
        "input_tokens": 10,
        "cache_creation_input_tokens": 40,
        "cache_creation_1h_input_tokens": 30,  # part of the 40
        "cache_read_input_tokens": 150,
        "output_tokens": 1000,
    }
    assert cache_share(usage) == 0.75
    assert cache_share({"output_tokens": 3}) is None


def test_sums_count_what_has_no_price_apart() -> None:
    summed = total(
        [
            SessionUsage("a", "", 2, "", {"input_tokens": 1, "output_tokens": 2}, Cost(0.25, 1.0, 1)),
            SessionUsage("b", "", 3, "", {"input_tokens": 10}, Cost(0.5, 0.25)),
            SessionUsage("of an older bridge", "", 4, ""),
        ]
    )
    assert (summed.sessions, summed.turns) == (3, 9)
    assert summed.usage == {"input_tokens": 11, "output_tokens": 2}
    assert summed.cost == Cost(0.75, 1.25, 5)
    assert summed.as_json()["cache_share"] == 0.0


@pytest.mark.parametrize(
    ("told", "saved"), [({"dollars": 1, "uncached_dollars": 0.5}, -0.5), ({"dollars": 1}, 0)]
)
def test_a_cache_may_cost_more_than_it_saved(told: dict[str, float], saved: float) -> None:
    cost = Cost.from_wire(told)
    assert cost is not None
    assert cost.saved == saved
