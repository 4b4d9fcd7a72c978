"""Who speaks: connection tokens, JSON Web Tokens signed with HS256.

A token comes in the handshake's ``Authorization: Bearer`` header, or, from a browser, which cannot
set one, as the subprotocol ``bearer.{token}`` beside ``bridge``; never in the URL, which gets logged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import jwt

from bridge.errors import Unauthorized

SUBPROTOCOL = "bridge"
TOKEN_SUBPROTOCOL = "bearer."  # noqa: S105 - a prefix, no token

ANONYMOUS = "anonymous"
"""The owner of everything where a deployment asks for no authentication."""

MAX_OWNER_LENGTH = 256

FOREVER = 253_402_300_799
"""The end of the year 9999: a token that expires later does so then."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom a token names, until when (seconds since the epoch); ``subprotocol`` must be confirmed."""

    owner: str
    expires: int | None
    subprotocol: str | None = None


def anonymous(headers: Mapping[str, str]) -> Identity:
    """Return the one owner of a deployment without authentication."""
    return Identity(ANONYMOUS, None, _confirmed(_offered(headers)))


def identify(headers: Mapping[str, str], signing_key: str) -> Identity:
    """Return whom a handshake's headers name; `Unauthorized` says what is wrong with them."""
    offered = _offered(headers)
    scheme, _, token = _header(headers, "authorization").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return _identity(token.strip(), signing_key, _confirmed(offered))
    for protocol in offered:
        if protocol.startswith(TOKEN_SUBPROTOCOL):
            return _identity(protocol.removeprefix(TOKEN_SUBPROTOCOL), signing_key, SUBPROTOCOL)
    raise Unauthorized("Connect with a token, in the header 'Authorization: Bearer …'.")


def _header(headers: Mapping[str, str], name: str) -> str:
    return {given.lower(): value for given, value in headers.items()}.get(name, "")


def _offered(headers: Mapping[str, str]) -> list[str]:
    return [part.strip() for part in _header(headers, "sec-websocket-protocol").split(",")]


def _confirmed(offered: list[str]) -> str | None:
    return SUBPROTOCOL if SUBPROTOCOL in offered else None


def _identity(token: str, signing_key: str, subprotocol: str | None) -> Identity:
    try:
        claims = jwt.decode(
            token,
            signing_key,
            algorithms=["HS256"],
            # Not when it was minted: the clock of whoever minted it may be ahead.
            options={"require": ["exp", "sub"], "verify_iat": False},
        )
    except jwt.ExpiredSignatureError:
        raise Unauthorized("The token has expired.") from None
    except jwt.InvalidTokenError:
        raise Unauthorized("The token is not one of this bridge's.") from None
    owner = claims["sub"]
    if not 1 <= len(owner) <= MAX_OWNER_LENGTH or "#" in owner or not owner.isprintable():
        raise Unauthorized("The token's 'sub' must be 1 to 256 printable characters without '#'.")
    return Identity(owner, min(int(claims["exp"]), FOREVER), subprotocol)
