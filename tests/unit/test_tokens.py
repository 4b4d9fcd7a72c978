"""What tokens say, and every way in which one is none."""

from __future__ import annotations

from typing import Any

import jwt
import pytest

from bridge import auth
from bridge.auth import FOREVER
from bridge.errors import Internal, Unauthorized
from tests.unit.minting import (
    ADA,
    CLAIMS,
    ID,
    KEY,
    LATER,
    MINTED,
    NOT_OURS,
    NOW,
    bearer,
    handshake,
    refused,
    sealed,
    segment,
    token,
)

EXPIRED = "The token has expired."
NO_NUMBER = "The token's {!r} must be a number of seconds since the epoch."
BAD_SUB = "The token's 'sub' must be 1 to 256 printable characters without '#'."
BAD_JTI = "The token's 'jti' must be 1 to 256 printable characters."


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"exp": NOW}, EXPIRED),
        ({"exp": NOW + 0.9}, EXPIRED),
        ({"exp": 0}, EXPIRED),
        ({"exp": -1}, EXPIRED),
        ({"exp": -(10**400)}, EXPIRED),
        ({"exp": None}, "The token has no 'exp': it must say when it expires."),
        ({"exp": True}, NO_NUMBER.format("exp")),
        ({"exp": str(LATER)}, NO_NUMBER.format("exp")),
        ({"exp": [LATER]}, NO_NUMBER.format("exp")),
        ({"exp": float("nan")}, NO_NUMBER.format("exp")),
        ({"exp": float("inf")}, NO_NUMBER.format("exp")),
        ({"nbf": NOW + 301}, "The token is not valid yet."),
        ({"nbf": 10**400}, "The token is not valid yet."),
        ({"nbf": "0"}, NO_NUMBER.format("nbf")),
        ({"nbf": False}, NO_NUMBER.format("nbf")),
        (
            {"iat": NOW + 301},
            "The token was issued in the future: set the clock of whoever mints tokens.",
        ),
        ({"iat": "yesterday"}, NO_NUMBER.format("iat")),
        ({"iat": True}, NO_NUMBER.format("iat")),
        ({"iat": {}}, NO_NUMBER.format("iat")),
        ({"sub": None}, BAD_SUB),
        ({"sub": 7}, BAD_SUB),
        ({"sub": ["ada"]}, BAD_SUB),
        ({"sub": {"ada": 1}}, BAD_SUB),
        ({"sub": True}, BAD_SUB),
        ({"jti": 7}, BAD_JTI),
        ({"jti": [ID]}, BAD_JTI),
        ({"jti": ""}, BAD_JTI),
        ({"jti": "x" * 257}, BAD_JTI),
        ({"jti": "\ud800"}, BAD_JTI),
        ({"jti": "a\nb"}, BAD_JTI),
        ({"aud": "another"}, "The token is meant for another service: it has an 'aud'."),
        ({"aud": ["another"]}, "The token is meant for another service: it has an 'aud'."),
    ],
)
def test_a_refusal_says_what_is_wrong_with_a_claim(claims: dict[str, Any], reason: str) -> None:
    assert refused(bearer(token(**claims))) == reason


@pytest.mark.parametrize(
    ("claims", "expires", "issued"),
    [
        ({"exp": NOW + 1}, NOW + 1, MINTED),
        ({"exp": LATER + 0.9}, LATER, MINTED),
        ({"exp": 10**400}, FOREVER, MINTED),
        ({"exp": 1e300}, FOREVER, MINTED),
        ({"nbf": NOW + 300}, LATER, MINTED),
        ({"nbf": -1}, LATER, MINTED),
        ({"iat": NOW + 300}, LATER, NOW + 300),
        ({"iat": MINTED + 0.9}, LATER, MINTED),
        ({"iat": -(10**400)}, LATER, 0),
        ({"iat": None}, LATER, 0),
        ({"aud": []}, LATER, MINTED),
        ({"iss": "somebody", "kid": "x"}, LATER, MINTED),
    ],
)
def test_claims_at_their_limits(claims: dict[str, Any], expires: int, issued: int) -> None:
    identity = auth.identify(bearer(token(**claims)), KEY, NOW)
    assert (identity.expires, identity.issued) == (expires, issued)


def test_a_token_without_an_id_has_none() -> None:
    assert auth.identify(bearer(token(jti=None)), KEY, NOW).token_id is None


OWNERS = [
    "x",
    "x" * 256,
    "a/b c",
    "ada@example.org",
    "Ünal 中",
    "e\u0301",
    "..",
    "%2f",
    "memory",
    "\U0001f600" * 256,
]
NO_OWNERS = [
    "",
    "x" * 257,
    "a#b",
    "#",
    "memory#ada",
    "a\n",
    "\x00",
    "a\u200b",
    "\u202eada",
    "a\u2028",
    "\ud800",
]


