"""Messages of the original's as exchanges of the bridge's, and back. Pure.

An exchange has a user's message and, unless the turn failed, an answer; only those with both are told to
Claude. The original's list keeps to no such thing:

======================================  ===============================================================
in the original                         here
======================================  ===============================================================
a user's message, then an answer        an exchange
a user's message without an answer      a turn that failed: in the history, not told to Claude
an answer without a question before it  an exchange; where the question would be stands ``[…]``
an empty answer, or an apology          its turn failed; what the apology said is the error's message
an empty message of the user's          a turn that failed, with nothing in it
any other role, or half a message       a turn that failed; the error names the role
======================================  ===============================================================

Each exchange carries in ``migrated`` which messages it stands for, so that a later run knows how far it was.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bridge_cli.archive_lines import Entry
from bridge_cli.archive_values import Number, item_of
from bridge_cli.migrating_messages import ASSISTANT, CUT, USER, Message

MISSING_QUESTION = "[…]"
"""Stands where a question would be that the original did not keep: Claude takes no answer without one."""

STOP_REASON = "migrated"
UNKNOWN_MODEL = "unknown"
"""The original kept neither the one nor the other."""

LEAST_REST = 20
"""Characters that the end of a message has at least to be known again as that."""

_IDS = uuid.UUID("6f1d2a53-91c5-4d2c-9d0b-6d5f2f3b8a11")  # any will do, as long as it stays the same


@dataclass(frozen=True)
class Piece:
    """One exchange to be: the messages that it stands for, what is told of them, or why no answer is."""

    messages: tuple[Message, ...]
    question: str
    answer: str | None = None
    code: str = ""
    why: str = ""


def pieces(messages: Sequence[Message], apologies: Sequence[str] = ()) -> Iterator[Piece]:
    """Yield exchanges that stand for all messages, in their order.

    An answer that begins with one of the ``apologies`` is none.
    """
    place = 0
    while place < len(messages):
        first = messages[place]
        after = messages[place + 1] if place + 1 < len(messages) else None
        asked = first.role == USER and not first.blank
        if asked and after is not None and after.role == ASSISTANT:
            yield _answered((first, after), first.content, after, apologies)
            place += 2
            continue
        if first.role == ASSISTANT:
            yield _answered((first,), MISSING_QUESTION, first, apologies)
        else:
            why = "The original kept no answer to this."
            if first.role != USER:
                role = first.role or "no role"
                why = f"The original had this under {role!r}: it is neither the user's nor Claude's."
            yield Piece((first,), first.content, code="unanswered", why=why)
        place += 1


def _answered(
    messages: tuple[Message, ...], question: str, answer: Message, apologies: Sequence[str]
) -> Piece:
    if answer.blank:
        return Piece(messages, question, code="unanswered", why="The original kept an empty answer.")
    if any(answer.content.startswith(apology) for apology in apologies):
        return Piece(messages, question, code="upstream_error", why=answer.content)
    return Piece(messages, question, answer.content)


@dataclass(frozen=True)
class Place:
    """Where exchanges go: under which key, from which turn on, from when on, and until when they are kept.

    ``at`` is in milliseconds since the epoch, the first exchange's, each of the others a millisecond later;
    ``lasts`` in seconds from there. ``first_message`` is the number of messages migrated before;
    ``migrated_at`` is in milliseconds since the epoch, too, also where ``at`` is the original's.
    """

    partition: str
    turn: int
    first_turn: int
    at: int
    lasts: int
    source: str
    last_updated: str
    first_message: int
    migrated_at: int


def entries(these: Iterable[Piece], place: Place) -> Iterator[Entry]:
    """Yield the items of exchanges. Raises ValueError where one is larger than an item may be."""
    message = place.first_message
    for number, piece in enumerate(these):
        at = place.at + number
        migrated: dict[str, Any] = {
            "session_id": place.source,
            "first_message": Number(message),
            "at": Number(place.migrated_at),
            "messages": [_told(one, piece) for one in piece.messages],
        }
        if place.last_updated:
            migrated["last_updated"] = place.last_updated
        context = [{"role": USER, "content": piece.question}]
        if piece.answer is not None:
            context.append({"role": ASSISTANT, "content": piece.answer})
        plain: dict[str, Any] = {
            "session_id": place.partition,
            "seq": Number(place.turn + number),
            "first_turn": Number(place.first_turn),
            "context": context,
            "request_id": str(uuid.uuid5(_IDS, f"{place.source}#{message}")),
            "model": UNKNOWN_MODEL,
            "stop_reason": STOP_REASON if piece.answer is not None else "error",
            "usage": {},
            "last_updated": iso(at),
            "ttl": Number(at // 1000 + place.lasts),
            "migrated": migrated,
        }
        if piece.answer is None:
            plain["error"] = {"code": piece.code, "message": piece.why, "retryable": False}
        yield Entry(item_of(plain))
        message += len(piece.messages)


def _told(message: Message, piece: Piece) -> dict[str, str]:
    """Return what names a message; its text where the exchange's own context does not hold it."""
    held = piece.answer if message.role == ASSISTANT else piece.question
    return {"role": message.role} | ({} if held == message.content else {"content": message.content})


