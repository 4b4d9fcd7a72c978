"""What became of a turn: what its answering tells the log and the metrics."""

from __future__ import annotations

from dataclasses import dataclass

from bridge.conversation import Exchange
from bridge.errors import BridgeError
from bridge.pricing import Bill


@dataclass(slots=True)
class Outcome:
    """What became of a turn; times are in seconds since the start.

    ``claude_request_id`` is the name under which whoever answered knows the call, also one that failed; None
    where nobody was asked, or none was told. ``bill`` is None where the model has no price.
    """

    started: float
    deadline: float
    exchange: Exchange | None = None
    failure: BridgeError | None = None
    repeated: bool = False
    forgotten: bool = False
    claude_request_id: str | None = None
    bill: Bill | None = None
    first_text: float | None = None
    duration: float = 0.0
    posts: int = 0
    client_gone: bool = False
    recalled: int = 0
    recall_seconds: float = 0.0
    recall_failure: Exception | None = None
    post_failure: Exception | None = None
    watch_failure: Exception | None = None
