"""Who speaks: connection tokens, JSON Web Tokens signed with HS256, or whom AWS names.

A token comes in the handshake's ``Authorization: Bearer`` header, or, from a browser, which cannot
set one, as the subprotocol ``bearer.{token}`` beside ``bridge``; never in the URL, which gets logged.
No refusal repeats anything of a token.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt

from bridge.errors import Internal, Unauthorized
from bridge.protocol.handshake import SUBPROTOCOL, Handshake

TOKEN_SUBPROTOCOL = "bearer."  # noqa: S105 - a prefix, no token

ANONYMOUS = "anonymous"
"""The owner of everything where a deployment asks for no authentication."""

MAX_NAME_LENGTH = 256
"""Characters of an owner's name or of a token's id; a key of DynamoDB's holds 2,048 bytes."""

MAX_TOKEN_LENGTH = 8192
"""Characters of a token; API Gateway takes 10,240 bytes of headers in all."""

CLOCK_SKEW = 300
"""Seconds by which the clock of whoever mints tokens may be ahead: as much as AWS allows a signature's."""

FOREVER = 253_402_300_799
"""The end of the year 9999: a token that expires later does so then."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who connects, until when (seconds since the epoch); ``subprotocol`` must be confirmed.

    ``token_id`` and ``issued`` (seconds since the epoch) are the token's, for its revocation. Who is
    named by AWS has no token: ``issued`` is when they connected. 0 is of a token that does not say, and of
    whoever proves nothing.
    """

    owner: str
    expires: int | None
    subprotocol: str | None = None
    token_id: str | None = None
    issued: int = 0


def anonymous(handshake: Handshake) -> Identity:
    """Return the one owner of a deployment without authentication."""
    return Identity(ANONYMOUS, None, handshake.subprotocol)


def signed(handshake: Handshake, now: float) -> Identity:
    """Return whom AWS names, whose signature API Gateway has checked; the ARN is the owner."""
    if handshake.caller is None:
        raise Unauthorized("Sign the handshake with AWS credentials (SigV4, service 'execute-api').")
    if not _is_owner(handshake.caller):
        raise Unauthorized("The caller's ARN must be 1 to 256 printable characters without '#'.")
    return Identity(handshake.caller, None, handshake.subprotocol, issued=int(now))


def identify(handshake: Handshake, signing_key: str, now: float) -> Identity:
    """Return whom a handshake's token names; `Unauthorized` says what is wrong with it.

    Raises `Internal` where the signing key is none that could be trusted.
    """
    authorizations = handshake.values("authorization")
    if len(authorizations) > 1:
        raise Unauthorized("Send one 'Authorization' header: there were several.")
    scheme, _, token = "".join(authorizations).strip().partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return _identity(token.strip(), signing_key, now, handshake.subprotocol)
    offered = {name for name in handshake.offered if name.startswith(TOKEN_SUBPROTOCOL)}
    if len(offered) > 1:
        raise Unauthorized("Offer one token as a subprotocol: there were several.")
    for name in offered:
        return _identity(name.removeprefix(TOKEN_SUBPROTOCOL), signing_key, now, SUBPROTOCOL)
    raise Unauthorized("Connect with a token, in the header 'Authorization: Bearer …'.")


def _identity(token: str, signing_key: str, now: float, subprotocol: str | None) -> Identity:
    claims = _claims(token, signing_key)
    expires = _moment(claims, "exp")
    if expires is None:
        raise Unauthorized("The token has no 'exp': it must say when it expires.")
    if expires <= now:
        raise Unauthorized("The token has expired.")
    if (_moment(claims, "nbf") or 0) > now + CLOCK_SKEW:
        raise Unauthorized("The token is not valid yet.")
    issued = _moment(claims, "iat") or 0
    if issued > now + CLOCK_SKEW:  # until then, nothing that is said of older tokens would hold for it
        raise Unauthorized("The token was issued in the future: set the clock of whoever mints tokens.")
    if claims.get("aud"):
        raise Unauthorized("The token is meant for another service: it has an 'aud'.")
    if not _is_owner(claims.get("sub")):
        raise Unauthorized("The token's 'sub' must be 1 to 256 printable characters without '#'.")
    token_id = claims.get("jti")
    if token_id is not None and not _is_name(token_id):
        raise Unauthorized("The token's 'jti' must be 1 to 256 printable characters.")
    return Identity(claims["sub"], expires, subprotocol, token_id, max(issued, 0))


def _claims(token: str, signing_key: str) -> Mapping[str, Any]:
    """Return what a token says, once its signature is proven."""
    if len(token) > MAX_TOKEN_LENGTH:
        raise Unauthorized(f"The token is over {MAX_TOKEN_LENGTH} characters.")
    try:
        claims: Mapping[str, Any] = jwt.decode(
            token,
            signing_key,
            algorithms=["HS256"],
            # The claims are checked above: each says what is wrong with it, and none is coerced.
            options={
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
                "verify_aud": False,
                "verify_sub": False,
                "verify_jti": False,
                "enforce_minimum_key_length": True,
            },
        )
    except (jwt.InvalidTokenError, UnicodeEncodeError):  # half a character is encoded before it is checked
        raise Unauthorized("The token is not one of this bridge's.") from None
    except jwt.InvalidKeyError as error:
        raise Internal(
            "The bridge's signing secret is none: it needs 32 bytes or more, and no key pair's.",
            detail=type(error).__name__,
        ) from None
    return claims


def _moment(claims: Mapping[str, Any], name: str) -> int | None:
    """Return a claim in whole seconds since the epoch, as far as `FOREVER`; None where there is none."""
    value = claims.get(name)
    if value is None:
        return None
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole and not (isinstance(value, float) and math.isfinite(value)):
        raise Unauthorized(f"The token's {name!r} must be a number of seconds since the epoch.")
    return int(max(-FOREVER, min(value, FOREVER)))


def _is_owner(text: object) -> bool:
    """Tell whether something can be in the tables' keys, where a '#' says what kind of item it is."""
    return _is_name(text) and "#" not in str(text)


def _is_name(text: object) -> bool:
    return isinstance(text, str) and 1 <= len(text) <= MAX_NAME_LENGTH and text.isprintable()
