"""The bridge's wire, seen from the client: requests out, events in; pure, no sockets.

A request knows its JSON (`encode`); `decode` turns what arrived into one event. What it does not know it
ignores: a newer bridge may add fields and event types.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, ClassVar

from bridge_cli.errors import UnexpectedFrame
from bridge_cli.exchanges import Exchange
from bridge_cli.frames import well_formed


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a client may send; `request_id` is echoed by whatever answers it."""

    action: ClassVar[str]
    request_id: str


@dataclass(frozen=True, kw_only=True)
class Query(Request):
    """Ask Claude `message` in a session; without `session_id` the bridge starts one."""

    action = "query"
    message: str
    session_id: str | None = None
    model: str | None = None


@dataclass(frozen=True, kw_only=True)
class History(Request):
    """Ask for a page of a session's exchanges: the last page, or the one before the mark `before`."""

    action = "history"
    session_id: str
    before: str | None = None
    limit: int | None = None


@dataclass(frozen=True, kw_only=True)
class Sessions(Request):
    """Ask for a page of the owner's sessions, newest first."""

    action = "sessions"
    before: str | None = None
    limit: int | None = None


@dataclass(frozen=True, kw_only=True)
class Ping(Request):
    """Ask for a pong."""

    action = "ping"


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

    `deltas` is how many deltas it came in; None where that is not known.
    """

    request_id: str
    session_id: str
    turn: int | None
    stop_reason: str
    model: str
    usage: dict[str, int] = field(default_factory=dict)
    memory: dict[str, int] = field(default_factory=dict)
    deltas: int | None = None
    text: str = ""


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
    """A page of exchanges, oldest first; `before` names the page before it, None at the beginning."""

    request_id: str | None
    session_id: str
    exchanges: tuple[Exchange, ...]
    before: str | None


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
class Pong:
    """The answer to a ping."""

    request_id: str | None


@dataclass(frozen=True)
class Unknown:
    """An event of a type that this client does not know: to be ignored."""

    type: str
    request_id: str | None = None


Event = Accepted | Delta | Answer | Failure | HistoryPage | SessionsPage | Pong | Unknown


def encode(request: Request) -> str:
    """Return the request's JSON, without the fields that are None and without lone surrogates."""
    fields = {
        name: well_formed(value) if isinstance(value, str) else value
        for name, value in vars(request).items()
        if value is not None
    }
    return json.dumps({"action": request.action, **fields}, ensure_ascii=False, separators=(",", ":"))


def decode(text: str | bytes) -> Event:
    """Return the event that a message from the bridge tells.

    Raises UnexpectedFrame where it is none: no JSON, no object, or a field missing or of a wrong type.
    """
    try:
        told = json.loads(text)
    except ValueError as error:
        raise UnexpectedFrame(
            "the endpoint sent something that is not JSON", hint="Is this the URL of a Claude Context Bridge?"
        ) from error
    if not isinstance(told, dict):
        raise UnexpectedFrame("the endpoint sent JSON that is not an object")
    try:
        return _event(told)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnexpectedFrame(f"the endpoint sent a malformed `{told.get('type')}` frame: {error}") from error


def _event(told: dict[str, Any]) -> Event:  # noqa: PLR0911 - a table, one case per type
    request_id = told.get("request_id")
    match told.get("type"):
        case "accepted":
            return Accepted(str(request_id), str(told["session_id"]))
        case "delta":
            return Delta(str(request_id), int(told["seq"]), str(told["text"]))
        case "answer":
            return Answer(
                request_id=str(request_id),
                session_id=str(told["session_id"]),
                turn=told.get("turn"),
                stop_reason=str(told.get("stop_reason") or ""),
                model=str(told.get("model") or ""),
                usage=dict(told.get("usage") or {}),
                memory=dict(told.get("memory") or {}),
                deltas=told.get("deltas"),
            )
        case "error":
            return Failure(
                code=str(told.get("code") or "internal"),
                message=str(told.get("message") or "the bridge gave no reason"),
                request_id=request_id,
                retryable=bool(told.get("retryable")),
                retry_after=told.get("retry_after"),
            )
        case "history":
            exchanges = tuple(Exchange.from_wire(entry) for entry in told["exchanges"])
            return HistoryPage(request_id, str(told["session_id"]), exchanges, told.get("before"))
        case "sessions":
            sessions = tuple(_session(entry) for entry in told["sessions"])
            return SessionsPage(request_id, sessions, told.get("before"))
        case "pong":
            return Pong(request_id)
        case None:
            return _from_gateway(told)
        case other:
            return Unknown(str(other), request_id)


def _session(entry: dict[str, Any]) -> Session:
    return Session(
        str(entry["session_id"]),
        str(entry.get("title") or ""),
        int(entry.get("turns") or 0),
        str(entry.get("last_updated") or ""),
    )


def _from_gateway(told: dict[str, Any]) -> Failure:
    """Read a frame of API Gateway's own, which has no `type`: the route's function could not be asked."""
    if "message" not in told:
        raise UnexpectedFrame(
            "the endpoint does not speak the bridge's protocol",
            hint="Is this the URL of a Claude Context Bridge?",
        )
    aws_request = f" (AWS request {told['requestId']})" if told.get("requestId") else ""
    return Failure("internal", f"API Gateway answered: {told['message']}{aws_request}", retryable=True)
