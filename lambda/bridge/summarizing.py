"""Folding what left a session's window into its summary, off the reply path."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

from bridge.conversation import Exchange, Session, SessionKey, Usage
from bridge.errors import UpstreamError
from bridge.interruption import Interruption
from bridge.memory import summary
from bridge.memory.prompt import Prompt
from bridge.memory.summary import Summary
from bridge.ports.claude import Claude, Completed, Started, Text
from bridge.ports.sessions import Sessions, Summaries, Taken
from bridge.ports.speaking import Clock
from bridge.pricing import Bill, Prices

GOOD_ENDS = ("end_turn", "stop_sequence", "max_tokens")
"""How a summary may end: one that reached its bound is cut at a sentence's end."""


YOUNG_SHARE = 0.5
"""How old a new summary's oldest exchange may be, as a share of the time for which it is kept."""

MOST_FOLDED = 8
"""How many calls a fold makes at most: enough for half of the longest window that can be set."""

_PAGE = 50


@dataclass(frozen=True, slots=True)
class Settings:
    """Which model writes, what it costs, and how long what was said is kept."""

    model: str
    prices: Prices
    memory_ttl: timedelta


@dataclass(frozen=True, slots=True)
class Folded:
    """A fold that was made: how many turns it took in, what it took, and whether it was kept.

    ``request_ids`` are the turns', ``bill`` is what it took by kind (None where the model has no price),
    ``claude_request_ids`` the names under which the model's server knows the calls, as far as it tells them.
    """

    turns: int
    characters: int
    taken: Taken
    kept: bool
    request_ids: tuple[str, ...]
    bill: Bill | None
    claude_request_ids: tuple[str, ...]


@dataclass(slots=True)
class _Written:
    """What the calls for a summary took so far; ``bill`` is None from the first one on that has no price."""

    usage: Usage = field(default_factory=Usage)
    bill: Bill | None = field(default_factory=Bill)
    claude_request_ids: list[str] = field(default_factory=list)


class Summarizing:
    """Writes summaries with a cheap model."""

    def __init__(
        self,
        sessions: Sessions,
        summaries: Summaries,
        claude: Claude,
        settings: Settings,
        clock: Clock,
    ) -> None:
        self._sessions = sessions
        self._summaries = summaries
        self._claude = claude
        self._settings = settings
        self._clock = clock

    def fold(self, key: SessionKey) -> Folded | None:
        """Fold what left the session's window since the last time; None where nothing did.

        Raises a `BridgeError` where the model gives none: the summary stays as it was, and the next
        turn's event tries again, and this one's repetition where that may help.
        """
        remembered = self._sessions.load(key)
        session, before = remembered.session, remembered.summary
        if not session.turns:
            self._summaries.drop(key)
        turns = session.unsummarized(before.covers if before else 0)
        if not turns:
            return None
        left = self._left(session, turns, begins=before is None)
        if not left:  # all of it is past its time, or nearly
            return None
        text, written = self._write(before.text if before else "", left)
        taken = Taken(written.usage, written.bill.cost if written.bill else None)
        since = before.since if before else left[0].at
        after = Summary(turns[-1], text, since)
        kept = self._summaries.keep(session, before, after, taken)
        return Folded(
            turns=len(left),
            characters=len(after.text),
            taken=taken,
            kept=kept,
            request_ids=tuple(exchange.request_id for exchange in left),
            bill=written.bill,
            claude_request_ids=tuple(written.claude_request_ids),
        )

    def _write(self, notes: str, left: list[Exchange]) -> tuple[str, _Written]:
        """Fold what left into the notes so far, so much at a time as a call takes."""
        written = _Written()
        for part in _portions([exchange for exchange in left if exchange.answer is not None]):
            request = Prompt([_instructions()], [_message(summary.request(notes, part))])
            text, completed = self._ask(request, written)
            notes = summary.bounded(text, whole=completed.stop_reason != "max_tokens")
            written.usage += completed.usage
            bill = self._settings.prices.bill(completed.model, completed.usage)
            written.bill = written.bill + bill if written.bill is not None and bill is not None else None
        return notes, written

    def _left(self, session: Session, turns: range, *, begins: bool) -> list[Exchange]:
        """Return what left the window, oldest first; of very much only the newest.

        A summary that ``begins`` with what is nearly past its time would soon be so itself.
        """
        left: list[Exchange] = []
        oldest = self._clock() - self._settings.memory_ttl * YOUNG_SHARE
        room = MOST_FOLDED * summary.FOLDED_AT_ONCE
        for exchange in self._sessions.newest_first(session, turns[-1], min(len(turns), _PAGE)):
            room -= exchange.characters
            too_old = begins and exchange.at < oldest
            if exchange.turn < turns.start or too_old or (room < 0 and left):
                break
            left.append(exchange)
        return left[::-1]

    def _ask(self, prompt: Prompt, written: _Written) -> tuple[str, Completed]:
        pieces: list[str] = []
        completed: Completed | None = None
        named: str | None = None
        with self._claude.answer(prompt, self._settings.model, Interruption()) as events:
            for event in events:
                if isinstance(event, Started):
                    named = event.request_id
                elif isinstance(event, Text):
                    pieces.append(event.text)
                elif isinstance(event, Completed):
                    completed = event
        text = "".join(pieces)
        if completed is None or completed.stop_reason not in GOOD_ENDS or not text.strip():
            reason = completed.stop_reason if completed else "no end"
            raise UpstreamError(
                "The model wrote no summary.", retryable=False, detail=reason, claude_request_id=named
            )
        if named is not None:
            written.claude_request_ids.append(named)
        return text, completed


def _portions(exchanges: list[Exchange]) -> Iterator[list[Exchange]]:
    """Cut exchanges into parts that one call takes, an exchange in one piece."""
    part: list[Exchange] = []
    size = 0
    for exchange in exchanges:
        if part and size + exchange.characters > summary.FOLDED_AT_ONCE:
            yield part
            part, size = [], 0
        part.append(exchange)
        size += exchange.characters
    if part:
        yield part


def _instructions() -> dict[str, str]:
    return {"type": "text", "text": summary.INSTRUCTIONS}


def _message(text: str) -> dict[str, object]:
    return {"role": "user", "content": [{"type": "text", "text": text}]}
