"""History in pages that fit a frame.

A history is one long row of entries, oldest first; a page is a run of it, and pages are asked for
from the newest back. An exchange too big for a frame is cut into parts, each an entry of its own:
``part`` and ``parts`` tell which, and a reader joins the texts of the same role in their order.
A cursor is the number of the turn that begins the page, with the part where it begins inside one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from bridge.conversation import Exchange
from bridge.errors import BadRequest
from bridge.protocol import frames
from bridge.protocol.frames import MAX_DELTA_BYTES, MAX_ENTRY_BYTES, Frame

_CURSOR = re.compile(r"([1-9][0-9]{0,15})(?:\.([1-9][0-9]{0,5}))?")


@dataclass(frozen=True, slots=True)
class Cursor:
    """The page before this entry; ``part`` 1 is the beginning of the exchange."""

    turn: int
    part: int = 1

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """Return the cursor that a client passed back; `BadRequest` if it is none of ours."""
        match = _CURSOR.fullmatch(text)
        if match is None:
            raise BadRequest("'before' must be the 'before' of an earlier reply, unchanged.")
        return cls(int(match[1]), int(match[2] or 1))

    def __str__(self) -> str:
        return str(self.turn) if self.part == 1 else f"{self.turn}.{self.part}"

    @property
    def newest_turn(self) -> int:
        """The newest turn of which entries lie before the cursor."""
        return self.turn if self.part > 1 else self.turn - 1


def page(
    newest_first: Iterable[Exchange],
    *,
    before: Cursor | None,
    first_turn: int,
    limit: int,
    besides: int = 0,
) -> tuple[list[Frame], Cursor | None]:
    """Return a page's entries, oldest first, and the cursor of the page before it.

    ``newest_first`` are exchanges from the cursor back; reading stops when the page is full, at
    ``limit`` entries or `MAX_ENTRY_BYTES`, less what stands ``besides`` in the frame, in bytes. Where that
    leaves no room for the newest entry, the page is empty, and the entry on the page before it. The cursor is
    None where the page reaches ``first_turn``.
    """
    entries: list[Frame] = []
    used = besides
    begins = before
    for exchange in newest_first:
        for number, entry in reversed(list(enumerate(entries_of(exchange), start=1))):
            if before is not None and (exchange.turn, number) >= (before.turn, before.part):
                continue
            used += frames.size(entry) + 1
            full = used > MAX_ENTRY_BYTES or len(entries) == limit
            if full and (entries or besides):
                return entries[::-1], begins or Cursor(exchange.turn + 1)
            entries.append(entry)
            begins = Cursor(exchange.turn, number)
    at_beginning = begins is None or (begins.turn <= first_turn and begins.part == 1)
    return entries[::-1], None if at_beginning or not entries else begins


def entries_of(exchange: Exchange) -> list[Frame]:
    """Return an exchange's entries: one, or several parts where it is too big for one frame."""
    whole = frames.history_entry(exchange)
    if frames.size(whole) <= MAX_ENTRY_BYTES:
        return [whole]
    pieces = [
        {"role": entry["role"], "content": piece}
        for entry in exchange.context
        for piece in frames.split(entry["content"], MAX_DELTA_BYTES)
    ]
    return [
        {**whole, "context": [piece], "part": number, "parts": len(pieces)}
        for number, piece in enumerate(pieces, start=1)
    ]
