"""Claude's Messages API against a server gone mad: an error to tell, and little read of what is endless."""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import pytest

from bridge.adapters import attempts
from bridge.adapters.claude import Endpoint, MessagesApi
from bridge.errors import BridgeError
from bridge.protocol import sse
from tests.adapters.asking import ask
from tests.fakes import FakeSecret
from tests.messages_server import KEY

ENOUGH = 64 * 2**20
"""Bytes after which the server gives up, far over what the sockets of both sides hold."""

LARGE = b"x" * 65_536
EMPTY = b"content-length: 0\r\n\r\n"


class HostileServer:
    """Sends the same bytes to whoever connects, as many of them as are taken; ``sent`` is how many."""

    def __init__(self, parts: Iterable[bytes]) -> None:
        self._parts = parts
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.sent = 0
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                with connection, contextlib.suppress(OSError):
                    connection.recv(65_536)
                    for part in self._parts:
                        connection.sendall(part)
                        self.sent += len(part)
                        if self.sent > ENOUGH:
                            break


@contextmanager
def hostile(*parts: bytes, endless: bytes = b"") -> Iterator[HostileServer]:
    server = HostileServer(itertools.chain(parts, itertools.repeat(endless)) if endless else parts)
    try:
        yield server
    finally:
        server.close()


@pytest.fixture(autouse=True)
def _tried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "ATTEMPTS", 1)


def failure_of(server: HostileServer) -> BridgeError:
    api = MessagesApi(Endpoint(server.url, "2023-06-01", "x-api-key", 99), FakeSecret(KEY))
    with pytest.raises(BridgeError) as caught:
        ask(api)
    assert len(caught.value.message) < 1000
    assert len(caught.value.detail or "") < 300
    assert KEY not in caught.value.message + str(caught.value.detail)
    return caught.value


@pytest.mark.parametrize(
    ("head", "endless"),
    [
        (b"HTTP/1.1 500 x\r\n\r\n", LARGE),
        (b"HTTP/1.1 500 x\r\ntransfer-encoding: chunked\r\n\r\n", b"10000\r\n" + LARGE + b"\r\n"),
        (b"HTTP/1.1 302 x\r\nlocation: http://127.0.0.1:1/\r\n\r\n", LARGE),
        (b"HTTP/1.1 200 x\r\n\r\n", LARGE),
        (b"HTTP/1.1 200 x\r\na: ", LARGE),
        (b"HTTP/1.1 200 x\r\n", b"a: b\r\n" * 9000),
        (b"HTTP/1.1 200 ", LARGE),
        (b"HTTP/1.1 200 x\r\ntransfer-encoding: chunked\r\n\r\n1;", LARGE),
    ],
    ids=["error", "error in chunks", "redirect", "answer", "header", "headers", "status", "chunk's head"],
)
def test_what_is_endless_is_not_read_for_long(head: bytes, endless: bytes) -> None:
    with hostile(head, endless=endless) as server:
        failure_of(server)
        assert server.sent < sse.MAX_LINE_BYTES + ENOUGH / 4


@pytest.mark.parametrize(
    "told",
    [
        b"302 x\r\nlocation: http://[\r\n" + EMPTY,
        b"302 x\r\nlocation: \xff\xfe\r\n" + EMPTY,
        b"302 x\r\nlocation: http://a:99999999/\r\n" + EMPTY,
        b"200 x\r\ntransfer-encoding: chunked\r\n\r\n-5\r\nabc",
        b"200 x\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffffffff\r\nabc",
        b"200 x\r\ncontent-encoding: gzip\r\ncontent-length: 5\r\n\r\nhello",
        b"99999 x\r\n\r\n",
        b"101 x\r\n\r\n",
        b"200 x\r\n\xff\xff\r\nfoo\r\n\r\n",
        b"500 x\r\nrequest-id: " + b"r" * 60_000 + b"\r\n" + EMPTY,
        b"500 x\r\ncontent-type: application/json; charset=nope\x00\r\ncontent-length: 2\r\n\r\n\xff\xfe",
        b"500 x\r\n\r\n" + b"[" * 60_000,
        b'500 x\r\n\r\n{"error":{"type":"a","message":' + b"[" * 900 + b"]" * 900 + b"}}",
        b'500 x\r\n\r\n{"error":{"type":"' + b"a" * 999 + b'","message":"' + b"m" * 9999 + b'"}}',
        b'500 x\r\n\r\n{"error":{"type":"\\ud800","message":"\\ud800"}}',
    ],
    ids=range(15),
)
def test_what_makes_no_sense_is_an_error_like_any_other(told: bytes) -> None:
    with hostile(b"HTTP/1.1 " + told) as server:
        error = failure_of(server)
    (error.message + str(error.detail)).encode()


@pytest.mark.parametrize("wait", [b"1e308", b"nan", b"-1", b"99999999", b"\xff"])
def test_nobody_is_told_to_wait_for_ever(wait: bytes) -> None:
    with hostile(b"HTTP/1.1 429 x\r\nretry-after: " + wait + b"\r\n" + EMPTY) as server:
        assert failure_of(server).retry_after is None


def test_no_cookie_is_kept() -> None:
    with hostile(b"HTTP/1.1 500 x\r\nset-cookie: a=b\r\n" + EMPTY) as server:
        api = MessagesApi(Endpoint(server.url, "2023-06-01", "x-api-key", 99), FakeSecret(KEY))
        with pytest.raises(BridgeError):
            ask(api)
        assert not list(api._http.cookies)
