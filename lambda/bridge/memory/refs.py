"""Names for exchanges in an owner's memory: which session, which turn, and when it was kept.

The time makes a name unique also where a session was forgotten and its name, and with it the turns'
numbers, began anew.
"""

from __future__ import annotations

import string
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b

from bridge.conversation import Exchange

_DIGITS = string.digits + string.ascii_lowercase

ROLES = {"u": "user", "a": "assistant"}
"""A message's role by the last part of its id."""

_SILENT = "-"


@dataclass(frozen=True, slots=True)
class Ref:
    """An exchange's name: ``session#turn#at``, the time in milliseconds since the epoch, in base 36.

    One that has no answer is ``silent``, and its name ends in a dash: nothing of it is ever recalled, but
    whoever forgets all that an owner said has to find it.
    """

    session: str
    turn: int
    at: int
    silent: bool = False

    @classmethod
    def of(cls, session: str, exchange: Exchange) -> Ref:
        """Return the name of a session's exchange."""
        return cls(session, exchange.turn, milliseconds(exchange.at), silent=exchange.answer is None)

    @classmethod
    def parse(cls, text: str) -> Ref:
        """Return the name that ``str`` wrote. Raises ValueError where it is none."""
        session, turn, at = text.split("#")
        return cls(session, int(turn), int(at.removesuffix(_SILENT), 36), silent=is_silent(text))

    def __str__(self) -> str:
        return f"{self.session}#{self.turn}#{_base36(self.at)}{_SILENT if self.silent else ''}"


def is_silent(ref: str) -> bool:
    """Tell whether an exchange's name is one of which nothing is recalled."""
    return ref.endswith(_SILENT)


def message_id(ref: str, role: str) -> str:
    """Return the id of an exchange's message by ``user`` or ``assistant``."""
    return f"{ref}#{role[0]}"


def ref_of(message: str) -> str:
    """Return the exchange of a message's id."""
    return message[:-2]


def role_of(message: str) -> str:
    """Return who said a message, by its id."""
    return ROLES[message[-1]]


def milliseconds(moment: datetime) -> int:
    """Return a time in whole milliseconds since the epoch, as the tables carry it."""
    return int(moment.timestamp() * 1000)


def refs_of(messages: Iterable[str]) -> Iterator[str]:
    """Yield the exchanges of messages' ids; one that has two messages may come twice."""
    return map(ref_of, messages)


def digest(refs: Iterable[str]) -> int:
    """Return a number of 64 bits that stands for a set of names, in whatever order they come."""
    combined = 0
    for ref in refs:
        combined ^= int.from_bytes(blake2b(ref.encode(), digest_size=8).digest(), "big")
    return combined


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return digits or "0"
