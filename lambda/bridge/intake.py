"""What the message function does with a frame: check, take in, look up, answer."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass

from bridge.conversation import RecallScope, Session, SessionKey, Turn, Wire, new_session_name
from bridge.errors import BadRequest, BridgeError, Internal, NotFound
from bridge.memory.refs import milliseconds
from bridge.ports.sessions import Sessions
from bridge.ports.speaking import Clock, Connection
from bridge.ports.turns import Intake
from bridge.protocol import frames, original, pages, requests
from bridge.protocol.frames import Frame
from bridge.protocol.requests import FrameError
from bridge.reminding import Reminding
from bridge.resuming import Resuming
from bridge.speakers import Speakers

DEFAULT_PAGE = 20
"""Entries of a listing's page where the client names no limit."""

DEFAULT_MEMORIES = 10
"""Memories that are shown where the client names no limit."""

MOST_USAGES = 30
"""Entries of a page of usages at most: so many with the longest names and titles fit a frame."""

_UNCOUNTED = (requests.Ping, requests.Resume, requests.Cancel)
"""What does not count in an owner's minute: what keeps a connection, or what was paid for, or saves it."""

Forget = Callable[[str, str | None], int]
"""Removes an owner's session, or without one everything of the owner's; returns how many exchanges it had."""

Named = Callable[[str], None]
"""Hears under which id a request is worked on."""


def _unheard(_: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What is taken in: ``model`` and ``recall`` where a query names none, lengths in characters."""

    model: str
    allowed_models: tuple[str, ...]
    max_message_length: int
    recall: RecallScope


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
        self,
        speakers: Speakers,
        sessions: Sessions,
        intake: Intake,
        resuming: Resuming,
        reminding: Reminding,
        forget: Forget,
        settings: Settings,
        clock: Clock,
    ) -> None:
        self._speakers = speakers
        self._sessions = sessions
        self._intake = intake
        self._resuming = resuming
        self._reminding = reminding
        self._forget = forget
        self._settings = settings
        self._clock = clock

    def receive(
        self, connection_id: str, body: str, *, binary: bool = False, named: Named = _unheard
    ) -> Reply:
        """Return the reply to a frame; its ``frame`` is None where the answer comes later by a post.

        ``named`` hears of the request's id as soon as that is known; a query of the original's gets its own.
        """
        try:
            if binary:
                raise FrameError(BadRequest("Send text frames, not binary ones."))
            request = requests.parse(body, max_message_length=self._settings.max_message_length)
        except FrameError as wrong:
            tell = (
                original.error(wrong.error) if wrong.original else frames.error(wrong.error, wrong.request_id)
            )
            if wrong.request_id is not None:
                named(wrong.request_id)
            return Reply(tell, "invalid", wrong.request_id, wrong.error)
        if request.request_id is not None:
            named(request.request_id)
        action = type(request).__name__.lower()
        try:
            counted = not isinstance(request, _UNCOUNTED)
            frame = self._act(request, self._speakers.hear(connection_id, counted=counted), named)
        except BridgeError as error:
            return _refusal(request, action, error)
        except Exception as failure:  # noqa: BLE001 - whatever it is, the client gets an answer
            internal = Internal("The bridge could not take this in. Try again.")
            internal.__cause__ = failure
            return _refusal(request, action, internal)
        return Reply(frame, action, request.request_id)

    def _act(self, request: requests.Request, speaker: Connection, named: Named) -> Frame | None:
        match request:
            case requests.Query():
                return self._query(request, speaker, named)
            case requests.Resume():
                return self._resuming.resume(request, speaker)
            case requests.Cancel():
                return self._resuming.cancel(request, speaker)
            case requests.Ping():
                return frames.pong(request.request_id)
            case requests.Recall() | requests.Forget():
                return self._remember(request, speaker.owner)
            case _:
                return self._look_up(request, speaker.owner)

    def _look_up(self, request: requests.History | requests.Sessions | requests.Usage, owner: str) -> Frame:
        match request:
            case requests.History():
                return self._history(request, owner)
            case requests.Sessions():
                return self._list(request, owner)
            case requests.Usage():
                return self._usage(request, owner)

    def _remember(self, request: requests.Recall | requests.Forget, owner: str) -> Frame:
        if isinstance(request, requests.Forget):
            exchanges = self._forget(owner, request.session_id)
            return frames.forgotten(request.session_id, exchanges, request.request_id)
        limit = request.limit or DEFAULT_MEMORIES
        found = self._reminding.search(owner, request.text, request.session_id, limit)
        return frames.memories(found, limit, request.request_id)

    def _query(self, query: requests.Query, speaker: Connection, named: Named) -> Frame | None:
        model = query.model or self._settings.model
        if model not in self._settings.allowed_models:
            allowed = ", ".join(self._settings.allowed_models)
            raise BadRequest(f"The model {model[:64]!r} is not allowed here. Allowed: {allowed}.")
        wire: Wire = "original" if query.request_id is None else "bridge"
        request_id = query.request_id or str(uuid.uuid4())
        named(request_id)
        name = query.session_id or new_session_name(speaker.owner, request_id)
        turn = Turn(
            key=SessionKey(speaker.owner, name),
            request_id=request_id,
            message=query.message,
            model=model,
            connection_id=speaker.connection_id,
            wire=wire,
            recall=query.recall or self._settings.recall,
            accepted=milliseconds(self._clock()),
            system=query.system,
        )
        self._intake(turn)
        return frames.accepted(request_id, name) if wire == "bridge" else None

    def _history(self, request: requests.History, owner: str) -> Frame:
        before = pages.Cursor.parse(request.before) if request.before else None
        session = self._find(owner, request.session_id)
        limit = request.limit or DEFAULT_PAGE
        # The first page tells what is in force, so that it is read once, and only of a session that has any.
        instructions = None if before else self._sessions.instructions(session)
        system = instructions.text if instructions else None
        besides = 0 if system is None else frames.size(system)
        exchanges = self._sessions.newest_first(session, before.newest_turn if before else None, limit + 1)
        entries, earlier = pages.page(
            exchanges, before=before, first_turn=session.first_turn, limit=limit, besides=besides
        )
        cursor = str(earlier) if earlier else None
        return frames.history(request.session_id, entries, cursor, request.request_id, system)

    def _find(self, owner: str, name: str) -> Session:
        session = self._sessions.find(SessionKey(owner, name))
        if session is None:
            raise NotFound(f"There is no session {name!r}, or it has expired.")
        return session

    def _usage(self, request: requests.Usage, owner: str) -> Frame:
        if request.session_id is not None:
            entry = frames.usage_entry(self._find(owner, request.session_id), with_summary=True)
            return frames.usage([entry], None, request.request_id)
        limit = min(request.limit or DEFAULT_PAGE, MOST_USAGES)
        listed, before = self._sessions.of_owner(owner, request.before, limit)
        entries = [frames.usage_entry(session, with_summary=False) for session in listed]
        return frames.usage(entries, before, request.request_id)

    def _list(self, request: requests.Sessions, owner: str) -> Frame:
        listed, before = self._sessions.of_owner(owner, request.before, request.limit or DEFAULT_PAGE)
        return frames.sessions(listed, before, request.request_id)


def _refusal(request: requests.Request, action: str, error: BridgeError) -> Reply:
    speaks_original = isinstance(request, requests.Query) and request.request_id is None
    tell = original.error(error) if speaks_original else frames.error(error, request.request_id)
    return Reply(tell, action, request.request_id, error)
