"""What an `error`, or a turn that was kept with one, is for a person."""

from __future__ import annotations

from typing import Any

from bridge_cli.errors import RequestFailed
from bridge_cli.events import Failure


def failed(failure: Failure) -> RequestFailed:
    """Return the error that a person is told for an `error` frame."""
    hint = _next_step(failure)
    return RequestFailed(
        failure.code,
        failure.message,
        request_id=failure.request_id,
        retryable=failure.retryable,
        retry_after=failure.retry_after,
        hint="" if failure.message.endswith(hint) else hint,  # many a message says what to do
    )


def failure_of(error: dict[str, Any], request_id: str) -> Failure:
    """Return what the `error` of an exchange in the history told when it happened."""
    return Failure(
        str(error.get("code") or "internal"),
        str(error.get("message") or "the turn failed"),
        request_id,
        retryable=bool(error.get("retryable")),
    )


def _next_step(failure: Failure) -> str:
    if failure.retry_after:
        return f"Try again in {_in_words(failure.retry_after)}."
    if failure.retryable:
        return "Try again."
    return {
        "unauthorized": "`bridge token create` mints a token, `bridge doctor` reads yours.",
        "not_found": "`bridge sessions` lists what there is.",
        "unknown_action": "The bridge is older than this client: whoever deployed it can update it.",
    }.get(failure.code, "")


def _in_words(seconds: float) -> str:
    if seconds < 2 * 60:
        return f"{seconds:g} s"
    if seconds < 2 * 3600:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds / 3600:.0f} hours"
