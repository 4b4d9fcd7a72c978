"""What the bridge sends, as the client sees it: one dataclass a type of frame; pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from bridge_cli.exchanges import Exchange
from bridge_cli.memory import Memory, PromptMemory
from bridge_cli.spending import Cost, SessionUsage


@dataclass(frozen=True)
class Accepted:
    """The question is queued; `session_id` is the session's name."""

    request_id: str
    session_id: str


@dataclass(frozen=True)
class Delta:
    """A piece of the answer; `seq` counts from 1 within the request."""

    request_id: str
    seq: int
    text: str


@dataclass(frozen=True)
class Answer:
    """The turn is complete and kept. `usage` counts tokens; `text` is the whole answer.

    With the `stop_reason` "cancelled" somebody ended it: `text` is what was said until then.

    `memory` is what Claude was told besides the message, `cost` in dollars what the turn took; both are None
    where that is not known, as of an answer that was fetched from the history. `deltas` is how many deltas
    it came in, None likewise.
    """

    request_id: str
    session_id: str
    turn: int | None
    stop_reason: str
    model: str
    usage: dict[str, int] = field(default_factory=dict)
    memory: PromptMemory | None = None
    deltas: int | None = None
    text: str = ""
    cost: Cost | None = None


@dataclass(frozen=True)
class Failure:
    """The bridge could not do what was asked; nothing changed. `retry_after` is in seconds."""

    code: str
    message: str
    request_id: str | None = None
    retryable: bool = False
    retry_after: float | None = None


@dataclass(frozen=True)
class HistoryPage:
    """A page of exchanges, oldest first; `before` names the page before it, None at the beginning.

    `system` are the session's own instructions: the page of the newest exchanges tells them.
    """

    request_id: str | None
    session_id: str
    exchanges: tuple[Exchange, ...]
    before: str | None
    system: str | None = None


@dataclass(frozen=True)
class Session:
    """A session in the list; `last_updated` is ISO 8601 in UTC."""

    session_id: str
    title: str
    turns: int
    last_updated: str


@dataclass(frozen=True)
class SessionsPage:
    """A page of sessions, newest first; `before` names the next one, None at the end."""

    request_id: str | None
    sessions: tuple[Session, ...]
    before: str | None


@dataclass(frozen=True)
class Memories:
    """What the bridge remembers for a text, what bears on it most first."""

    request_id: str | None
    memories: tuple[Memory, ...]


@dataclass(frozen=True)
class Forgotten:
    """A session is gone, or with None for `session_id` all of the owner's.

    `exchanges` is how many went, 0 where there was nothing under that name.
    """

    request_id: str | None
    session_id: str | None
    exchanges: int


@dataclass(frozen=True)
class UsagePage:
    """What a page of sessions took, newest first; `before` names the next one, None at the end."""

    request_id: str | None
    sessions: tuple[SessionUsage, ...]
    before: str | None


@dataclass(frozen=True)
class Pong:
    """The answer to a ping."""

    request_id: str | None


@dataclass(frozen=True)
class Unknown:
    """An event of a type that this client does not know: to be ignored."""

    type: str
    request_id: str | None = None


Event = (
    Accepted
    | Delta
    | Answer
    | Failure
    | HistoryPage
    | SessionsPage
    | Memories
    | Forgotten
    | UsagePage
    | Pong
    | Unknown
)
