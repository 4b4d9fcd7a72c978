"""A session's own instructions: which are in force for a turn, and whether the turn changes them."""

from __future__ import annotations

from bridge.conversation import Instructions, Session, Turn
from bridge.ports.sessions import Sessions


def in_force(turn: Turn, session: Session, sessions: Sessions) -> Instructions | None:
    """Return the session's own instructions as they are from a turn on.

    Raises whatever comes where they cannot be read: without them Claude would not be who it was told to be,
    and the queue delivers the turn again.
    """
    if turn.system == "":
        return None
    there = sessions.instructions(session, renew=True)
    if turn.system is None or (there is not None and there.text == turn.system):
        return there
    return Instructions(turn.system, session.next_turn)


def changed(turn: Turn, session: Session, now: Instructions | None) -> bool | None:
    """Tell whether a turn names the instructions that are in force now (True) or removed them (False).

    None where they stay as they were: a client that sends the same ones with every message has them read,
    and not written; nor is anything removed from a session that has none.
    """
    if turn.system is None:
        return None
    if now is None:
        return None if session.instructed is None else False
    return True if now.turn == session.next_turn else None
