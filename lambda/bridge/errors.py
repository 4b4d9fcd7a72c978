"""What can go wrong, as the client is told it.

::

    BridgeError
    ├── BadRequest            bad_request          the frame is not what the protocol asks for
    ├── UnknownAction         unknown_action       no such action
    ├── TooLarge              too_large            the frame or the message is over its limit
    ├── NotFound              not_found            no such session (of this owner's)
    ├── Conflict              conflict             the request id is taken, or still being taken in
    ├── QuotaExceeded         quota_exceeded       the owner has used up what a day or a minute allows
    ├── Unauthorized          unauthorized         no connection record, or its token has expired
    ├── UpstreamOverloaded    upstream_overloaded  Claude is rate limited or overloaded
    ├── UpstreamError         upstream_error       Claude could not be asked, or broke off
    ├── Refused               refused              Claude declined to answer
    └── Internal              internal             the bridge itself failed

    SettingsError             a function's environment is incomplete: fails the cold start
    ClientGone                the connection is closed; never a failure of the turn
    TurnTaken                 another exchange already has this turn's number
    SessionForgotten          the session was forgotten while its turn was answered
"""

from __future__ import annotations

from typing import ClassVar


class SettingsError(Exception):
    """A function's environment lacks a setting, or holds one that makes no sense."""


class ClientGone(Exception):
    """The client's connection is closed: posting to it is of no use any more."""


class TurnTaken(Exception):
    """The session already has another exchange under this turn's number."""


class SessionForgotten(Exception):
    """The session was forgotten while one of its turns was under way."""


class BridgeError(Exception):
    """An error that the client is told: ``code`` is for programs, the message for people.

    ``retryable`` says whether the same message may succeed later, and ``retry_after`` (seconds)
    when, where that is known. Once a turn has failed, its message needs a request id of its own.
    ``detail`` is for the log, and holds no message's text; so is ``claude_request_id``, the name under which
    whoever was asked for an answer knows the call that failed.
    """

    code: ClassVar[str] = "internal"
    retryable_by_default: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        retryable: bool | None = None,
        retry_after: float | None = None,
        detail: str | None = None,
        claude_request_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.retryable = self.retryable_by_default if retryable is None else retryable
        self.retry_after = retry_after
        self.detail = detail
        self.claude_request_id = claude_request_id


class BadRequest(BridgeError):
    """The frame is not what the protocol asks for."""

    code = "bad_request"


class UnknownAction(BridgeError):
    """The frame names an action that does not exist."""

    code = "unknown_action"


class TooLarge(BridgeError):
    """The frame or the message is over its limit."""

    code = "too_large"


class NotFound(BridgeError):
    """The owner has no such session."""

    code = "not_found"


class Conflict(BridgeError):
    """The request id belongs to another message, or its first arrival is still being taken in."""

    code = "conflict"


class Unauthorized(BridgeError):
    """The connection is not, or no longer, allowed to speak."""

    code = "unauthorized"


class QuotaExceeded(BridgeError):
    """The owner has used up what is allowed for now."""

    code = "quota_exceeded"
    retryable_by_default = True


class UpstreamOverloaded(BridgeError):
    """Claude is rate limited or overloaded."""

    code = "upstream_overloaded"
    retryable_by_default = True


class UpstreamError(BridgeError):
    """Claude could not be asked, answered with an error, or broke off."""

    code = "upstream_error"


class Refused(BridgeError):
    """Claude declined to answer."""

    code = "refused"


class Internal(BridgeError):
    """The bridge itself failed."""

    code = "internal"
    retryable_by_default = True


def by_code(code: str, message: str, *, retryable: bool | None = None) -> BridgeError:
    """Return the error of a recorded failure, by the code under which it was recorded."""
    kinds = {kind.code: kind for kind in BridgeError.__subclasses__()}
    return kinds.get(code, Internal)(message, retryable=retryable)
