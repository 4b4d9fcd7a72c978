"""Taking up a turn on another connection, and ending one.

A turn under way is taken up by the function that answers it, which has every piece of it: here it is only
told where to go on. Of a turn that has ended everything stands in the table, and is told from here.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from bridge.closing import recorded_failure
from bridge.conversation import Exchange, SessionKey
from bridge.errors import ClientGone, NotFound
from bridge.ports import Connection, Gateway, Intake, Sessions, Standing, Turns
from bridge.protocol import frames
from bridge.protocol.frames import Frame
from bridge.protocol.requests import Cancel, Resume


class Resuming:
    """Resumes and cancels turns of the owner who speaks; another owner's are not known here.

    ``gateway`` builds the way to the clients when it is needed, which is seldom.
    """

    def __init__(
        self, turns: Turns, sessions: Sessions, intake: Intake, gateway: Callable[[], Gateway]
    ) -> None:
        self._turns = turns
        self._sessions = sessions
        self._intake = intake
        self._gateway = gateway

    def resume(self, request: Resume, speaker: Connection) -> Frame:
        """Have the answer go on where ``speaker`` is; return the turn's last frame if it has ended.

        Raises `NotFound` where the owner sent no such request, or too long ago.
        """
        key = self._find(request.request_id, speaker)
        standing = self._turns.resume(
            speaker.owner, request.request_id, speaker.connection_id, request.last_seq
        )
        if standing.turn is None:
            return frames.accepted(request.request_id, key.name)
        exchange = self._kept(key, standing, request.request_id)
        with contextlib.suppress(ClientGone):  # it can come back again
            for number, text in _pieces(exchange, standing):
                if number > request.last_seq:
                    delta = frames.delta(request.request_id, number, text)
                    self._gateway().post(speaker.connection_id, frames.encode(delta))
        return _last_frame(exchange, key.name, standing)

    def cancel(self, request: Cancel, speaker: Connection) -> Frame:
        """Have the turn end; return its last frame if it has. Raises `NotFound` as `resume` does."""
        key = self._find(request.request_id, speaker)
        standing = self._turns.cancel(speaker.owner, request.request_id, speaker.connection_id)
        if standing.turn is None:
            return frames.accepted(request.request_id, key.name)
        return _last_frame(self._kept(key, standing, request.request_id), key.name, standing)

    def _find(self, request_id: str, speaker: Connection) -> SessionKey:
        name = self._intake.session_of(speaker.owner, request_id)
        if name is None:
            raise _unknown()
        return SessionKey(speaker.owner, name)

    def _kept(self, key: SessionKey, standing: Standing, request_id: str) -> Exchange:
        exchange = None if standing.turn is None else self._sessions.exchange(key, standing.turn)
        if exchange is None or exchange.request_id != request_id:  # it was forgotten meanwhile
            raise _unknown()
        return exchange


def _unknown() -> NotFound:
    return NotFound("There is no such request, or it is too long ago. Look into the session's history.")


def _pieces(exchange: Exchange, standing: Standing) -> Iterator[tuple[int, str]]:
    """Yield the deltas of an answer with their numbers; nothing where they are not known."""
    if not _told_in_pieces(exchange, standing):
        return
    start = 0
    for number, length in enumerate(standing.lengths, start=1):
        yield number, (exchange.answer or "")[start : start + length]
        start += length


def _told_in_pieces(exchange: Exchange, standing: Standing) -> bool:
    """Tell whether the function that told an answer lived to say in which pieces."""
    return sum(standing.lengths) == len(exchange.answer or "")


def _last_frame(exchange: Exchange, session_id: str, standing: Standing) -> Frame:
    if exchange.failure is not None:
        return frames.error(recorded_failure(exchange), exchange.request_id)
    deltas = len(standing.lengths) if _told_in_pieces(exchange, standing) else None
    return frames.answer(exchange, session_id, None, deltas)
