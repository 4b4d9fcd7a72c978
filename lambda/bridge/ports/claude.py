"""Claude, and the key to it."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from bridge.conversation import Usage
from bridge.interruption import Interruption
from bridge.memory.prompt import Prompt


@dataclass(frozen=True, slots=True)
class Started:
    """The beginning of Claude's answer: what it has taken up to then, and who answers.

    ``request_id`` is the name under which whoever answers knows the call, where it tells one.
    """

    usage: Usage
    model: str
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of Claude's answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Completed:
    """The end of Claude's answer: why it ended, what it took, and who really answered."""

    stop_reason: str
    usage: Usage
    model: str


Piece = Started | Text | Completed
"""What comes of an answer, in this order; it starts again where nothing was said before it broke off."""


class Claude(Protocol):
    """The model."""

    def answer(
        self, prompt: Prompt, model: str, interruption: Interruption
    ) -> AbstractContextManager[Iterable[Piece]]:
        """Ask; the context yields the answer as it comes, `Completed` at its end.

        Leaving the context closes the call. Raises a `BridgeError`, at entry or while reading, and
        `Interrupted` soon after the ``interruption`` was asked for.
        """
