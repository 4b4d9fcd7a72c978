"""Looking at what changes again and again, until Ctrl-C: ever less often while AWS throttles."""

from __future__ import annotations

import contextlib
import random
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from bridge_cli.aws import code_of
from bridge_cli.errors import BridgeError, UsageError
from bridge_cli.terminal import notice

LONGEST_PAUSE = 30.0
"""Seconds to which the pause between two looks grows at most while AWS does not answer."""

_PASSING = {
    *("ThrottlingException", "Throttling", "RequestThrottled", "LimitExceededException"),
    *("ServiceUnavailableException", "ServiceUnavailable", "InternalFailure", "InternalError"),
    *("EndpointConnectionError", "ConnectTimeoutError", "ReadTimeoutError", "ConnectionClosedError"),
}
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}  # seconds
_SPAN = re.compile(r"(\d{1,6})([smhd])")


def again_and_again(look: Callable[[], None], shortest: float, longest: float) -> None:
    """Call ``look`` with pauses between two lengths, in seconds, until Ctrl-C.

    What passes by itself (AWS throttles, the network is gone) is told, and tried again ever more slowly;
    the first look is not.
    """
    factor, first = 1.0, True
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            try:
                look()
                factor = 1.0
            except BridgeError as error:
                if first or not _passes(error.__cause__):
                    raise
                notice(f"{error.message}; trying again")
                factor *= 2
            first = False
            pause = random.uniform(shortest, longest)  # noqa: S311 - jitter
            time.sleep(min(pause * factor, max(pause, LONGEST_PAUSE)))


def _passes(cause: BaseException | None) -> bool:
    return isinstance(cause, Exception) and code_of(cause) in _PASSING


def moment(since: str, now: datetime) -> datetime:
    """Return the moment that ``since`` means: `15m` (or s, h, d) before now, or an ISO 8601 time.

    Raises UsageError. A time without a zone is this machine's.
    """
    if span := _SPAN.fullmatch(since.strip().lower()):
        with contextlib.suppress(OverflowError):
            return now - timedelta(seconds=int(span[1]) * _UNITS[span[2]])
    with contextlib.suppress(ValueError, OverflowError):
        return datetime.fromisoformat(since).astimezone(UTC)
    raise UsageError(f"{since!r} is no time", hint="Write 90s, 15m, 2h, 1d, or 2026-11-23T14:05.")
