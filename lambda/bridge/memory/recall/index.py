"""The recall: what was said, found again by what is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, KeysView
from datetime import date
from itertools import islice

from bridge.memory.recall.analysis import Analysis, analyse
from bridge.memory.recall.messages import Hit, Message
from bridge.memory.recall.postings import Postings
from bridge.memory.recall.question import Question
from bridge.memory.recall.ranking import rank
from bridge.memory.recall.scoring import Weights, score
from bridge.memory.recall.segments import Segment

_WEIGHTS = Weights()
_UNKNOWN = -1


class RecallIndex:
    """Messages, searchable. What is found does not depend on when and how they came.

    They may be added at once or one by one, or loaded from segments in any order. A message's neighbours
    are those of its session in the order of time, and of one moment in the order of their ids' numbers.
    An id that is there already is not taken in again.
    """

    def __init__(self, messages: Iterable[Message] = (), *, weights: Weights = _WEIGHTS) -> None:
        self._weights = weights
        self._postings = Postings()
        self._living: dict[str, None] = {}
        self.add(messages)

    def __len__(self) -> int:
        return len(self._living)

    @property
    def ids(self) -> KeysView[str]:
        """The ids that can be found: a view, which changes with the index."""
        return self._living.keys()

    def add(self, messages: Iterable[Message]) -> None:
        """Take in messages."""
        self.add_analysed(analyse(each) for each in messages if each.id not in self._postings.numbers)

    def add_analysed(self, analyses: Iterable[Analysis]) -> None:
        """Take in messages that were analysed before."""
        for analysis in analyses:
            if analysis.id not in self._postings.numbers:
                self._postings.add(analysis)
                self._living[analysis.id] = None

    def load(self, segment: bytes) -> None:
        """Take in what a segment holds and the index neither has nor was told to forget.

        Raises StaleSegment where another version packed it.
        """
        known = len(self._postings.ids)
        self._postings.load(Segment(segment))
        self._living.update(dict.fromkeys(self._postings.ids[known:]))

    def remove(self, ids: Iterable[str]) -> None:
        """Forget messages: they are never found again, nor taken in again."""
        for id_ in ids:
            self._postings.numbers.setdefault(id_, _UNKNOWN)
            self._living.pop(id_, None)

    def search(self, text: str, limit: int, *, admits: Callable[[str], bool] | None = None) -> list[Hit]:
        """Return at most ``limit`` messages that bear on ``text``, best first; of equals the newest.

        Behind the first dozen what is long stands behind what is short and bears on it about as much;
        a hit's score is there at most the one's before.

        Only messages whose id ``admits`` says yes to are counted; without it all are. It is asked once
        at most for each. "Yesterday" in ``text`` counts from the day of the newest message, since there
        is no clock here. A text of stop words alone finds nothing.
        """
        if limit <= 0 or not self._living:
            return []
        postings = self._postings
        question = Question.of(text, postings.speakers, date.fromordinal(postings.newest[1]))
        scores = score(postings, question, self._weights, self._admitted(admits))
        return [
            Hit(postings.ids[message], value, *postings.place_of(passage))
            for message, passage, value in islice(rank(postings, scores), limit)
        ]

    def _admitted(self, admits: Callable[[str], bool] | None) -> Callable[[int], bool] | None:
        """Return what says whether a passage may be found, or None where all may."""
        living, postings = self._living, self._postings
        if admits is None and len(living) == len(postings.ids):
            return None
        known: dict[int, bool] = {}

        def admitted(passage: int) -> bool:
            message = postings.message[passage]
            said = known.get(message)
            if said is None:
                id_ = postings.ids[message]
                said = known[message] = id_ in living and (admits is None or admits(id_))
            return said

        return admitted
