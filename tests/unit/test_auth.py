"""Connection tokens: whom they name, and every way in which one is none."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import jwt
import pytest

from bridge import auth
from bridge.auth import Identity
from bridge.errors import Unauthorized

KEY = "k" * 64
LATER = int(time.time()) + 3600
CLAIMS: dict[str, Any] = {"sub": "ada", "exp": LATER, "iat": LATER - 7200, "jti": "5f" * 16}


def token(key: str = KEY, algorithm: str = "HS256", **claims: Any) -> str:
    held = {name: value for name, value in (CLAIMS | claims).items() if value is not None}
    return jwt.encode(held, key, algorithm=algorithm)


def segment(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def bearer(value: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {value}"}


def refused(headers: dict[str, str]) -> str:
    with pytest.raises(Unauthorized) as caught:
        auth.identify(headers, KEY)
    return caught.value.message


@pytest.mark.parametrize("header", ["Authorization", "authorization", "AUTHORIZATION"])
@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_a_token_names_its_owner(header: str, scheme: str) -> None:
    assert auth.identify({header: f"{scheme}  {token()} "}, KEY) == Identity("ada", LATER, None)


def test_a_browser_sends_it_as_a_subprotocol() -> None:
    identity = auth.identify({"Sec-WebSocket-Protocol": f"bridge, bearer.{token()}"}, KEY)
    assert identity == Identity("ada", LATER, "bridge")


def test_a_header_goes_before_a_subprotocol_which_is_confirmed_all_the_same() -> None:
    headers = bearer(token()) | {"sec-websocket-protocol": f"bridge,bearer.{token(sub='eve')}"}
    assert auth.identify(headers, KEY) == Identity("ada", LATER, "bridge")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer  "},
        {"Authorization": f"Basic {segment('ada:secret')}"},
        {"Authorization": token()},
        {"Sec-WebSocket-Protocol": "bridge"},
        {"Sec-WebSocket-Protocol": ""},
        {"Cookie": f"token={token()}"},
    ],
)
def test_no_token(headers: dict[str, str]) -> None:
    assert "Authorization: Bearer" in refused(headers)


def test_an_expired_token_is_told_so() -> None:
    assert refused(bearer(token(exp=int(time.time()) - 1))) == "The token has expired."


def test_a_clock_that_is_ahead_mints_tokens_that_count() -> None:
    assert auth.identify(bearer(token(iat=int(time.time()) + 300)), KEY).owner == "ada"


@pytest.mark.parametrize("sub", ["x", "x" * 256, "a/b c", "ada@example.org", "Ünal 中"])
def test_owners_of_every_kind(sub: str) -> None:
    assert auth.identify(bearer(token(sub=sub)), KEY).owner == sub


@pytest.mark.parametrize("sub", ["", "x" * 257, "a#b", "#", "a\n", "\x00", "a\u200b", "\ud800"])
def test_owners_that_none_can_be(sub: str) -> None:
    assert "'sub'" in refused(bearer(token(sub=sub)))


@pytest.mark.parametrize(
    "claims", [{"sub": None}, {"exp": None}, {"sub": 7}, {"sub": ["ada"]}, {"exp": "soon"}, {"exp": [1]}]
)
def test_claims_that_are_missing_or_no_claims(claims: dict[str, Any]) -> None:
    try:
        forged = token(**claims)
    except TypeError:
        forged = jwt.api_jws.PyJWS().encode(json.dumps(CLAIMS | claims).encode(), KEY, algorithm="HS256")
    assert refused(bearer(forged))


def test_forgeries() -> None:
    head, claims, signature = token().split(".")
    unsigned = f"{segment({'alg': 'none', 'typ': 'JWT'})}.{claims}."
    for forged in (
        token(key="x" * 64),
        token(algorithm="HS512"),
        token(algorithm="HS384"),
        unsigned,
        unsigned + signature,
        f"{head}.{segment(CLAIMS | {'sub': 'eve'})}.{signature}",
        f"{head}.{claims}.",
        f"{head}.{claims}.{signature[:-2]}",
        f"{head}.{claims}",
        f"{segment({'alg': 'HS256', 'typ': 'JWT', 'crit': ['exp']})}.{claims}.{signature}",
        f"{segment({'alg': 'RS256'})}.{claims}.{signature}",
        f"{segment({})}.{claims}.{signature}",
        f"{segment([])}.{claims}.{signature}",
        f"{segment('[' * 5000)}.{claims}.{signature}",
        "..",
        "a.b.c",
        "é.é.é",
        "x" * 8000,
    ):
        assert refused(bearer(forged)) == "The token is not one of this bridge's."


def test_an_error_never_repeats_the_token() -> None:
    forged = token(key="x" * 64)
    assert forged not in refused(bearer(forged))
    with pytest.raises(Unauthorized) as caught:
        auth.identify(bearer(forged), KEY)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_without_authentication_all_are_one_owner_and_a_browser_gets_its_subprotocol() -> None:
    assert auth.anonymous({}) == auth.Identity("anonymous", None)
    offered = auth.anonymous({"Sec-WebSocket-Protocol": "bridge, other"})
    assert offered == auth.Identity("anonymous", None, "bridge")
