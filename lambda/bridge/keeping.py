"""Keeping an exchange under the next free number of its session."""

from __future__ import annotations

from dataclasses import replace

from bridge.conversation import Exchange, Session, Turn
from bridge.errors import TurnTaken
from bridge.memory.window import Window
from bridge.ports.sessions import Remembered, Sessions

MAX_NUMBERINGS = 5
"""How often a turn looks for its number before it gives up: more than once is a rare accident."""


class Keeping:
    """Keeps exchanges; ``context_limit`` is the window's high mark, in characters."""

    def __init__(self, sessions: Sessions, context_limit: int) -> None:
        self._sessions = sessions
        self._context_limit = context_limit

    def keep(self, exchange: Exchange, remembered: Remembered, turn: Turn) -> Exchange:
        """Keep a turn's exchange; return what is kept of the turn, which another delivery may have kept.

        Raises `SessionForgotten`, and keeps nothing, where the session was forgotten since it was
        ``remembered``.
        """
        loaded = remembered.head
        for _ in range(MAX_NUMBERINGS):
            try:
                after = self._header_after(remembered, exchange)
                return self._sessions.keep(exchange, after, loaded, turn.system)
            except TurnTaken:
                # Another delivery of this turn, or a function thought dead, came in between.
                remembered = self._sessions.load(turn.key)
                twin = already_kept(remembered, turn)
                if twin is not None:
                    return twin
                session = remembered.session
                exchange = replace(exchange, turn=session.next_turn, first_turn=session.first_turn)
                if turn.system is not None:  # what was in force may be another by now
                    exchange = replace(exchange, instructed=bool(turn.system))
        raise TurnTaken(str(turn.key))

    def _header_after(self, remembered: Remembered, exchange: Exchange) -> Session:
        session = remembered.session.caught_up([exchange])
        earlier = (e for e in remembered.exchanges if e.turn < exchange.turn)
        window = Window.of([*earlier, exchange], self._context_limit)
        return replace(session, window_start=window.start(session.next_turn))


def already_kept(remembered: Remembered, turn: Turn) -> Exchange | None:
    """Return the exchange that a turn became, if it is among those that were remembered."""
    for exchange in remembered.exchanges:
        if exchange.request_id == turn.request_id:
            return exchange
    return None
