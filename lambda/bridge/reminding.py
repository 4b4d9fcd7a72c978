"""What Claude is reminded of: the owner's memory, asked on behalf of a turn or of the owner."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from bridge.conversation import Exchange, SessionKey, Turn
from bridge.memory.fence import Recalled
from bridge.memory.head import Head
from bridge.memory.query import MemoryQuery
from bridge.memory.refs import Ref, is_silent
from bridge.memory.window import Window
from bridge.ports.memory import Archive

if TYPE_CHECKING:
    from bridge.memory.recollection import Recollections


SPARE = 20
"""How many messages are looked for beyond those that are asked for."""


class Reminding:
    """Recalls. ``budget`` is in tokens.

    ``recollections`` builds the warm memory when something is there to be remembered: an owner's first
    words do not wait for the recall's tables.
    """

    def __init__(self, archive: Archive, recollections: Callable[[], Recollections], budget: int) -> None:
        self._archive = archive
        self._recollections = recollections
        self._budget = budget
        self._asked = False

    def forgot(self, key: SessionKey, head: Head) -> bool:
        """Tell whether a session was forgotten since ``head`` of its owner's memory was read."""
        return self._archive.head(key.owner).forgot(key.name) > head.forgot(key.name)

    def recall(self, turn: Turn, head: Head, window: Window) -> Sequence[Recalled]:
        """Return what bears on a turn's message, best first, and is not in its window."""
        name = turn.key.name
        told = {str(Ref.of(name, exchange)) for exchange in window.exchanges}
        if not head.segments and all(ref in told or is_silent(ref) for ref in head.pending):
            return ()
        session = name if turn.recall == "session" else None
        query = MemoryQuery(turn.message, session=session, told=told, budget=self._budget)
        return self._ask(turn.key.owner, head, query)

    def search(self, owner: str, text: str, session: str | None, limit: int) -> Sequence[Recalled]:
        """Return what would be remembered for a text, best first, whatever it takes."""
        head = self._archive.head(owner)
        if head.empty:
            return ()
        # Of what is found, some may be past its time: that shows only when it is read.
        query = MemoryQuery(text, session=session, limit=limit + SPARE)
        return self._ask(owner, head, query)[:limit]

    def absorb(self, key: SessionKey, exchanges: Iterable[Exchange]) -> None:
        """Take in what was said here, if this function remembers anything at all."""
        if self._asked:
            said = {str(Ref.of(key.name, each)): each for each in exchanges if each.answer is not None}
            self._recollections().absorb(key.owner, said)

    def _ask(self, owner: str, head: Head, query: MemoryQuery) -> Sequence[Recalled]:
        self._asked = True
        return self._recollections().recall(owner, head, query)
