"""The key on its way to Claude: rotated, missing, malformed, and never told to anyone else."""

from __future__ import annotations

import pytest

from tests.adapters.asking import ANSWERED, api, ask, fails
from tests.fakes import FakeSecret
from tests.messages_server import (
    KEY,
    MessagesServer,
    Reply,
    failing,
)

pytestmark = pytest.mark.usefixtures("key_is_nowhere")


@pytest.mark.parametrize("status", [401, 403])
def test_a_rotated_key_is_used_at_once(server: MessagesServer, waits: list[float], status: int) -> None:
    server.reply(failing(status, "authentication_error"), Reply())
    assert ask(api(server, FakeSecret("sk-old-marker", KEY))) == ANSWERED
    assert [asked.headers["x-api-key"] for asked in server.asked] == ["sk-old-marker", KEY]
    assert waits == [0]


def test_a_key_that_is_not_accepted_is_told(server: MessagesServer, waits: list[float]) -> None:
    server.reply(failing(401, "authentication_error", f"invalid key {KEY}"))
    error = fails(api(server))
    assert (error.code, error.retryable) == ("upstream_error", False)
    assert "bridge key set" in error.message
    assert waits == []


def test_a_key_that_is_not_set_is_told_and_nobody_asked(server: MessagesServer) -> None:
    secret = FakeSecret("unset")
    assert "bridge key set" in fails(api(server, secret)).message
    assert secret.fresh_reads == 1
    assert server.asked == []


def test_a_key_that_was_set_since_is_used(server: MessagesServer) -> None:
    server.reply(Reply())
    assert ask(api(server, FakeSecret("unset", KEY))) == ANSWERED


def test_a_key_from_a_file_that_ends_with_a_line_works(server: MessagesServer) -> None:
    server.reply(Reply())
    assert ask(api(server, FakeSecret(f" {KEY}\r\n"))) == ANSWERED
    assert server.asked[0].headers["x-api-key"] == KEY


@pytest.mark.parametrize("key", ["", " ", "marker\nx", "marker…", "marker\x00", "märker-marker"])
def test_a_key_that_no_header_carries_is_told(server: MessagesServer, waits: list[float], key: str) -> None:
    error = fails(api(server, FakeSecret(key)))
    assert "bridge key set" in error.message
    assert (server.asked, waits) == ([], [])
