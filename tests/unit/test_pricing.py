"""What tokens cost, by kind."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.conversation import Cost, Usage
from bridge.errors import SettingsError
from bridge.pricing import Prices
from tests.fakes import PRICES

counts = st.integers(0, 10**6)


@pytest.mark.parametrize(
    ("usage", "dollars", "uncached"),
    [
        pytest.param(Usage(input_tokens=1_000_000), 2.0, 2.0, id="input"),
        pytest.param(Usage(output_tokens=1_000_000), 10.0, 10.0, id="output"),
        pytest.param(Usage(cache_creation_input_tokens=1_000_000), 2.5, 2.0, id="write-5-minutes"),
        pytest.param(
            Usage(cache_creation_input_tokens=1_000_000, cache_creation_1h_input_tokens=1_000_000),
            4.0,
            2.0,
            id="write-1-hour",
        ),
        pytest.param(Usage(cache_read_input_tokens=1_000_000), 0.2, 2.0, id="read"),
    ],
)
def test_a_million_tokens_of_each_kind(usage: Usage, dollars: float, uncached: float) -> None:
    cost = PRICES.cost("claude-sonnet-5-5", usage)
    assert cost == Cost(round(dollars * 1e9), round(uncached * 1e9))


@given(counts, counts, counts, counts)
def test_each_kind_is_paid_for_itself(plain: int, written: int, read: int, said: int) -> None:
    whole = PRICES.cost("claude-haiku-5-5", Usage(plain, said, written, read))
    parts = [
        PRICES.cost("claude-haiku-5-5", usage)
        for usage in (Usage(plain), Usage(0, said), Usage(0, 0, written), Usage(0, 0, 0, read))
    ]
    assert whole is not None
    assert abs(whole.nanodollars - sum(part.nanodollars for part in parts if part)) <= 2
    assert whole.uncached_nanodollars == (plain + written + read) * 100 + said * 500


@given(counts, counts, counts, counts, counts)
def test_the_kinds_of_a_bill_add_up_to_its_cost(
    plain: int, said: int, written: int, read: int, for_an_hour: int
) -> None:
    usage = Usage(plain, said, written, read, min(for_an_hour, written))
    bill = PRICES.bill("claude-sonnet-5-5", usage)
    assert bill is not None
    dollars = bill.dollars()
    assert sum(dollars.values()) == pytest.approx(bill.cost.nanodollars / 1e9, abs=1e-9)
    tokens = {"input": plain, "output": said, "cache_write": written, "cache_read": read}
    assert {kind for kind, cost in dollars.items() if cost} == {kind for kind, n in tokens.items() if n}
    assert (bill + bill).cost == PRICES.cost("claude-sonnet-5-5", usage + usage)


def test_a_dated_version_costs_what_its_model_does_and_an_unknown_model_nothing_known() -> None:
    assert PRICES.cost("claude-sonnet-5-5-20261001", Usage(1)) == Cost(2000, 2000)
    assert PRICES.cost("claude-sonnet-5", Usage(1)) is None
    assert PRICES.cost("claude-sonnet-5-55", Usage(1)) is None
    assert Prices.parse("").cost("claude-sonnet-5-5", Usage(1)) is None
    assert Prices.parse("claude-opus-5=1/1").cost("claude-opus-5-5", Usage(1)) is None


@pytest.mark.parametrize(
    "model",
    [
        "anthropic.claude-sonnet-5-5",
        "anthropic.claude-sonnet-5-5-v1:0",
        "global.anthropic.claude-sonnet-5-5-v1:0",
        "us-gov.anthropic.claude-sonnet-5-5-20261001-v2:0",
        "eu.anthropic.claude-sonnet-5-5-20261001-v1:0:200k",
    ],
)
def test_on_bedrock_a_model_costs_the_same(model: str) -> None:
    assert PRICES.cost(model, Usage(1)) == Cost(2000, 2000)
    assert Prices.parse(f"{model}=3/1").cost(model, Usage(1)) == Cost(3000, 3000)


def test_an_arn_has_the_price_that_is_named_for_it() -> None:
    arn = "arn:aws:bedrock:eu-central-1::foundation-model/anthropic.claude-sonnet-5-5-v1:0"
    assert PRICES.cost(arn, Usage(1)) is None
    assert Prices.parse(f"{arn}=3/1").cost(arn, Usage(1)) == Cost(3000, 3000)


@pytest.mark.parametrize("text", ["claude", "claude=1", "claude=a/b", "claude=1/2/3", "a=-1/2", "a=NaN/1"])
def test_prices_that_are_none_are_told(text: str) -> None:
    with pytest.raises(SettingsError, match="model=input/output"):
        Prices.parse(text)
