"""What the models cost: a limit for the setting, and the text in which the functions are told."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from claude_context_bridge.limits import MODEL_NAME

Price = tuple[float, float]
"""Dollars per million tokens: what goes in, what comes out."""

_MOST_MODELS = 20
_MOST_DOLLARS = 10_000
_DECIMALS = 6
_NUMBER = r"[0-9]{1,5}(?:\.[0-9]+)?"


@dataclass(frozen=True)
class Prices:
    """A model's prices by its name; as text `model=in/out`, separated by commas."""

    def __str__(self) -> str:
        return (
            f"at most {_MOST_MODELS} models, each with two numbers: dollars for a million tokens in and out, "
            f"0 to {_MOST_DOLLARS:,} with at most {_DECIMALS} decimals; "
            '{"model": [in, out]} in cdk.json, model=in/out,… as text'
        )

    def check(self, value: object) -> dict[str, Price]:
        """Refuse what is no price, also where Python takes it for a number."""
        if not isinstance(value, Mapping) or len(value) > _MOST_MODELS:
            raise self._refuse(value)
        return {self._model(name, value): self._price(pair, value) for name, pair in value.items()}

    def read(self, text: str) -> dict[str, Price]:
        """Read `model=in/out,…`; nothing between two commas is nothing."""
        prices: dict[str, tuple[float, float]] = {}
        for part in filter(None, map(str.strip, text.split(","))):
            matched = re.fullmatch(rf"([^=\s]+)\s*=\s*({_NUMBER})\s*/\s*({_NUMBER})", part)
            if not matched or matched[1] in prices:
                raise self._refuse(text)
            prices[matched[1]] = float(matched[2]), float(matched[3])
        return self.check(prices)

    def _model(self, name: object, value: object) -> str:
        try:
            return MODEL_NAME.check(name)
        except ValueError:
            raise self._refuse(value) from None

    def _price(self, pair: object, value: object) -> Price:
        if isinstance(pair, str) or not isinstance(pair, Sequence) or len(pair) != 2:  # noqa: PLR2004
            raise self._refuse(value)
        for dollars in pair:
            if (
                isinstance(dollars, bool)
                or not isinstance(dollars, int | float)
                or not 0 <= dollars <= _MOST_DOLLARS
                or round(dollars, _DECIMALS) != dollars
            ):
                raise self._refuse(value)
        return float(pair[0]), float(pair[1])

    def _refuse(self, value: object) -> ValueError:
        return ValueError(f"must be {self}, not {value!r}")


PRICES = Prices()


def as_text(prices: Mapping[str, Sequence[float]]) -> str:
    """Return `model=in/out,…`, which stands in a function's environment."""
    return ",".join(f"{model}={_dollars(price[0])}/{_dollars(price[1])}" for model, price in prices.items())


def _dollars(price: float) -> str:
    """Write a price without an exponent and without idle zeros."""
    text = f"{price:.{_DECIMALS}f}"
    return text.rstrip("0").rstrip(".")
