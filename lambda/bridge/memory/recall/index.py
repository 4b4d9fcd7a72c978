"""The recall: what was said, found again by what is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, KeysView
from datetime import UTC, date, datetime

from bridge.memory.recall import dates
from bridge.memory.recall.analysis import Analysis, analyse
from bridge.memory.recall.messages import Hit, Message
from bridge.memory.recall.postings import Postings
from bridge.memory.recall.question import Question
from bridge.memory.recall.scoring import Weights, score
from bridge.memory.recall.segments import unpack

_WEIGHTS = Weights()


class RecallIndex:
    """Messages, searchable. Adding some never rebuilds what is there, and gives what one batch gives.

    A message's neighbours are those of its session in the order of time; of one instant, in the order
    in which they were added. An id that is there already is not added again.
    """

    def __init__(self, messages: Iterable[Message] = (), *, weights: Weights = _WEIGHTS) -> None:
        self._weights = weights
        self._postings = Postings()
        self._ids: dict[str, int] = {}
        self._forgotten: set[str] = set()
        self._messages: list[tuple[float, str]] = []
        self._speakers: dict[str, None] = {}
        self._newest: tuple[float, date] = (float("-inf"), date.min)
        self.add(messages)

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def ids(self) -> KeysView[str]:
        """The ids that can be found: a view, which changes with the index."""
        return self._ids.keys()

    def add(self, messages: Iterable[Message]) -> None:
        """Take in messages; those of one session and one instant in their order."""
        self.add_analysed(analyse(message) for message in messages if message.id not in self._ids)

    def add_analysed(self, analyses: Iterable[Analysis]) -> None:
        """Take in messages that were analysed before: what a segment holds."""
        for analysis in analyses:
            if analysis.id in self._ids or analysis.id in self._forgotten:
                continue
            number = self._ids[analysis.id] = len(self._messages)
            at, day = _seconds(analysis.at), analysis.at.date()
            self._messages.append((-at, analysis.id))
            self._speakers.setdefault(analysis.speaker)
            self._newest = max(self._newest, (at, day))
            self._postings.add(analysis, number, at, dates.of(day))

    def load(self, segment: bytes) -> None:
        """Take in what a segment holds and the index does not have, or has been told to forget.

        Raises StaleSegment where another version packed it.
        """
        self.add_analysed(unpack(segment))

    def remove(self, ids: Iterable[str]) -> None:
        """Forget messages: they are never found again, nor taken in again. Unknown ids are passed over."""
        for id_ in ids:
            self._forgotten.add(id_)
            self._ids.pop(id_, None)

    def search(self, text: str, limit: int, *, admits: Callable[[str], bool] | None = None) -> list[Hit]:
        """Return at most ``limit`` messages that bear on ``text``, best first; of equals the newest.

        Only messages whose id ``admits`` says yes to are counted; without it all are.

        "Yesterday" in ``text`` counts from the day of the newest message, since there is no clock here.
        A text of stop words alone finds nothing.
        """
        if limit <= 0 or not self._messages:
            return []
        question = Question.of(text, self._speakers, self._newest[1])
        message_of, messages, ids = self._postings.message, self._messages, self._ids

        def admitted(passage: int) -> bool:
            id_ = messages[message_of[passage]][1]
            return id_ in ids and (admits is None or admits(id_))

        best: dict[int, tuple[float, int]] = {}
        for passage, value in score(self._postings, question, self._weights, admitted).items():
            message = message_of[passage]
            if message not in best or (value, -passage) > (best[message][0], -best[message][1]):
                best[message] = value, passage
        hits = []
        ranked = sorted((-value, *messages[message], passage) for message, (value, passage) in best.items())
        for value, _, id_, passage in ranked[:limit]:
            place = self._postings.passages[passage]
            hits.append(Hit(id_, -value, place.start, place.end))
        return hits


def _seconds(at: datetime) -> float:
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
