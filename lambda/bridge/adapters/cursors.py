"""Where a page of the sessions' list ends, as clients pass it back."""

from __future__ import annotations

import re

from bridge.adapters import items
from bridge.adapters.items import Item
from bridge.conversation import Session, SessionKey, format_time, parse_time
from bridge.errors import BadRequest

_CURSOR = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{3}Z)/([A-Za-z0-9_.-]{1,128})")


def of(session: Session) -> str:
    """Return the cursor of the page that follows a session in the list."""
    assert session.last_updated is not None  # noqa: S101 - the index is sorted by it
    return f"{format_time(session.last_updated)}/{session.key.name}"


def start_key(owner: str, cursor: str) -> Item:
    """Return where the index goes on; raises `BadRequest` where the cursor is none of ours."""
    match = _CURSOR.fullmatch(cursor)
    try:
        if match is None:
            raise ValueError
        moment, name = match.groups()
        parse_time(moment)
    except ValueError:
        raise BadRequest("'before' must be the 'before' of an earlier reply, unchanged.") from None
    return items.to_item(
        {
            "owner": owner,
            "last_updated": moment,
            "session_id": str(SessionKey(owner, name)),
            "seq": items.HEADER_SEQ,
        }
    )
