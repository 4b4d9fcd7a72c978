"""The header of a session that is migrated. Pure: what it says is added up from its exchanges."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bridge_cli.archive_lines import Entry
from bridge_cli.archive_values import Number, item_of
from bridge_cli.migrating_exchanges import MISSING_QUESTION

TITLE_LENGTH = 80
"""Characters of a title, as the functions have it."""

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def header(owner: str, turns: Sequence[Entry], before: Entry | None, until: int) -> Entry:
    """Return the header of a session of these exchanges, kept until then (seconds since the epoch).

    `before` is one of the name that is past its time, behind which the versions go on. The window begins with
    the first exchange: the functions cut it, and have what leaves it summarized.
    """
    last = turns[-1]
    first_turn = int(last.item["first_turn"]["N"])
    version = int(before.item["version"]["N"]) if before else 0
    plain = {
        "session_id": last.partition,
        "seq": Number(0),
        "owner": owner,
        "title": _title(turns),
        "first_turn": Number(first_turn),
        "turns": Number(last.seq - first_turn + 1),
        "window_start": Number(first_turn),
        "version": Number(version + 1),
        "usage": {},
        "last_updated": last.item["last_updated"]["S"],
        "ttl": Number(until),
    }
    return Entry(item_of(plain))


def renewed(head: Entry, turns: Sequence[Entry], until: int) -> Entry:
    """Return a living session's header as it is with all these exchanges counted in."""
    last = turns[-1]
    first_turn, version = (int(head.item[name]["N"]) for name in ("first_turn", "version"))
    return Entry(
        head.item
        | {
            "title": {"S": head.item["title"]["S"] or _title(turns)},
            "turns": {"N": str(last.seq - first_turn + 1)},
            "version": {"N": str(version + 1)},
            "last_updated": last.item["last_updated"],
            "ttl": {"N": str(max(until, head.ttl))},
        }
    )


def is_behind(head: Entry, last: Entry) -> bool:
    """Tell whether a header does not count a session's last exchange in."""
    first_turn, turns = (int(head.item[name]["N"]) for name in ("first_turn", "turns"))
    return first_turn + turns - 1 < last.seq


def _title(turns: Sequence[Entry]) -> str:
    """Return the beginning of the first question on one line, as the functions make a title."""
    questions = (turn.item["context"]["L"][0]["M"]["content"]["S"] for turn in turns)
    lines = (" ".join(_CONTROLS.sub(" ", question).split()) for question in questions)
    line = next((line for line in lines if line not in {"", MISSING_QUESTION}), "")
    return line if len(line) <= TITLE_LENGTH else line[: TITLE_LENGTH - 1].rstrip() + "…"
