"""Whether a dataclass holds what it says: every field of its declared type, every text well-formed."""

from __future__ import annotations

import types
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints


def misfits(value: object) -> list[str]:
    """Return where a dataclass, or one within it, holds something else than it declares."""
    hints = get_type_hints(type(value))
    return [
        f"{type(value).__name__}.{field.name}{wrong}"
        for field in fields(value)  # type: ignore[arg-type]
        for wrong in _misfits(getattr(value, field.name), hints[field.name])
    ]


def _misfits(value: Any, hint: Any) -> Iterator[str]:  # noqa: PLR0912 - a table, one case per kind of type
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in {Union, types.UnionType}:
        if all(list(_misfits(value, option)) for option in arguments):
            yield f": {type(value).__name__} is none of {hint}"
    elif origin is Literal:
        if not isinstance(value, str) or value not in arguments:
            yield f": not one of {arguments}"
    elif origin is tuple:
        if not isinstance(value, tuple):
            yield f": {type(value).__name__} is no tuple"
            return
        each = [arguments[0]] * len(value) if arguments[-1] is ... else arguments
        for number, (item, kind) in enumerate(zip(value, each, strict=True)):
            yield from (f"[{number}]{wrong}" for wrong in _misfits(item, kind))
    elif origin is dict:
        if not isinstance(value, dict):
            yield f": {type(value).__name__} is no dict"
            return
        for key, item in value.items():
            yield from (f" key{wrong}" for wrong in _misfits(key, arguments[0]))
            yield from (f"[…]{wrong}" for wrong in _misfits(item, arguments[1]))
    elif is_dataclass(hint):
        if not isinstance(value, hint):  # type: ignore[arg-type]
            yield f": {type(value).__name__} is no {hint}"
            return
        yield from (f" → {wrong}" for wrong in misfits(value))
    elif hint is float:
        if type(value) not in {int, float}:
            yield f": {type(value).__name__} is no number"
    elif hint is Any:
        return
    elif type(value) is not hint and not (hint is type(None) and value is None):
        yield f": {type(value).__name__} is no {hint.__name__}"
    elif isinstance(value, str) and not is_well_formed(value):
        yield ": half a character"


def is_well_formed(text: str) -> bool:
    """Whether a text is Unicode that a table and a frame can carry: no half of a surrogate pair."""
    return not any("\ud800" <= character <= "\udfff" for character in text)