def is_migrated(entry: Entry, source: str) -> bool:
    """Tell whether an exchange was migrated from a session of the original's, and not said to the bridge."""
    told = entry.item.get("migrated", {}).get("M", {})
    return bool(told.get("session_id", {}).get("S") == source)


def migrated_at(entry: Entry) -> int:
    """Return when a migrated exchange was migrated, in milliseconds since the epoch."""
    return int(entry.item["migrated"]["M"]["at"]["N"])


def first_message(entry: Entry) -> int:
    """Return how many messages of its session were migrated before those of an exchange."""
    return int(entry.item["migrated"]["M"]["first_message"]["N"])


def messages(entry: Entry) -> Iterator[Message]:
    """Yield the original's messages for which a migrated exchange stands."""
    held = {said["M"]["role"]["S"]: said["M"]["content"]["S"] for said in entry.item["context"]["L"]}
    for told in entry.item["migrated"]["M"]["messages"]["L"]:
        role = told["M"]["role"]["S"]
        own = ASSISTANT if role == ASSISTANT else USER
        yield Message(role, told["M"]["content"]["S"] if "content" in told["M"] else held[own])


@dataclass(frozen=True)
class Overlap:
    """How a context stands to what was migrated of it.

    The first ``past`` messages were there and are past their time; from ``new`` on nothing is there yet.
    """

    past: int
    new: int


def overlap(there: Sequence[Message], begins: int, source: Sequence[Message]) -> Overlap:
    """Find out what of a context is there; ``begins`` messages of it were before ``there``.

    The original may have dropped messages at its beginning meanwhile, and cut through the first one left; it
    may have added others at its end. Raises ValueError where it holds what was said before all that was
    migrated: nothing can be put in front.
    """
    for dropped in range(len(there)):
        shared = min(len(there) - dropped, len(source))
        if _alike(there[dropped : dropped + shared], source[:shared]):
            return Overlap(0, shared)
    for past in range(1, len(source)) if there else ():
        shared = min(len(there), len(source) - past)
        if list(there[:shared]) == list(source[past : past + shared]):
            if past <= begins:
                return Overlap(past, past + shared)
            if len(there) > 1 and shared == len(there):
                raise ValueError(
                    "it now begins before what was migrated of it, and nothing can be put in front"
                )
    return Overlap(0, 0)


def _alike(there: Sequence[Message], source: Sequence[Message]) -> bool:
    if list(there) == list(source):
        return True
    if len(source) < 2 or list(there[1:]) != list(source[1:]):  # noqa: PLR2004 - an end alone proves nothing
        return False
    whole, rest = there[0], source[0]
    return (
        rest.role in {whole.role, CUT}
        and len(rest.content) >= LEAST_REST
        and whole.content.endswith(rest.content)
    )


def iso(milliseconds: int) -> str:
    """Return a time as the tables carry it."""
    moment = datetime.fromtimestamp(milliseconds // 1000, UTC).replace(microsecond=milliseconds % 1000 * 1000)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
