"""Handshakes from anyone: an identity, or `Unauthorized`; nothing else, whatever the headers."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bridge import auth
from bridge.auth import Identity
from bridge.errors import Unauthorized
from bridge.protocol import handshake
from bridge.protocol.handshake import Handshake
from tests.fuzz.effort import effort
from tests.fuzz.inputs import changed, json_texts, nestings
from tests.fuzz.metering import metered
from tests.fuzz.shapes import is_well_formed, misfits

KEY = "k" * 64
NOW = 1_800_000_000.0
LATER = int(NOW) + 10**6

names = st.sampled_from(
    ["Authorization", "authorization", "Sec-WebSocket-Protocol", "SEC-WEBSOCKET-PROTOCOL"]
)


def segment(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def signed(header: str, payload: str) -> str:
    """Return a token with a good signature, of a bridge's owner gone mad, or one who knows the secret."""
    said = ".".join(segment(part.encode("utf-8", "surrogatepass")) for part in (header, payload))
    return f"{said}.{segment(hmac.new(KEY.encode(), said.encode(), hashlib.sha256).digest())}"


headers_of_tokens = st.sampled_from(
    ['{"alg":"HS256","typ":"JWT"}', '{"alg":"HS256"}', '{"alg":"none"}']
) | st.one_of(
    json_texts(["alg", "typ", "kid", "crit", "b64", "jku"], ["HS256", "none", "JWT", "b64"]),
    st.builds(
        '{{"alg":"HS256","{}":{}}}'.format, st.sampled_from(["crit", "b64", "kid", "typ"]), json_texts([], [])
    ),
    nestings,
)
claims = st.builds(
    lambda fields: f'{{"sub":"ada","exp":{LATER}{"".join(fields)}}}',
    st.lists(
        st.builds(
            ',"{}":{}'.format,
            st.sampled_from(["sub", "exp", "iat", "nbf", "jti", "aud", "iss"]),
            json_texts([], ["ada", str(LATER), "a#b", ""]) | nestings,
        ),
        max_size=3,
    ),
)
tokens = st.one_of(
    st.text(),
    st.builds(signed, st.just('{"alg":"HS256"}'), claims),
    st.builds(signed, headers_of_tokens, claims | nestings | json_texts(["sub", "exp"], ["ada"])),
    changed(st.builds(signed, headers_of_tokens, claims).map(str.encode)).map(lambda b: b.decode("latin-1")),
)
values = st.one_of(
    st.text(),
    tokens.map("Bearer {}".format),
    tokens.map("bridge, bearer.{}".format),
    st.lists(st.text(max_size=5) | st.just("bridge") | tokens.map("bearer.{}".format), max_size=5).map(
        ",".join
    ),
)


@st.composite
def handshakes(draw: st.DrawFn) -> Handshake:
    """Draw a handshake as API Gateway tells of it: a header that comes twice is told twice, and once."""
    lines = draw(
        st.lists(st.tuples(st.one_of(names, names, names, st.text(max_size=20)), values), max_size=4)
    )
    several: dict[str, list[str]] = {}
    for name, value in lines:
        several.setdefault(name, []).append(value)
    told = {"headers": dict(lines), "multiValueHeaders": several}
    kinds = draw(st.sampled_from([("headers",), ("multiValueHeaders",), ("headers", "multiValueHeaders")]))
    event = {kind: told[kind] for kind in kinds}
    caller = {"identity": {"userArn": draw(st.none() | st.text(max_size=300))}} if draw(st.booleans()) else {}
    return handshake.parse(event | {"requestContext": caller})


def bearing(token: str) -> Handshake:
    return handshake.parse({"headers": {"Authorization": f"Bearer {token}"}, "requestContext": {}})


@effort()
@given(handshakes())
@example(bearing("a.\ud800.b"))
@example(bearing(signed('{"alg":"HS256"}', '{"sub":"ada","exp":1e999}')))
@example(bearing(signed('{"alg":"HS256"}', f'{{"sub":"ada\ud800","exp":{LATER}}}')))
@example(bearing(signed('{"alg":"HS256"}', f'{{"sub":"ada\\ud800","exp":{LATER}}}')))
@example(bearing(signed('{"alg":"HS256"}', f'{{"sub":"ada","exp":{LATER},"jti":"\\ud800"}}')))
@example(bearing(signed('{"alg":"HS256"}', "[" * 100_000)))
@example(bearing(signed("[" * 5000, "{}")))
def test_any_headers(shaken: Handshake) -> None:
    check(shaken)


@effort()
@given(claims)
def test_any_claims_of_a_signed_token(said: str) -> None:
    check(bearing(signed('{"alg":"HS256"}', said)))


def test_half_a_character_in_a_token_is_no_token() -> None:
    """PyJWT encodes a token before it looks at it, and told no error of its own."""
    with pytest.raises(Unauthorized, match="not one of this bridge's"):
        auth.identify(bearing("a.\ud800.b"), KEY, NOW)


def outcome(identify: Callable[[], Identity]) -> Identity | Unauthorized:
    try:
        return identify()
    except Unauthorized as refused:
        return refused


def check(shaken: Handshake) -> None:
    ways: list[Callable[[], Identity]] = [
        lambda: auth.anonymous(shaken),
        lambda: auth.signed(shaken, NOW),
        lambda: auth.identify(shaken, KEY, NOW),
    ]
    for identity in map(outcome, ways):
        if isinstance(identity, Unauthorized):
            assert is_well_formed(identity.message)
            assert KEY not in identity.message
            continue
        assert misfits(identity) == []
        assert 1 <= len(identity.owner) <= auth.MAX_NAME_LENGTH
        assert "#" not in identity.owner
        assert identity.expires is None or NOW < identity.expires <= auth.FOREVER
        assert 0 <= identity.issued <= NOW + auth.CLOCK_SKEW
        assert identity.subprotocol in {None, handshake.SUBPROTOCOL}


METER, (METERED_AUTH, METERED_HANDSHAKE, _) = metered("bridge.auth", "bridge.protocol.handshake", "jwt")

LONG = {
    "a token": ("Authorization", "Bearer {}"),
    "a header of a token": ("Authorization", "Bearer {}.e30.e30"),
    "a payload": ("Authorization", "Bearer " + segment(b'{"alg":"HS256"}') + ".{}.e30"),
    "a signature": ("Authorization", "Bearer " + segment(b'{"alg":"HS256"}') + ".e30.{}"),
    "subprotocols": ("Sec-WebSocket-Protocol", "bridge,{}"),
    "a name": ("{}", ""),
}


@pytest.mark.parametrize("piece", ["x", "=", ".", ",", " ", "bearer.x,", "W1tb", "eyJh"])
@pytest.mark.parametrize("place", LONG)
def test_what_long_headers_cost(place: str, piece: str) -> None:
    """Counted as in `test_costs`; a header has 10,240 bytes at most at API Gateway."""

    def shake(times: int) -> None:
        name, value = (part.format(piece * times) for part in LONG[place])
        event = {"headers": {name: value}, "multiValueHeaders": {name: [value]}, "requestContext": {}}
        METERED_AUTH.identify(METERED_HANDSHAKE.parse(event), KEY, NOW)

    times = 2000 // len(piece)
    once = METER.cost(lambda: shake(times))
    assert once > 0
    assert METER.cost(lambda: shake(4 * times)) <= 5 * max(once, 2000)
