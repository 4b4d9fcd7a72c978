"""What can go wrong between a person and the bridge, as they are told it.

BridgeError                    exit code 1, one line and a next step, never a traceback
├── UsageError                 2: what was asked makes no sense; nothing was sent
│   └── MessageTooLarge        the message does not fit into one WebSocket message
├── CannotConnect              3: no connection: DNS, TCP, TLS, time-out, wrong address
│   └── ConnectionRefused      3: the endpoint answered, and refused the token
├── NotConfigured              3: no endpoint, token or AWS access is known
├── ConnectionLost             1: it broke off and could not be taken up again in time
│   └── NotBack                3: the connection itself does not come back
├── UnexpectedFrame            1: the other side does not speak the bridge's protocol
├── RequestFailed              1: the bridge or Claude answered with an error
└── Interrupted                130: Ctrl-C, or an answer that was cancelled without an end to show
    └── Terminated             143: SIGTERM
"""

from __future__ import annotations

from typing import Any, ClassVar


class BridgeError(Exception):
    """An error that a person can read; `hint` says what to do next."""

    exit_code: ClassVar[int] = 1
    code: str = "failed"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def as_json(self) -> dict[str, Any]:
        """Return what `--json` prints under `error`."""
        told: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.hint:
            told["hint"] = self.hint
        return told


class UsageError(BridgeError):
    """What was asked makes no sense; nothing was sent."""

    exit_code = 2
    code = "usage"


class MessageTooLarge(UsageError):
    """The message does not fit into one WebSocket message."""

    code = "too_large"


class CannotConnect(BridgeError):
    """There is no connection to the endpoint."""

    exit_code = 3
    code = "cannot_connect"


class ConnectionRefused(CannotConnect):
    """The endpoint answered the handshake, and refused it."""

    code = "unauthorized"

    def __init__(self, message: str, *, hint: str = "", status: int = 0) -> None:
        super().__init__(message, hint=hint)
        self.status = status


class NotConfigured(BridgeError):
    """No endpoint, token or AWS access is known."""

    exit_code = 3
    code = "not_configured"


class ConnectionLost(BridgeError):
    """The connection broke off and could not be taken up again in time."""

    code = "connection_lost"


class NotBack(ConnectionLost):
    """There was a connection, and there is none any more."""

    exit_code = 3


class UnexpectedFrame(BridgeError):
    """A frame that is not of the bridge's protocol."""

    code = "unexpected_frame"


class RequestFailed(BridgeError):
    """The bridge, or Claude behind it, answered with an error.

    `retry_after` is in seconds; `request_id` is None where the error could not name one.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        request_id: str | None = None,
        retryable: bool = False,
        retry_after: float | None = None,
        hint: str = "",
    ) -> None:
        super().__init__(message, hint=hint)
        self.code = code
        self.request_id = request_id
        self.retryable = retryable
        self.retry_after = retry_after

    def as_json(self) -> dict[str, Any]:
        """Return what `--json` prints under `error`."""
        told = super().as_json() | {"request_id": self.request_id, "retryable": self.retryable}
        if self.retry_after is not None:
            told["retry_after"] = self.retry_after
        return told


class Interrupted(BridgeError):
    """Ctrl-C, or an answer that was cancelled without an end that could be shown."""

    exit_code = 130
    code = "interrupted"


class Terminated(Interrupted):
    """SIGTERM."""

    exit_code = 143
    code = "terminated"
