"""API Gateway's `$connect` events: every value of every header, whatever its name's case."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.protocol import handshake


def event(
    headers: dict[str, str] | None = None,
    multi: dict[str, list[str]] | None = None,
    **identity: Any,
) -> dict[str, Any]:
    return {"headers": headers, "multiValueHeaders": multi, "requestContext": {"identity": identity}}


@pytest.mark.parametrize("name", ["Authorization", "authorization", "AUTHORIZATION"])
def test_a_header_is_found_by_any_case(name: str) -> None:
    for told in (event({name: "x"}), event({name: "x"}, {name: ["x"]}), event(None, {name: ["x"]})):
        assert handshake.parse(told).values("authorization") == ["x"]


def test_a_header_that_came_twice_has_two_values() -> None:
    for told in (
        event({"Authorization": "y"}, {"Authorization": ["x", "y"]}),
        event({"Authorization": "y"}, {"Authorization": ["x"], "authorization": ["y"]}),
        event({"Authorization": "x", "authorization": "y"}),
    ):
        assert handshake.parse(told).values("authorization") == ["x", "y"]


@pytest.mark.parametrize(
    ("lines", "subprotocol"),
    [
        (["bridge"], "bridge"),
        (["other, bridge ,another"], "bridge"),
        (["other", "bridge"], "bridge"),
        (["Bridge"], None),
        (["bridge.v2"], None),
        ([""], None),
    ],
)
def test_the_subprotocol_is_confirmed_where_it_is_offered(lines: list[str], subprotocol: str | None) -> None:
    told = event({"Sec-WebSocket-Protocol": lines[-1]}, {"Sec-WebSocket-Protocol": lines})
    assert handshake.parse(told).subprotocol == subprotocol


def test_what_is_not_told_is_not_there() -> None:
    bare = handshake.parse({"requestContext": {}})
    assert (bare.headers, bare.caller, bare.offered, bare.subprotocol) == ({}, None, [], None)
    assert handshake.parse(event(userArn=None)).caller is None
    assert handshake.parse(event(userArn="")).caller is None
    assert handshake.parse(event(userArn="arn:aws:iam::1:root")).caller == "arn:aws:iam::1:root"
