"""The bridge's wire, seen from the client: requests out, events in; pure, no sockets.

A request knows its JSON (`encode`); `decode` turns what arrived into one event. What it does not know it
ignores: a newer bridge may add fields and event types.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, ClassVar

from bridge_cli.errors import UnexpectedFrame
from bridge_cli.events import (
    Accepted,
    Answer,
    Delta,
    Event,
    Failure,
    Forgotten,
    HistoryPage,
    Memories,
    Pong,
    Session,
    SessionsPage,
    Unknown,
    UsagePage,
)
from bridge_cli.exchanges import Exchange
from bridge_cli.fields import optional, seconds
from bridge_cli.frames import well_formed
from bridge_cli.memory import PromptMemory, memory
from bridge_cli.spending import Cost, SessionUsage, tokens

__all__ = [
    "Accepted",
    "Answer",
    "Cancel",
    "Delta",
    "Event",
    "Failure",
    "Forget",
    "Forgotten",
    "History",
    "HistoryPage",
    "Memories",
    "Ping",
    "Pong",
    "Query",
    "Recall",
    "Request",
    "Resume",
    "Session",
    "Sessions",
    "SessionsPage",
    "Unknown",
    "Usage",
    "UsagePage",
    "decode",
    "encode",
]


_ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")

_LONGEST_REASON = 200
"""Characters of what is told of a malformed frame: it may quote a whole field."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a client may send; `request_id` is echoed by whatever answers it."""

    action: ClassVar[str]
    request_id: str


@dataclass(frozen=True, kw_only=True)
class Query(Request):
    """Ask Claude `message` in a session; without `session_id` the bridge starts one.

    `recall` is owner, session or off; None leaves it to the environment. `system` are the session's own
    instructions from this message on; an empty text removes them, None leaves them as they are.
    """

    action = "query"
    message: str
    session_id: str | None = None
    model: str | None = None
    recall: str | None = None
    system: str | None = None


@dataclass(frozen=True, kw_only=True)
class Resume(Request):
    """Have the answer of the query with this `request_id` go on here, from the delta after `last_seq` on."""

    action = "resume"
    last_seq: int = 0


@dataclass(frozen=True, kw_only=True)
class Cancel(Request):
    """End the answer of the query with this `request_id`; what was said until then is kept."""

    action = "cancel"


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
class Recall(Request):
    """Ask what the bridge remembers for a text: all that the owner said, or what one session did."""

    action = "recall"
    text: str
    limit: int | None = None
    session_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class Forget(Request):
    """Ask the bridge to forget a session and all that hangs on it, or everything of the owner's."""

    action = "forget"
    session_id: str | None = None
    everything: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Usage(Request):
    """Ask what a session took, or a page of all of them, newest first."""

    action = "usage"
    session_id: str | None = None
    before: str | None = None
    limit: int | None = None


@dataclass(frozen=True, kw_only=True)
class Ping(Request):
    """Ask for a pong."""

    action = "ping"


def encode(request: Request) -> str:
    """Return the request's JSON, without the fields that are None and without lone surrogates."""
    fields = {
        name: well_formed(value) if isinstance(value, str) else value
        for name, value in vars(request).items()
        if value is not None
    }
    return json.dumps({"action": request.action, **fields}, ensure_ascii=False, separators=(",", ":"))


def decode(text: str | bytes) -> Event:
    """Return the event that a message from the bridge tells; its texts hold no lone surrogates.

    Raises UnexpectedFrame where it is none: no JSON, no object, or a field missing or of a wrong type.
    """
    text = well_formed(text) if isinstance(text, str) else text.decode("utf-8", "replace")
    try:
        told = json.loads(text)
        if _ESCAPED_SURROGATE.search(text):
            told = json.loads(well_formed(json.dumps(told, ensure_ascii=False)))
    except (ValueError, RecursionError) as error:
        raise UnexpectedFrame(
            "the endpoint sent something that is not JSON", hint="Is this the URL of a Claude Context Bridge?"
        ) from error
    if not isinstance(told, dict):
        raise UnexpectedFrame("the endpoint sent JSON that is not an object")
    try:
        return _event(told)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError) as error:
        kind = str(told["type"])[:_LONGEST_REASON] if isinstance(told.get("type"), str) else "?"
        reason = f"{error}"[:_LONGEST_REASON]
        raise UnexpectedFrame(f"the endpoint sent a malformed `{kind}` frame: {reason}") from error


def _event(told: dict[str, Any]) -> Event:  # noqa: PLR0911 - a table, one case per type
    request_id = optional(told, "request_id", str)
    match told.get("type"):
        case "accepted":
            return Accepted(str(request_id), str(told["session_id"]))
        case "delta":
            return Delta(str(request_id), int(told["seq"]), str(told["text"]))
        case "answer":
            return Answer(
                request_id=str(request_id),
                session_id=str(told["session_id"]),
                turn=optional(told, "turn", int),
                stop_reason=str(told.get("stop_reason") or ""),
                model=str(told.get("model") or ""),
                usage=tokens(told.get("usage")),
                memory=PromptMemory.from_wire(told["memory"]) if told.get("memory") else None,
                deltas=optional(told, "deltas", int),
                cost=Cost.from_wire(told.get("cost")),
            )
        case "error":
            return Failure(
                code=str(told.get("code") or "internal"),
                message=str(told.get("message") or "the bridge gave no reason"),
                request_id=request_id,
                retryable=bool(told.get("retryable")),
                retry_after=seconds(told, "retry_after"),
            )
        case "history":
            exchanges = tuple(Exchange.from_wire(entry) for entry in told["exchanges"])
            before, system = optional(told, "before", str), optional(told, "system", str)
            return HistoryPage(request_id, str(told["session_id"]), exchanges, before, system)
        case "sessions":
            sessions = tuple(_session(entry) for entry in told["sessions"])
            return SessionsPage(request_id, sessions, optional(told, "before", str))
        case "memories":
            return Memories(request_id, tuple(memory(entry) for entry in told["memories"]))
        case "forgotten":
            session = told["session_id"]
            return Forgotten(
                request_id, None if session is None else str(session), int(told.get("exchanges") or 0)
            )
        case "usage":
            used = tuple(SessionUsage.from_wire(entry) for entry in told["sessions"])
            return UsagePage(request_id, used, optional(told, "before", str))
        case "pong":
            return Pong(request_id)
        case None:
            return _from_gateway(told)
        case _:
            return Unknown(optional(told, "type", str) or "", request_id)


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
