"""One question on its way to its answer: pure; says what is new to show and what is missing.

Deltas are numbered. A repeated one is dropped, and one that comes early waits. What is missing at the end
comes once more, or from the session's history: what was shown is never shown twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from bridge_cli.events import Accepted, Answer, Delta
from bridge_cli.exchanges import Exchange


class Turn:
    """What is known of one question's answer."""

    def __init__(self, request_id: str, session_id: str | None) -> None:
        self.request_id = request_id
        self.session_id = session_id
        self._told = False
        self._spoke = False
        self.text = ""  # everything that was shown, in order
        self._next = 1
        self._early: dict[int, str] = {}

    @property
    def taken_in(self) -> bool:
        """Whether the bridge has the question, and in which session: `accepted` may come after a delta."""
        return self._told or (self._spoke and self.session_id is not None)

    def lacks_some_of(self, answer: Answer) -> bool:
        """Whether a delta is missing: before one that came, or at the end."""
        return bool(self._early) or answer.deltas is None or answer.deltas >= self._next

    def is_another(self, answer: Answer) -> bool:
        """Whether it may be of other deltas than were shown: it does not tell how many, or has fewer."""
        return answer.deltas is None or answer.deltas < self._next - 1

    @property
    def last_seq(self) -> int:
        """The number of the last delta without a gap before it; 0 before the first."""
        return self._next - 1

    def take_accepted(self, event: Accepted) -> bool:
        """Note that the bridge has the question; return whether that is news."""
        news = not self._told
        self._told = True
        self.session_id = event.session_id
        return news

    def take_delta(self, event: Delta) -> str:
        """Return what may now be shown: nothing for a repeat, or for one that has to wait."""
        self._spoke = True
        if event.seq < self._next or event.seq in self._early:
            return ""
        self._early[event.seq] = event.text
        ready = ""
        while self._next in self._early:
            ready += self._early.pop(self._next)
            self._next += 1
        self.text += ready
        return ready

    def note_end(self, answer: Answer) -> None:
        """Note that the answer's end came, be it before `accepted`."""
        self._spoke = True
        self.session_id = answer.session_id

    def complete(self, answer: Answer) -> Answer:
        """Return the answer with its whole text; only where nothing is missing."""
        return replace(answer, text=self.text)

    def rest_of(self, exchange: Exchange) -> str:
        """Return what of a finished exchange was not shown yet.

        Where what was shown is not how the kept answer begins (the turn was worked on twice), all of it,
        after an empty line.
        """
        if exchange.answer.startswith(self.text):
            rest = exchange.answer[len(self.text) :]
        else:
            rest = "\n\n" + exchange.answer
        self.text = exchange.answer
        self._early.clear()
        return rest

    def told_by(self, exchange: Exchange, ended: Answer | None) -> Iterator[Delta | Answer]:
        """Yield what of a finished exchange was not shown yet, and its answer: as `ended`, if that came."""
        if rest := self.rest_of(exchange):
            yield Delta(self.request_id, self._next, rest)
        yield replace(ended, text=exchange.answer) if ended else self.answer_from(exchange)

    def answer_from(self, exchange: Exchange) -> Answer:
        """Return the answer that a finished exchange stands for."""
        return Answer(
            request_id=self.request_id,
            session_id=self.session_id or "",
            turn=exchange.turn,
            stop_reason=exchange.stop_reason or "",
            model=exchange.model or "",
            usage=exchange.usage,
            text=exchange.answer,
        )
