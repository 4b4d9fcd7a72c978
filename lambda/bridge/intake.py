"""What the message function does with a frame: check, take in, look up, answer."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from bridge.conversation import SessionKey, Turn, Wire, new_session_name
from bridge.errors import BadRequest, BridgeError, Internal, NotFound, Unauthorized
from bridge.ports import Clock, Connection, Connections, Intake, Sessions
from bridge.protocol import frames, original, pages, requests
from bridge.protocol.frames import Frame
from bridge.protocol.requests import FrameError

DEFAULT_PAGE = 20
"""Entries of a listing's page where the client names no limit."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What is taken in: ``model`` where a query names none, ``max_message_length`` in characters."""

    model: str
    allowed_models: tuple[str, ...]
    max_message_length: int


@dataclass(frozen=True, slots=True)
class Reply:
    """What a frame is answered with, and what of it is worth a line in the log."""

    frame: Frame | None
    action: str
    request_id: str | None = None
    error: BridgeError | None = None


class Reception:
    """Receives frames. `receive` never raises: it answers with an error that its client can match.

    What failed in the bridge itself is the ``__cause__`` of the reply's error, for the log.
    """

    def __init__(
        self, connections: Connections, sessions: Sessions, intake: Intake, settings: Settings, clock: Clock
    ) -> None:
        self._connections = connections
        self._sessions = sessions
        self._intake = intake
        self._settings = settings
        self._clock = clock

    def receive(self, connection_id: str, body: str, *, binary: bool = False) -> Reply:
        """Return the reply to a frame; its ``frame`` is None where the answer comes later by a post."""
        try:
            if binary:
                raise FrameError(BadRequest("Send text frames, not binary ones."))
            request = requests.parse(body, max_message_length=self._settings.max_message_length)
        except FrameError as wrong:
            tell = (
                original.error(wrong.error) if wrong.original else frames.error(wrong.error, wrong.request_id)
            )
            return Reply(tell, "invalid", wrong.request_id, wrong.error)
        action = type(request).__name__.lower()
        try:
            frame = self._act(request, self._speaker(connection_id))
        except BridgeError as error:
            return _refusal(request, action, error)
        except Exception as failure:  # noqa: BLE001 - whatever it is, the client gets an answer
            internal = Internal("The bridge could not take this in. Try again.")
            internal.__cause__ = failure
            return _refusal(request, action, internal)
        return Reply(frame, action, request.request_id)

    def _speaker(self, connection_id: str) -> Connection:
        connection = self._connections.find(connection_id)
        if connection is None:
            raise Unauthorized("This connection is not known any more. Connect again.")
        if connection.expires is not None and connection.expires <= self._clock().timestamp():
            raise Unauthorized("The token has expired. Connect again with a new one.")
        return connection

    def _act(self, request: requests.Request, speaker: Connection) -> Frame | None:
        match request:
            case requests.Query():
                return self._query(request, speaker)
            case requests.History():
                return self._history(request, speaker.owner)
            case requests.Sessions():
                return self._list(request, speaker.owner)
            case requests.Ping():
                return frames.pong(request.request_id)

    def _query(self, query: requests.Query, speaker: Connection) -> Frame | None:
        model = query.model or self._settings.model
        if model not in self._settings.allowed_models:
            allowed = ", ".join(self._settings.allowed_models)
            raise BadRequest(f"The model {model[:64]!r} is not allowed here. Allowed: {allowed}.")
        wire: Wire = "original" if query.request_id is None else "bridge"
        request_id = query.request_id or str(uuid.uuid4())
        name = query.session_id or new_session_name(speaker.owner, request_id)
        turn = Turn(
            key=SessionKey(speaker.owner, name),
            request_id=request_id,
            message=query.message,
            model=model,
            connection_id=speaker.connection_id,
            wire=wire,
        )
        self._intake(turn)
        return frames.accepted(request_id, name) if wire == "bridge" else None

    def _history(self, request: requests.History, owner: str) -> Frame:
        before = pages.Cursor.parse(request.before) if request.before else None
        session = self._sessions.find(SessionKey(owner, request.session_id))
        if session is None:
            raise NotFound(f"There is no session {request.session_id!r}, or it has expired.")
        limit = request.limit or DEFAULT_PAGE
        exchanges = self._sessions.newest_first(session, before.newest_turn if before else None, limit + 1)
        entries, earlier = pages.page(exchanges, before=before, first_turn=session.first_turn, limit=limit)
        cursor = str(earlier) if earlier else None
        return frames.history(request.session_id, entries, cursor, request.request_id)

    def _list(self, request: requests.Sessions, owner: str) -> Frame:
        listed, before = self._sessions.of_owner(owner, request.before, request.limit or DEFAULT_PAGE)
        return frames.sessions(listed, before, request.request_id)


def _refusal(request: requests.Request, action: str, error: BridgeError) -> Reply:
    speaks_original = isinstance(request, requests.Query) and request.request_id is None
    tell = original.error(error) if speaks_original else frames.error(error, request.request_id)
    return Reply(tell, action, request.request_id, error)
