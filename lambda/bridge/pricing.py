"""What tokens cost. Pure: the prices come from the settings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from decimal import Decimal, InvalidOperation

from bridge.conversation import Cost, Usage
from bridge.errors import SettingsError

WRITE = Decimal("1.25")
"""What a token costs that is written to the cache for five minutes, in input tokens ..."""
WRITE_1H = Decimal(2)
"""... and for an hour ..."""
READ = Decimal("0.1")
"""... and one that is read from it: Anthropic's price list for prompt caching."""

_NANODOLLARS = 1000
"""A price is in dollars per million tokens; a token's is a thousand times that, in billionths of a dollar."""


_DATE = re.compile(r"-\d{8}$")
_ON_BEDROCK = re.compile(r"(?:[a-z-]+\.)?anthropic\.(claude-[a-z0-9-]+?)(?:-v\d+)?(?::.*)?")


@dataclass(frozen=True, slots=True)
class Price:
    """Dollars per million tokens, read and written by the model."""

    input: Decimal
    output: Decimal


@dataclass(frozen=True, slots=True)
class Bill:
    """What tokens cost by kind, in billionths of a dollar.

    ``uncached`` is what all of them would have cost without the cache.
    """

    input: Decimal = Decimal()
    output: Decimal = Decimal()
    cache_write: Decimal = Decimal()
    cache_read: Decimal = Decimal()
    uncached: Decimal = Decimal()

    def __add__(self, other: Bill) -> Bill:
        return Bill(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    @property
    def cost(self) -> Cost:
        """The sum, as it is kept with an exchange."""
        whole = self.input + self.output + self.cache_write + self.cache_read
        return Cost(round(whole), round(self.uncached))

    def dollars(self) -> dict[str, float]:
        """Return the dollars by kind."""
        kinds = ("input", "output", "cache_write", "cache_read")
        return {kind: float(getattr(self, kind).scaleb(-9)) for kind in kinds}


@dataclass(frozen=True, slots=True)
class Prices:
    """The models' prices. A name stands for dated versions too: ``claude-x`` for ``claude-x-20270101``.

    And for its names on Bedrock: ``anthropic.claude-x-v1:0``, and with the part of the world before that. An
    ARN has a price only under its own name.
    """

    by_model: Mapping[str, Price]

    @classmethod
    def parse(cls, text: str) -> Prices:
        """Return the prices that ``model=input/output,…`` names. Raises `SettingsError`."""
        try:
            pairs = (entry.split("=") for entry in text.split(",") if entry.strip())
            return cls({model.strip(): _price(price) for model, price in pairs})
        except (ValueError, InvalidOperation):
            raise SettingsError(f"The prices {text!r} are not of the form 'model=input/output,…'.") from None

    def cost(self, model: str, usage: Usage) -> Cost | None:
        """Return what ``usage`` costs with ``model``; None where the model has no price."""
        bill = self.bill(model, usage)
        return bill.cost if bill else None

    def bill(self, model: str, usage: Usage) -> Bill | None:
        """Return what ``usage`` costs with ``model`` by kind; None where the model has no price."""
        price = self._price_of(model)
        if price is None:
            return None
        for_an_hour = min(usage.cache_creation_1h_input_tokens, usage.cache_creation_input_tokens)
        for_minutes = usage.cache_creation_input_tokens - for_an_hour
        read = price.input * _NANODOLLARS
        written = price.output * _NANODOLLARS * usage.output_tokens
        whole = usage.input_tokens + usage.cache_creation_input_tokens + usage.cache_read_input_tokens
        return Bill(
            input=read * usage.input_tokens,
            output=written,
            cache_write=read * (WRITE * for_minutes + WRITE_1H * for_an_hour),
            cache_read=read * READ * usage.cache_read_input_tokens,
            uncached=read * whole + written,
        )

    def _price_of(self, model: str) -> Price | None:
        if matched := _ON_BEDROCK.fullmatch(model):
            names: tuple[str, ...] = (model, matched[1], _DATE.sub("", matched[1]))
        else:
            names = (model, _DATE.sub("", model))
        return next((self.by_model[name] for name in names if name in self.by_model), None)


def _price(text: str) -> Price:
    read, written = map(Decimal, text.split("/"))
    if not (0 <= read < Decimal("1e6") and 0 <= written < Decimal("1e6")):
        raise ValueError
    return Price(read, written)
