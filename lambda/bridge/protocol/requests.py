"""Frames from the client: one frame in, one request out, or the error that says what is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bridge.conversation import RecallScope
from bridge.errors import BadRequest, BridgeError, TooLarge, UnknownAction
from bridge.protocol.fields import REQUEST_ID, Fields

MAX_FRAME_BYTES = 131_072
"""A WebSocket message's size limit at API Gateway (128 KB), where larger ones close the connection."""


@dataclass(frozen=True, slots=True)
class Query:
    """A message for Claude. Without ``request_id`` it is the original's wire.

    ``system`` are the session's own instructions from this message on: None leaves them as they are, an empty
    text removes them.
    """

    message: str
    session_id: str | None
    request_id: str | None
    model: str | None
    recall: RecallScope | None = None
    system: str | None = None


@dataclass(frozen=True, slots=True)
class Resume:
    """A turn's answer on this connection, from the delta after ``last_seq`` on."""

    request_id: str
    last_seq: int


@dataclass(frozen=True, slots=True)
class Cancel:
    """The end of a turn, wherever its answer is."""

    request_id: str


@dataclass(frozen=True, slots=True)
class History:
    """A page of a session's exchanges: the last one, or the one before a cursor."""

    session_id: str
    before: str | None
    limit: int | None
    request_id: str | None


@dataclass(frozen=True, slots=True)
class Sessions:
    """A page of the owner's sessions: the newest, or those before a cursor."""

    before: str | None
    limit: int | None
    request_id: str | None


@dataclass(frozen=True, slots=True)
class Recall:
    """What would be remembered for a text: of all sessions, or of one."""

    text: str
    session_id: str | None
    limit: int | None
    request_id: str | None


@dataclass(frozen=True, slots=True)
class Forget:
    """Forget a session and all that was said in it; without one, everything of the owner's."""

    session_id: str | None
    request_id: str | None


@dataclass(frozen=True, slots=True)
class Usage:
    """What sessions took: one of them, or a page of the owner's."""

    session_id: str | None
    before: str | None
    limit: int | None
    request_id: str | None


@dataclass(frozen=True, slots=True)
class Ping:
    """A sign of life, which keeps the connection from idling out."""

    request_id: str | None


Request = Query | Resume | Cancel | History | Sessions | Recall | Forget | Usage | Ping


class FrameError(Exception):
    """A frame that is no request: the error, and what is known of how to answer it."""

    def __init__(self, error: BridgeError, *, request_id: str | None = None, original: bool = False) -> None:
        super().__init__(error.message)
        self.error = error
        self.request_id = request_id
        self.original = original


def parse(body: str, *, max_message_length: int) -> Request:
    """Return the request that a frame's text holds.

    ``max_message_length`` counts characters. Raises `FrameError` for anything else than a request.
    """
    frame = _load(body)
    request_id = frame.get("request_id")
    original = frame.get("action") == "query" and request_id is None
    try:
        fields = Fields(frame)
        request_id = fields.request_id()
        action = fields.text("action", required=True)
        read = _ACTIONS.get(action)
        if read is None:
            known = ", ".join(sorted(_ACTIONS))
            raise UnknownAction(f"There is no action {action[:64]!r}. Known actions: {known}.")
        return read(fields, request_id, max_message_length)
    except BridgeError as error:
        echoed = request_id if isinstance(request_id, str) and REQUEST_ID.fullmatch(request_id) else None
        raise FrameError(error, request_id=echoed, original=original) from error


def _load(body: str) -> dict[str, Any]:
    if len(body.encode("utf-8", "surrogatepass")) > MAX_FRAME_BYTES:
        raise FrameError(TooLarge(f"The frame is over {MAX_FRAME_BYTES} bytes. Send a shorter message."))
    try:
        frame = json.loads(body)
    except (ValueError, RecursionError):
        raise FrameError(BadRequest("The frame is not JSON. Send one JSON object as text.")) from None
    if not isinstance(frame, dict):
        raise FrameError(BadRequest("The frame is JSON, but not an object. Send one JSON object."))
    return frame


def _query(fields: Fields, request_id: str | None, max_message_length: int) -> Request:
    session_id = fields.session_id(required=False)
    model = fields.optional_text("model")
    message = fields.text("message", required=True)
    if len(message) > max_message_length:
        raise TooLarge(
            f"The message has {len(message)} characters; at most {max_message_length} are taken."
            " Send it in parts."
        )
    # Clients of the original may send a `system` of their own, which the original's server did not know.
    system = None if request_id is None else fields.system()
    return Query(message, session_id, request_id, model, fields.recall(), system)


def _history(fields: Fields, request_id: str | None, _: int) -> Request:
    session_id = fields.session_id(required=True)
    assert session_id is not None  # noqa: S101 - for the type checker: it is required
    return History(session_id, fields.optional_text("before"), fields.limit(), request_id)


def _sessions(fields: Fields, request_id: str | None, _: int) -> Request:
    return Sessions(fields.optional_text("before"), fields.limit(), request_id)


def _recall(fields: Fields, request_id: str | None, max_message_length: int) -> Request:
    text = fields.text("text", required=True)
    if len(text) > max_message_length:
        raise TooLarge(f"The text has {len(text)} characters; at most {max_message_length} are taken.")
    return Recall(text, fields.session_id(required=False), fields.limit(), request_id)


def _forget(fields: Fields, request_id: str | None, _: int) -> Request:
    everything = fields.everything()
    session_id = fields.session_id(required=False)
    if everything == (session_id is not None):
        raise BadRequest("Name the session to forget in 'session_id', or send 'everything': true, not both.")
    return Forget(session_id, request_id)


def _resume(fields: Fields, _: str | None, __: int) -> Request:
    return Resume(fields.required_request_id(), fields.seq())


def _cancel(fields: Fields, _: str | None, __: int) -> Request:
    return Cancel(fields.required_request_id())


def _usage(fields: Fields, request_id: str | None, _: int) -> Request:
    session_id = fields.session_id(required=False)
    return Usage(session_id, fields.optional_text("before"), fields.limit(), request_id)


def _ping(_: Fields, request_id: str | None, __: int) -> Request:
    return Ping(request_id)


_ACTIONS: dict[str, Callable[[Fields, str | None, int], Request]] = {
    "query": _query,
    "resume": _resume,
    "cancel": _cancel,
    "history": _history,
    "sessions": _sessions,
    "recall": _recall,
    "forget": _forget,
    "usage": _usage,
    "ping": _ping,
}