@pytest.mark.parametrize("sub", OWNERS)
def test_owners_of_every_kind(sub: str) -> None:
    assert auth.identify(bearer(token(sub=sub)), KEY, NOW).owner == sub


@pytest.mark.parametrize("sub", NO_OWNERS)
def test_owners_that_none_can_be(sub: str) -> None:
    assert refused(bearer(token(sub=sub))) == BAD_SUB


HEADER = {"alg": "HS256", "typ": "JWT"}
HEAD, BODY, SIGNATURE = token().split(".")
UNSIGNED = f"{segment({'alg': 'none', 'typ': 'JWT'})}.{BODY}."


@pytest.mark.parametrize(
    "forged",
    [
        token(key="x" * 64),
        jwt.encode(CLAIMS, KEY, algorithm="HS512"),
        jwt.encode(CLAIMS, KEY, algorithm="HS384"),
        UNSIGNED,
        UNSIGNED + SIGNATURE,
        sealed({"alg": "none"}, CLAIMS),
        sealed({"alg": "None"}, CLAIMS),
        sealed({"alg": "hs256"}, CLAIMS),
        sealed({"alg": "RS256"}, CLAIMS),
        sealed({"alg": ["HS256"]}, CLAIMS),
        sealed({"alg": None}, CLAIMS),
        sealed({"typ": "JWT"}, CLAIMS),
        sealed([], CLAIMS),
        sealed("[" * 5000, CLAIMS),
        sealed(HEADER | {"crit": ["exp"]}, CLAIMS),
        sealed(HEADER | {"b64": False}, CLAIMS),
        sealed(HEADER | {"kid": 7}, CLAIMS),
        sealed(HEADER, []),
        sealed(HEADER, "null"),
        sealed(HEADER, '"ada"'),
        sealed(HEADER, "[" * 3000),
        sealed(HEADER, '{"sub":"ada","exp":' + "9" * 5000 + "}"),
        sealed(HEADER, CLAIMS, key=""),
        f"{HEAD}.{segment(CLAIMS | {'sub': 'eve'})}.{SIGNATURE}",
        f"{HEAD}.{BODY}.",
        f"{HEAD}.{BODY}.{SIGNATURE[:-2]}",
        f"{HEAD}.{BODY}.{SIGNATURE}\nx",
        f"{HEAD}.{BODY}.{SIGNATURE[:9]}\r\n{SIGNATURE[9:]}",
        f"{HEAD[:9]}\n{HEAD[9:]}.{BODY}.{SIGNATURE}",
        f"{HEAD}.{BODY}.{SIGNATURE}.{SIGNATURE}",
        f"{HEAD}.{BODY}",
        f"{HEAD}..{SIGNATURE}",
        "..",
        "a.b.c",
        "é.é.é",
        "\ud800.a.b",
        "x" * 8192,
    ],
)
def test_forgeries(forged: str) -> None:
    for shaken in (bearer(forged), handshake(protocols=(f"bearer.{forged}",))):
        assert refused(shaken) == NOT_OURS


@pytest.mark.parametrize("extra", [{"kid": "../../dev/null"}, {"jku": "https://evil.example"}, {"x5u": "x"}])
def test_nothing_that_a_token_says_of_keys_is_followed(extra: dict[str, str]) -> None:
    assert auth.identify(bearer(sealed(HEADER | extra, CLAIMS)), KEY, NOW) == ADA
    assert refused(bearer(sealed(HEADER | extra, CLAIMS, key="x" * 64))) == NOT_OURS


def test_a_token_has_an_end() -> None:
    longest = token(note="x" * 5900)
    assert 8000 < len(longest) <= 8192
    assert auth.identify(bearer(longest), KEY, NOW) == ADA
    for length in (6100, 12_000):
        assert refused(bearer(token(note="x" * length))) == "The token is over 8192 characters."


@pytest.mark.parametrize(
    "key", ["", "k", "k" * 31, "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----"]
)
def test_a_signing_secret_that_could_be_guessed_or_known_lets_nobody_in(key: str) -> None:
    with pytest.raises(Internal) as caught:
        auth.identify(bearer(token(key=key)), key, NOW)
    assert "32 bytes" in caught.value.message
    assert len(key) < 2 or key not in caught.value.message


def test_an_error_never_repeats_the_token() -> None:
    forged = token(key="x" * 64)
    with pytest.raises(Unauthorized) as caught:
        auth.identify(bearer(forged), KEY, NOW)
    assert not any(part in caught.value.message for part in forged.split("."))
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
