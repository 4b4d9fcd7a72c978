"""What a storm will be: who says what, and what goes wrong with which turn; all of it from one seed."""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass, field
from typing import Literal

Ended = Literal["answered", "failed", "cancelled"]

MODEL = "claude-stand-in"

TURN_FAULTS = (
    "kill",
    "drop",
    "stall",
    "gone",
    "limit-exceeded",
    "post-failed",
    "post-late",
    "queue-before",
    "queue-after",
    "claude-429",
    "claude-529",
    "claude-500",
    "claude-broken",
    "claude-truncated",
    "claude-garbage",
)
"""What goes wrong with single turns. The rest goes wrong at random: see weather.py."""

WANTED = 20
"""How often each fault is to happen at least, in a storm of full size."""

FULL_SIZE = 240
_SPARE = 1.6  # a fault that waits for what a turn never comes to does not happen
_CANCELLED = 0.06
_REPEATED = 0.1
_HASTY = 0.25


@dataclass(eq=False)
class Turn:
    """One turn, from what is planned to what its client was told.

    ``cancelled``: its client cancels it. ``repeated``: its client sends it again although it was accepted.
    ``hasty``: the next one is sent without waiting for this one's end. `ended` and `text` are what the
    client made of what it was told, `trouble` what it should never have been told.
    """

    session: str
    message: str
    request_id: str
    faults: frozenset[str]
    kill_at: int
    cancelled: bool
    repeated: bool
    hasty: bool
    sends: int = 0
    accepted: bool = False
    ended: Ended | None = None
    text: str | None = None
    number: int | None = None
    trouble: list[str] = field(default_factory=list)


def plan(seed: int, size: int, sessions: int) -> list[list[Turn]]:
    """Return the turns of each session, in the order in which they are sent."""
    chance = random.Random(seed)  # noqa: S311 - it has to come again
    wanted = min(size, round(WANTED * _SPARE * size / FULL_SIZE))
    struck = {kind: _spread(chance, wanted, size, sessions) for kind in TURN_FAULTS}
    turns = [
        Turn(
            session=f"storm-{number % sessions}",
            message=_message(chance, number),
            request_id=str(uuid.UUID(int=chance.getrandbits(128), version=4)),
            faults=frozenset(kind for kind, numbers in struck.items() if number in numbers),
            kill_at=chance.randrange(6),
            cancelled=chance.random() < _CANCELLED,
            repeated=chance.random() < _REPEATED,
            hasty=chance.random() < _HASTY,
        )
        for number in range(size)
    ]
    return [turns[first::sessions] for first in range(sessions)]


def _spread(chance: random.Random, wanted: int, size: int, sessions: int) -> set[int]:
    """Return the numbers of turns, as many of each session as of any other: a kill takes ten seconds."""
    own = [
        chance.sample(range(first, size, sessions), len(range(first, size, sessions)))
        for first in range(sessions)
    ]
    chance.shuffle(own)
    return {own[pick % sessions][pick // sessions] for pick in range(wanted)}


def _message(chance: random.Random, number: int) -> str:
    """Return a message like no other; the stand-in for Claude says it back, so its length is the answer's."""
    words = " ".join(f"{chance.choice('abcdefgh')}{chance.randrange(1000)}" for _ in range(12))
    return f"Turn {number}: {words}"
