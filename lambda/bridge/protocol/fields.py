"""A frame's fields, each checked as it is read."""

from __future__ import annotations

import re
import uuid
from typing import Any

from bridge.conversation import RECALL_SCOPES, RecallScope
from bridge.errors import BadRequest, TooLarge

MAX_PAGE = 50
"""The most entries of one page: so many sessions with the longest names and titles fit a frame."""

MAX_SEQ = 10**9
"""More deltas than any answer has."""

MAX_SYSTEM_BYTES = 8_000
"""The longest instructions of a session, in UTF-8: some 2,000 tokens, which every turn of it carries. In a
frame they take twice as much at most, so that the history's first page has room for them."""

SESSION_NAME = re.compile(r"[A-Za-z0-9_.-]{1,128}")
REQUEST_ID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")


class Fields:
    """A frame's fields, each checked as it is read; a ``null`` counts as absent."""

    def __init__(self, frame: dict[str, Any]) -> None:
        self._frame = frame

    def text(self, name: str, *, required: bool = False) -> str:
        """Return a text, empty where there is none; one that is required says something."""
        value = self._frame.get(name)
        if value is None:
            if required:
                raise BadRequest(f"The frame has no {name!r}.")
            return ""
        if not isinstance(value, str):
            raise BadRequest(f"{name!r} must be a string.")
        if _SURROGATE.search(value):
            raise BadRequest(f"{name!r} holds half a surrogate pair, which is no Unicode text.")
        if required and not value.strip():
            raise BadRequest(f"{name!r} is empty.")
        return value

    def optional_text(self, name: str) -> str | None:
        """Return a text that says something, if there is one."""
        return self.text(name) or None

    def request_id(self) -> str | None:
        """Return the request's id as a UUID is written, if there is one."""
        value = self._frame.get("request_id")
        if value is None:
            return None
        if not isinstance(value, str) or not REQUEST_ID.fullmatch(value):
            raise BadRequest("'request_id' must be a UUID, as 123e4567-e89b-12d3-a456-426614174000.")
        return str(uuid.UUID(value))

    def required_request_id(self) -> str:
        """Return the id of the request that this one is about."""
        value = self.request_id()
        if value is None:
            raise BadRequest("The frame has no 'request_id': that of the query which it is about.")
        return value

    def seq(self) -> int:
        """Return the number of the last delta that came; 0 where none did."""
        value = self._frame.get("last_seq")
        if value is None:
            return 0
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_SEQ:
            raise BadRequest("'last_seq' must be the 'seq' of the last delta that came, or 0.")
        return value

    def everything(self) -> bool:
        """Tell whether all of the owner's is meant."""
        value = self._frame.get("everything")
        if value is not None and not isinstance(value, bool):
            raise BadRequest("'everything' must be true or false.")
        return bool(value)

    def session_id(self, *, required: bool) -> str | None:
        """Return a session's name."""
        value = self._frame.get("session_id")
        if value is None:
            if required:
                raise BadRequest("The frame has no 'session_id'.")
            return None
        if not isinstance(value, str) or not SESSION_NAME.fullmatch(value):
            raise BadRequest("'session_id' must be 1 to 128 letters, digits, '-', '_' or '.'.")
        return value

    def recall(self) -> RecallScope | None:
        """Return how far it is to be remembered, if the frame says it."""
        value = self._frame.get("recall")
        for scope in RECALL_SCOPES:
            if value == scope:
                return scope
        if value is not None:
            raise BadRequest(f"'recall' must be one of {', '.join(RECALL_SCOPES)}.")
        return None

    def system(self) -> str | None:
        """Return a session's own instructions; an empty text, which removes them, where they say nothing."""
        value = self._frame.get("system")
        if value is None:
            return None
        text = self.text("system")
        if len(text.encode()) > MAX_SYSTEM_BYTES:
            raise TooLarge(
                f"'system' has {len(text.encode())} bytes in UTF-8; at most {MAX_SYSTEM_BYTES} are taken."
                " Shorten the instructions."
            )
        if _CONTROL.search(text):
            raise BadRequest("'system' holds a control character. Of those it may have tabs and line ends.")
        return text if text.strip() else ""

    def limit(self) -> int | None:
        """Return how many entries a page is to have, if the frame says it."""
        value = self._frame.get("limit")
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MAX_PAGE:
            raise BadRequest(f"'limit' must be a whole number from 1 to {MAX_PAGE}.")
        return value
