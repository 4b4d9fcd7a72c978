"""DynamoDB's values as JSON and back, exactly: numbers keep all their digits. Pure.

A JSON number is taken as the text that it is, and DynamoDB takes and gives numbers as text, too: none becomes
a float on the way. Strings, numbers, booleans, null, lists and objects are all that sessions hold; sets and
binary values are refused, so that nothing is changed in silence.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

Value = dict[str, Any]
Item = dict[str, Value]

MOST_BYTES = 400 * 1024
"""DynamoDB's limit of an item."""

MOST_DIGITS = 38
_SMALLEST, _LARGEST = -130, 125  # powers of ten, as DynamoDB has them
_DEEPEST = 32  # lists and objects within each other, DynamoDB's limit

_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")


_ESCAPED = {code: f"\\u{code:04x}" for code in (*range(0x7F, 0xA0), 0x2028, 0x2029)}
"""Controls that JSON may leave as they are: they would steer a terminal, or end a line for some programs."""


class Number(str):
    """A number, as its digits stand in JSON."""

    __slots__ = ()


def item_text(item: Item) -> str:
    """Return an item as one line of JSON: its key first, then its attributes by name."""
    names = ["session_id", "seq", *sorted(item.keys() - {"session_id", "seq"})]
    return "{" + ",".join(f"{_quoted(name)}:{_text(item[name])}" for name in names) + "}"


def parsed(text: str) -> Any:
    """Return what JSON says, numbers as `Number`. Raises ValueError, also where a name comes twice."""
    try:
        return json.loads(
            text,
            parse_int=Number,
            parse_float=Number,
            parse_constant=_no_constant,
            object_pairs_hook=_unique,
        )
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def item_of(plain: dict[str, Any]) -> Item:
    """Return what `parsed` told as DynamoDB takes it. Raises ValueError for what it does not take."""
    item: Item = _value(plain, _DEEPEST + 1)["M"]
    if sum(len(name.encode()) + _size(value) for name, value in item.items()) > MOST_BYTES:
        raise ValueError("it is larger than the 400 KB that an item may have")
    return item


def same(one: Item, other: Item) -> bool:
    """Tell whether two items say the same, however their numbers are written."""
    return bool(_comparable({"M": one}) == _comparable({"M": other}))


def _text(value: Value) -> str:
    (kind, content), *_ = value.items()
    match kind:
        case "S":
            return _quoted(content)
        case "N":
            return content if _NUMBER.fullmatch(content) else str(Decimal(content))
        case "BOOL":
            return "true" if content else "false"
        case "NULL":
            return "null"
        case "L":
            return "[" + ",".join(map(_text, content)) + "]"
        case "M":
            return "{" + ",".join(f"{_quoted(name)}:{_text(content[name])}" for name in sorted(content)) + "}"
        case _:
            raise ValueError(f"it holds a value of the kind {kind}, which sessions do not have")


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).translate(_ESCAPED)


def _value(plain: Any, depth: int) -> Value:
    if depth == 0:
        raise ValueError("it is nested more deeply than DynamoDB has it")
    match plain:
        case Number():
            return {"N": _checked(plain)}
        case str():
            return {"S": _characters(plain)}
        case bool():
            return {"BOOL": plain}
        case None:
            return {"NULL": True}
        case list():
            return {"L": [_value(each, depth - 1) for each in plain]}
        case _:
            return {"M": {_name(name): _value(each, depth - 1) for name, each in plain.items()}}


def _checked(number: Number) -> str:
    text = str(number)
    try:
        read = Decimal(text)
    except InvalidOperation:
        raise ValueError("it holds a number that nobody can read") from None
    digits = "".join(map(str, read.as_tuple().digits)).strip("0")
    if len(digits) > MOST_DIGITS or (read and not _SMALLEST <= read.adjusted() <= _LARGEST):
        raise ValueError("it holds a number with more digits than DynamoDB keeps")
    return text


def _name(text: str) -> str:
    if not text:
        raise ValueError("it has an attribute without a name")
    return _characters(text)


def _characters(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("it holds half of a character (a lone surrogate)") from None
    return text


def _size(value: Value) -> int:
    """Return about what DynamoDB counts for a value, in bytes."""
    (kind, content), *_ = value.items()
    match kind:
        case "S":
            return len(content.encode())
        case "N":
            return min(len(content), MOST_DIGITS) // 2 + 2
        case "L":
            return 3 + sum(1 + _size(each) for each in content)
        case "M":
            return 3 + sum(1 + len(name.encode()) + _size(each) for name, each in content.items())
        case _:
            return 1


def _comparable(value: Value) -> Any:
    (kind, content), *_ = value.items()
    match kind:
        case "N":
            return kind, Decimal(content)
        case "L":
            return kind, [_comparable(each) for each in content]
        case "M":
            return kind, {name: _comparable(each) for name, each in content.items()}
        case _:
            return kind, content


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    plain = dict(pairs)
    if len(plain) < len(pairs):
        raise ValueError("it names an attribute twice")
    return plain


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")
