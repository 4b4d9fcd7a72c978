"""Taking up a turn on another connection, and ending one.

A turn under way is taken up by the function that answers it, which has every piece of it: here it is only
told where to go on. Of a turn that has ended everything stands in the table, and is told from here.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable

from bridge.closing import recorded_failure
from bridge.conversation import Exchange, SessionKey
from bridge.errors import ClientGone, NotFound
from bridge.ports.sessions import Sessions
from bridge.ports.speaking import Connection
from bridge.ports.turns import Gateway, Intake, Standing, Turns
from bridge.protocol import frames
from bridge.protocol.frames import Frame
from bridge.protocol.requests import Cancel, Resume

MOST_RETOLD = 300
"""Deltas that are told again at most, each in a post of about ten milliseconds: who lacks more reads the
history, which takes a few frames."""


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
            return self._goes_on(request.request_id, key)
        exchange = self._kept(key, standing, request.request_id)
        pieces = _pieces(exchange, standing)
        if len(pieces) - request.last_seq > MOST_RETOLD:
            return _last_frame(exchange, key.name, None)
        with contextlib.suppress(ClientGone):  # it can come back again
            for number, text in enumerate(pieces[request.last_seq :], start=request.last_seq + 1):
                delta = frames.delta(request.request_id, number, text)
                self._gateway().post(speaker.connection_id, frames.encode(delta))
        return _last_frame(exchange, key.name, len(pieces))

    def cancel(self, request: Cancel, speaker: Connection) -> Frame:
        """Have the turn end; return its last frame if it has. Raises `NotFound` as `resume` does."""
        key = self._find(request.request_id, speaker)
        standing = self._turns.cancel(speaker.owner, request.request_id, speaker.connection_id)
        if standing.turn is None:
            return self._goes_on(request.request_id, key)
        exchange = self._kept(key, standing, request.request_id)
        return _last_frame(exchange, key.name, len(_pieces(exchange, standing)))

    def _goes_on(self, request_id: str, key: SessionKey) -> Frame:
        """Say that the turn's end will be told, unless its session was forgotten just now: nobody would."""
        if self._intake.session_of(key.owner, request_id) is None:
            self._turns.drop(key.owner, request_id)
            raise _unknown()
        return frames.accepted(request_id, key.name)

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
    return NotFound(
        "There is no such request, it is too long ago, or forgotten. The session's history has what was kept."
    )


def _pieces(exchange: Exchange, standing: Standing) -> list[str]:
    """Return the texts of an answer's deltas; none where the function that told it did not live to say."""
    answer = exchange.answer or ""
    ends = list(itertools.accumulate(standing.lengths))
    if not ends or ends[-1] != len(answer):
        return []
    return [answer[end - length : end] for end, length in zip(ends, standing.lengths, strict=True)]


def _last_frame(exchange: Exchange, session_id: str, deltas: int | None) -> Frame:
    """Return a turn's last frame; without ``deltas`` its client reads the history."""
    if exchange.failure is not None:
        return frames.error(recorded_failure(exchange), exchange.request_id)
    return frames.answer(exchange, session_id, None, deltas if deltas or not exchange.answer else None)
