"""Handshakes that fail, in words."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Iterator

import pytest

from bridge_cli.connection import in_words, open_connection
from bridge_cli.errors import BridgeError, CannotConnect, ConnectionRefused
from tests.cli.fake_bridge import FakeBridge


def refusal(url: str, token: str | None = None) -> BridgeError:
    with pytest.raises(CannotConnect) as caught:
        asyncio.run(open_connection(url, token, timeout=1))
    assert "\n" not in caught.value.message
    assert caught.value.hint
    return caught.value


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def address(server: socket.socket) -> str:
    return f"ws://127.0.0.1:{server.getsockname()[1]}/x"


def test_no_such_host() -> None:
    assert "there is no host bridge.invalid" in refusal("wss://bridge.invalid/x").message


def test_nothing_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = address(server)
    error = refusal(url)
    assert "nothing listens" in error.message
    assert "bridge local up" in error.hint


def test_no_answer_in_time(listener: socket.socket) -> None:
    assert "did not answer within 1 s" in refusal(address(listener)).message


def test_no_web_socket_server(listener: socket.socket) -> None:
    def answer() -> None:
        connection, _ = listener.accept()
        connection.recv(4096)
        connection.sendall(b"SSH-2.0-OpenSSH_9.6\r\n")
        connection.close()

    thread = threading.Thread(target=answer)
    thread.start()
    assert "no WebSocket server" in refusal(address(listener)).message
    thread.join()


def test_no_tls(bridge: FakeBridge) -> None:
    error = refusal(bridge.url.replace("ws://", "wss://"))
    assert "TLS" in error.message or "during the handshake" in error.message  # as the timing goes


@pytest.mark.parametrize(
    ("status", "said"),
    [(401, "refused"), (403, "refused"), (404, "no bridge"), (429, "throttling"), (500, "HTTP 500")],
)
def test_refusals(bridge: FakeBridge, status: int, said: str) -> None:
    bridge.refusals = [status]
    error = refusal(bridge.url, "a.b.c")
    assert said in error.message
    assert isinstance(error, ConnectionRefused) is (status in {401, 403})
    assert error.exit_code == 3


def test_a_certificate_that_is_not_trusted() -> None:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_message = "self-signed certificate"
    told = in_words(error, "wss://x.example/prod", has_token=True, timeout=10)
    assert "self-signed certificate" in told.message
