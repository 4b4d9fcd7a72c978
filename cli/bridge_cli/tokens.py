"""Connection tokens: HS256 JWTs with the owner in `sub`, minted here, read without being verified."""

from __future__ import annotations

import base64
import getpass
import json
import math
import re
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime

from bridge_cli.errors import UsageError

DEFAULT_LIFETIME = 24 * 3600
"""Seconds that a token is good for unless said otherwise."""

OWN_LIFETIME = 3600
"""Seconds that a token is good for which the command line mints for itself; a long chat mints another."""

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_LONGEST = 365 * 86_400
_LONGEST_OWNER = 256


@dataclass(frozen=True)
class Claims:
    """What a token says of itself; `expires` is in seconds since the epoch.

    Without a `token_id`, its `jti`, it cannot be revoked by itself.
    """

    owner: str
    expires: float | None
    token_id: str | None = None

    @property
    def seconds_left(self) -> float | None:
        """Seconds until it expires, negative past that; None where it never does."""
        return None if self.expires is None else self.expires - time.time()

    @property
    def expires_at(self) -> str:
        """When it expires, for people."""
        if self.expires is None:
            return "never"
        return datetime.fromtimestamp(self.expires, UTC).strftime("%Y-%m-%d %H:%M UTC")


def mint(signing_secret: str, owner: str, lifetime: int = OWN_LIFETIME) -> str:
    """Return a token for `owner`, good for `lifetime` seconds. Raises UsageError for no proper owner."""
    import jwt

    now = int(time.time())
    claims = {"sub": checked_owner(owner), "iat": now, "exp": now + lifetime, "jti": uuid.uuid4().hex}
    return jwt.encode(claims, signing_secret, algorithm="HS256")


def read(token: str) -> Claims:
    """Return what a token says, unverified. Raises ValueError where it is no token."""
    try:
        _, payload, _ = token.split(".")
        told = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        expires = told.get("exp")
        return Claims(
            str(told.get("sub") or ""),
            None if expires is None else float(expires),
            str(told["jti"]) if told.get("jti") else None,
        )
    except (ValueError, AttributeError, TypeError) as error:
        raise ValueError("this is not a token of the bridge's (a JWT)") from error


def expires_within(token: str, seconds: float) -> bool:
    """Tell whether a token is expired, or will be that soon; of what is no token, nothing is known."""
    try:
        left = read(token).seconds_left
    except ValueError:
        return False
    return left is not None and left < seconds


def checked_owner(owner: str) -> str:
    """Return the owner's name. Raises UsageError unless it is 1 to 256 printable characters without `#`."""
    if not 1 <= len(owner) <= _LONGEST_OWNER or "#" in owner or not owner.isprintable():
        raise UsageError("an owner's name is 1 to 256 printable characters, without `#`")
    return owner


def checked_id(token_id: str) -> str:
    """Return a token's id (`jti`). Raises UsageError unless it is 1 to 256 printable characters.

    A token itself is refused, and not repeated: its id is within it.
    """
    if token_id.count(".") == 2 and token_id.startswith("ey"):  # noqa: PLR2004 - a JWT has three parts
        raise UsageError(
            "this is a token, which does not belong on the command line; what is wanted is its id",
            hint="`bridge doctor` tells the id of the token that it is given.",
        )
    if not 1 <= len(token_id) <= _LONGEST_OWNER or not token_id.isprintable():
        raise UsageError("a token's id is 1 to 256 printable characters")
    return token_id


def moment_of(text: str) -> int:
    """Return a moment of the past in whole seconds since the epoch, rounded up.

    It is given in ISO 8601 (in UTC where no zone is named) or in such seconds. Raises UsageError.
    """
    try:
        if re.fullmatch(r"\d{9,11}", text.strip()):
            moment = datetime.fromtimestamp(int(text), UTC)
        else:
            read = datetime.fromisoformat(text.strip())
            moment = read if read.tzinfo else read.replace(tzinfo=UTC)
        seconds = math.ceil(moment.timestamp())
    except (ValueError, OverflowError):
        raise UsageError(
            f"`{text}` is no time", hint="Say 2026-11-22T19:30:00Z, 2026-11-22, or seconds since the epoch."
        ) from None
    if not 0 <= seconds <= time.time() + 1:
        raise UsageError(
            f"`{text}` is yet to come: it would void tokens that are not made yet, and cannot be taken back",
            hint="Name a moment up to now.",
        )
    return seconds


def utc(seconds: float) -> str:
    """Return a moment in seconds since the epoch, for people."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def local_user() -> str:
    """Return the name of whoever is logged in, as an owner."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError, ImportError):  # no entry in the user database, as in some containers
        name = "local"
    return "".join(character for character in name if character.isprintable() and character != "#") or "local"


def seconds_of(lifetime: str) -> int:
    """Return the seconds of "90s", "30m", "24h", "7d" or "2w". Raises UsageError for anything else."""
    given = re.fullmatch(r"\s*(\d{1,9})\s*([smhdw]?)\s*", lifetime.lower())
    seconds = int(given[1]) * _UNITS[given[2] or "s"] if given else 0
    if not 1 <= seconds <= _LONGEST:
        raise UsageError(
            f"`{lifetime}` is not a time that a token may live", hint="Say 30m, 24h or 7d; at most 365d."
        )
    return seconds
