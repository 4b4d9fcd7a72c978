"""What an `error`, or a turn that was kept with one, is for a person."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

from bridge_cli.errors import RequestFailed
from bridge_cli.events import Failure

_MINUTE = 60
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR


def failed(failure: Failure, *, hint: str = "", now: datetime | None = None) -> RequestFailed:
    """Return the error that a person is told for an `error` frame; without a hint it has the usual one.

    `now` is when the frame came, by default this moment: what is to be waited for is told as a time, too.
    """
    hint = hint or _next_step(failure, now or datetime.now(UTC))
    return RequestFailed(
        failure.code,
        failure.message,
        request_id=failure.request_id,
        retryable=failure.retryable,
        retry_after=failure.retry_after,
        hint="" if failure.message.endswith(hint) else hint,  # many a message says what to do
    )


def failure_of(error: dict[str, Any], request_id: str, told: Failure | None = None) -> Failure:
    """Return what the `error` of an exchange in the history told when it happened.

    The history does not say whether and when it is worth trying again. `told`, where it came in a frame and
    is the same error, does. The code alone does not make it the same: `quota_exceeded` is also what refuses
    to resume a turn, for a minute, that failed for the rest of the day.
    """
    kept_as = Failure(
        str(error.get("code") or "internal"),
        str(error.get("message") or "the turn failed"),
        request_id,
        retryable=bool(error.get("retryable")),
    )
    if told is not None and (told.code, told.message) == (kept_as.code, kept_as.message):
        return told
    return kept_as


def kept(session_id: str | None) -> str:
    """Return where a person finds what becomes of a turn that nobody waits for any more."""
    return f"What Claude still answers is kept: `bridge history{f' {session_id}' if session_id else ''}`."


def _next_step(failure: Failure, now: datetime) -> str:
    if failure.retry_after:
        return f"Try again in {_in_words(failure.retry_after, now)}."
    if failure.retryable and failure.code != "quota_exceeded":  # whose message says until when, but not now
        return "Try again."
    return {
        "unauthorized": "`bridge token create` mints a token, `bridge doctor` reads yours.",
        "not_found": "`bridge sessions` lists what there is.",
        "unknown_action": "The bridge is older than this client: whoever deployed it can update it.",
    }.get(failure.code, "")


def _in_words(seconds: float, now: datetime) -> str:
    """Return how long that is, never less, and from two minutes to a day also when it is over, here."""
    if seconds < 2 * _MINUTE:
        return f"{math.ceil(seconds)} s"
    if seconds >= _DAY:
        return f"{math.ceil(seconds / _HOUR):,} hours"
    hours, minutes = divmod(math.ceil(seconds / _MINUTE), 60)
    wait = f"{hours} h {minutes} min" if hours else f"{minutes} minutes"
    over = (now + timedelta(seconds=seconds, minutes=0.5)).astimezone()  # to the nearest minute
    return f"{wait}, at {over:%H:%M} local time"
