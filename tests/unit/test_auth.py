"""Who connects, and where they show it: in a header, as a subprotocol, by AWS's word, or not at all."""

from __future__ import annotations

import pytest

from bridge import auth
from bridge.auth import Identity
from bridge.errors import Unauthorized
from bridge.protocol.handshake import Handshake
from tests.unit.minting import (
    ADA,
    ID,
    KEY,
    LATER,
    MINTED,
    NOT_OURS,
    NOW,
    bearer,
    handshake,
    refused,
    segment,
    token,
)

NO_TOKEN = "Connect with a token, in the header 'Authorization: Bearer …'."


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER  ", " Bearer "])
def test_a_token_names_its_owner(scheme: str) -> None:
    assert auth.identify(handshake(f"{scheme}{token()} "), KEY, NOW) == ADA


def test_a_browser_sends_it_as_a_subprotocol() -> None:
    for protocols in (
        (f"bridge, bearer.{token()}",),
        ("bridge", f"bearer.{token()}"),
        (f"bearer.{token()}",),
    ):
        identity = auth.identify(handshake(protocols=protocols), KEY, NOW)
        assert identity == Identity("ada", LATER, "bridge", ID, MINTED)


def test_a_header_goes_before_a_subprotocol_which_is_confirmed_all_the_same() -> None:
    eve = f"bridge,bearer.{token(sub='eve')}"
    identity = auth.identify(handshake(f"Bearer {token()}", protocols=(eve,)), KEY, NOW)
    assert (identity.owner, identity.subprotocol) == ("ada", "bridge")
    assert refused(handshake("Bearer x.y.z", protocols=(eve,))) == NOT_OURS


def test_two_tokens_are_none() -> None:
    one, other = token(), token(sub="eve")
    several = handshake(f"Bearer {one}", f"Bearer {other}")
    assert refused(several) == "Send one 'Authorization' header: there were several."
    assert refused(handshake(f"Bearer {one}", "")) == "Send one 'Authorization' header: there were several."
    assert refused(handshake(f"Bearer {one}, Bearer {other}")) == NOT_OURS
    assert refused(handshake(f"Bearer {one} {other}")) == NOT_OURS
    offered = handshake(protocols=(f"bearer.{one}", f"bridge, bearer.{other}"))
    assert refused(offered) == "Offer one token as a subprotocol: there were several."


@pytest.mark.parametrize(
    "shaken",
    [
        handshake(),
        handshake(""),
        handshake("Bearer"),
        handshake("Bearer  "),
        handshake(f"Basic {segment('ada:secret')}"),
        handshake(token()),
        handshake(protocols=("bridge",)),
        handshake(protocols=("",)),
        handshake(protocols=(f"Bearer.{token()}",)),
        Handshake({"cookie": (f"token={token()}",)}),
    ],
)
def test_no_token(shaken: Handshake) -> None:
    assert refused(shaken) == NO_TOKEN


def test_without_authentication_all_are_one_owner_and_a_browser_gets_its_subprotocol() -> None:
    assert auth.anonymous(handshake()) == Identity("anonymous", None)
    offered = auth.anonymous(handshake(protocols=("bridge, other",)))
    assert offered == Identity("anonymous", None, "bridge")


ROLE = "arn:aws:sts::123456789012:assumed-role/Bridge/ada@example.org"


@pytest.mark.parametrize(
    "arn", [ROLE, "arn:aws:iam::123456789012:user/team/ada", "arn:aws:iam::1:root", "x" * 256]
)
def test_whom_aws_names_is_the_owner_and_a_browser_gets_its_subprotocol(arn: str) -> None:
    identity = auth.signed(Handshake({}, arn), NOW + 0.9)
    assert identity == Identity(arn, None, None, None, NOW)
    offered = {"sec-websocket-protocol": ("bridge",), "authorization": (f"Bearer {token(sub='eve')}",)}
    assert auth.signed(Handshake(offered, arn), NOW) == Identity(arn, None, "bridge", None, NOW)


@pytest.mark.parametrize("arn", ["x" * 257, f"{ROLE}#x", f"{ROLE}\n", "\x00"])
def test_an_arn_that_can_be_no_owner(arn: str) -> None:
    with pytest.raises(Unauthorized, match="1 to 256 printable characters without '#'"):
        auth.signed(Handshake({}, arn), NOW)


def test_a_handshake_that_nobody_signed() -> None:
    with pytest.raises(Unauthorized, match="SigV4"):
        auth.signed(bearer(token()), NOW)
