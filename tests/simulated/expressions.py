"""DynamoDB's expressions over items as its API has them: ``{"name": {"S": "text"}}``.

As much of the language as the adapters speak, and a `SyntaxError` for the rest.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

Item = dict[str, Any]
Condition = Callable[[Item, "Bindings"], bool]
Change = Callable[[Item, Item, "Bindings"], None]

_TOKEN = re.compile(r"\s*(<=|>=|<>|[=<>(),+-]|[#:]?\w+)")
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: bool(a == b),
    "<>": lambda a, b: bool(a != b),
    "<": lambda a, b: bool(a < b),
    "<=": lambda a, b: bool(a <= b),
    ">": lambda a, b: bool(a > b),
    ">=": lambda a, b: bool(a >= b),
}
_CLAUSES = ("SET", "REMOVE", "ADD", "DELETE")


class Bindings:
    """What ``#names`` and ``:values`` stand for; those that nobody asks for are an error, as in DynamoDB."""

    def __init__(self, request: Mapping[str, Any]) -> None:
        self._names: Mapping[str, str] = request.get("ExpressionAttributeNames", {})
        self._values: Item = request.get("ExpressionAttributeValues", {})
        self._asked: set[str] = set()

    def name(self, token: str) -> str:
        self._asked.add(token)
        return self._names[token] if token.startswith("#") else token

    def value(self, token: str) -> Any:
        self._asked.add(token)
        return self._values[token]

    def check(self, *expressions: str | None) -> None:
        """Raise where one is bound that none of the expressions names."""
        named = {token for each in expressions if each for token in _tokens(each)}
        unused = {*self._names, *self._values} - named
        assert not unused, f"DynamoDB refuses {sorted(unused)}, which no expression names"


def plain(value: Item) -> Any:
    """Return an attribute's value so that it can be compared."""
    ((kind, content),) = value.items()
    if kind == "N":
        return Decimal(content)
    return frozenset(content) if kind in ("SS", "NS", "BS") else content


@functools.cache
def condition(text: str) -> Condition:
    """Return what tells whether an item meets a condition."""
    parser = _Parser(text)
    met = parser.either()
    parser.end()
    return met


@functools.cache
def update(text: str) -> Change:
    """Return what changes a new item as an update says, by the values of the one before."""
    parser = _Parser(text)
    changes = []
    while not parser.over:
        clause = parser.take(*_CLAUSES)
        while True:
            changes.append(_change(parser, clause))
            if not parser.took(","):
                break

    def change(item: Item, before: Item, bound: Bindings) -> None:
        for each in changes:
            each(item, before, bound)

    return change


def _change(parser: _Parser, clause: str) -> Change:
    path = parser.take()
    if clause == "REMOVE":
        return lambda item, before, bound: item.pop(bound.name(path), None) and None
    if clause == "SET":
        parser.take("=")
    value = parser.take()
    assert value.startswith(":"), f"{clause} of {value!r} is not known here"

    def change(item: Item, before: Item, bound: Bindings) -> None:
        name, given = bound.name(path), bound.value(value)
        if clause == "SET":
            item[name] = given
        elif "N" in given:
            item[name] = {"N": str(plain(before.get(name, {"N": "0"})) + plain(given))}
        else:
            ((kind, members),) = given.items()
            there = set(before.get(name, {kind: ()})[kind])
            left = there | set(members) if clause == "ADD" else there - set(members)
            if left:
                item[name] = {kind: sorted(left)}
            else:  # an empty set is none
                item.pop(name, None)

    return change


def _tokens(text: str) -> list[str]:
    tokens, position = [], 0
    while position < len(text.rstrip()):
        found = _TOKEN.match(text, position)
        if found is None:
            raise SyntaxError(f"{text!r} at {position}")
        tokens.append(found[1])
        position = found.end()
    return tokens


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = _tokens(text)

    @property
    def over(self) -> bool:
        return not self._tokens

    def end(self) -> None:
        if self._tokens:
            raise SyntaxError(f"{self._text!r}: {self._tokens[0]!r} is too much")

    def take(self, *allowed: str) -> str:
        if not self._tokens or (allowed and self._tokens[0] not in allowed):
            raise SyntaxError(f"{self._text!r}: {allowed or 'more'} instead of {self._tokens[:1]}")
        return self._tokens.pop(0)

    def took(self, token: str) -> bool:
        if self._tokens[:1] != [token]:
            return False
        self._tokens.pop(0)
        return True

    def either(self) -> Condition:
        parts = [self._all()]
        while self.took("OR"):
            parts.append(self._all())
        return lambda item, bound: any(part(item, bound) for part in parts)

    def _all(self) -> Condition:
        parts = [self._one()]
        while self.took("AND"):
            parts.append(self._one())
        return lambda item, bound: all(part(item, bound) for part in parts)

    def _one(self) -> Condition:
        if self.took("("):
            inner = self.either()
            self.take(")")
            return inner
        first = self.take()
        if first in ("attribute_exists", "attribute_not_exists"):
            self.take("(")
            path = self.take()
            self.take(")")
            wanted = first == "attribute_exists"
            return lambda item, bound: (bound.name(path) in item) == wanted
        if first == "contains":
            self.take("(")
            path = self.take()
            self.take(",")
            part = self.take()
            self.take(")")
            return _containing(path, part)
        comparison = self.take(*_COMPARISONS, "BETWEEN")
        second = self.take()
        if comparison != "BETWEEN":
            return _compared(first, comparison, second)
        self.take("AND")
        return _between(first, second, self.take())


def _compared(path: str, comparison: str, value: str) -> Condition:
    def met(item: Item, bound: Bindings) -> bool:
        there, given = item.get(bound.name(path)), bound.value(value)
        if there is None or there.keys() != given.keys():
            return comparison == "<>"
        return _COMPARISONS[comparison](plain(there), plain(given))

    return met


def _containing(path: str, part: str) -> Condition:
    def met(item: Item, bound: Bindings) -> bool:
        there, given = item.get(bound.name(path)), bound.value(part)
        return there is not None and plain(given) in plain(there)

    return met


def _between(path: str, low: str, high: str) -> Condition:
    def met(item: Item, bound: Bindings) -> bool:
        first, last = plain(bound.value(low)), plain(bound.value(high))
        assert first <= last, "DynamoDB takes no BETWEEN whose upper bound is the lower one"
        there = item.get(bound.name(path))
        return there is not None and bool(first <= plain(there) <= last)

    return met
