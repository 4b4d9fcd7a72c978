"""Tokens as anyone could mint them, the handshakes that show them, and what these are answered with."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest

from bridge import auth
from bridge.auth import Identity
from bridge.errors import Unauthorized
from bridge.protocol.handshake import Handshake

KEY = "k" * 64
NOW = 1_795_376_260
LATER = NOW + 3600
MINTED = NOW - 60
ID = "5f" * 16
CLAIMS: dict[str, Any] = {"sub": "ada", "exp": LATER, "iat": MINTED, "jti": ID}
ADA = Identity("ada", LATER, None, ID, MINTED)

NOT_OURS = "The token is not one of this bridge's."


def segment(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def sealed(header: Any, claims: Any, key: str = KEY) -> str:
    """Return a token with a good signature, whatever it says."""
    signed = f"{segment(header)}.{segment(claims)}"
    signature = hmac.digest(key.encode(), signed.encode(), hashlib.sha256)
    return f"{signed}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def token(key: str = KEY, **claims: Any) -> str:
    """Return a token; a claim of None is left out."""
    held = {name: value for name, value in (CLAIMS | claims).items() if value is not None}
    return sealed({"alg": "HS256", "typ": "JWT"}, held, key)


def handshake(*authorizations: str, protocols: tuple[str, ...] = ()) -> Handshake:
    headers = {"authorization": authorizations, "sec-websocket-protocol": protocols}
    return Handshake({name: values for name, values in headers.items() if values})


def bearer(value: str) -> Handshake:
    return handshake(f"Bearer {value}")


def refused(shaken: Handshake) -> str:
    with pytest.raises(Unauthorized) as caught:
        auth.identify(shaken, KEY, NOW)
    return caught.value.message
