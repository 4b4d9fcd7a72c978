"""A call to Claude that is broken off: wherever it waits, the server sees the connection go at once."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bridge.adapters.claude import Endpoint, MessagesApi
from bridge.interruption import Interrupted, Interruption
from bridge.memory import prompt
from bridge.memory.prompt import Parts
from bridge.memory.window import Window
from bridge.ports.claude import Completed, Piece, Started, Text
from tests.fakes import START as NOW
from tests.fakes import FakeSecret
from tests.messages_server import KEY, START, STOP, text

HEADERS = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"
OVERLOADED = b"HTTP/1.1 529 Overloaded\r\nretry-after: 50\r\ncontent-length: 2\r\n\r\n{}"


class SilentServer:
    """Answers each connection with what it is given, then says nothing more, and waits for its end."""

    def __init__(self, said: bytes) -> None:
        self._said = said
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.connections = 0
        self.silent = threading.Event()
        self.gone = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                there, _ = self._listener.accept()
            except OSError:
                return
            with there, contextlib.suppress(OSError):  # it may go with a reset
                self.connections += 1
                there.settimeout(10)
                there.recv(65_536)
                there.sendall(self._said)
                self.silent.set()
                while there.recv(65_536):
                    pass
            self.gone.set()


@contextmanager
def silent_after(said: bytes) -> Iterator[tuple[SilentServer, MessagesApi]]:
    server = SilentServer(said)
    endpoint = Endpoint(server.url, "2023-06-01", "x-api-key", 99)
    try:
        yield server, MessagesApi(endpoint, FakeSecret(KEY))
    finally:
        server.close()


def heard(claude: MessagesApi, interruption: Interruption) -> list[Piece]:
    """Return what Claude said before it was broken off; the test fails where it was not."""
    pieces: list[Piece] = []

    def listen() -> None:
        with claude.answer(prompt.build(Parts("", Window(), "Hi", NOW)), "m", interruption) as events:
            pieces.extend(events)

    with pytest.raises(Interrupted):
        listen()
    return pieces


def ask_after(event: threading.Event, interruption: Interruption) -> None:
    assert event.wait(10), "it never came about"
    interruption.ask()


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(b"", id="before-the-headers"),
        pytest.param(HEADERS, id="after-the-headers"),
        pytest.param(HEADERS + START + text("One, "), id="mid-stream"),
        pytest.param(HEADERS + START + text("One, ")[:20], id="within-an-event"),
    ],
)
def test_a_call_that_waits_is_broken_off(said: bytes) -> None:
    interruption = Interruption()
    with silent_after(said) as (server, claude):
        asker = threading.Thread(target=lambda: ask_after(server.silent, interruption))
        asker.start()
        heard(claude, interruption)
        asker.join()
        assert server.gone.wait(10)
        assert server.connections == 1


def test_a_call_that_waits_for_its_next_attempt_is_broken_off() -> None:
    interruption = Interruption()
    with silent_after(OVERLOADED) as (server, claude):
        asker = threading.Thread(target=lambda: ask_after(server.silent, interruption))
        asker.start()
        assert heard(claude, interruption) == []
        asker.join()
        assert server.connections == 1


def test_a_call_that_was_broken_off_before_it_began_is_none() -> None:
    interruption = Interruption()
    interruption.ask()
    with silent_after(HEADERS + START + text("One, ") + STOP) as (_, claude):
        assert heard(claude, interruption) == []


def test_an_answer_that_is_complete_is_not_broken_off() -> None:
    interruption = Interruption()
    pieces: list[Piece] = []
    with silent_after(HEADERS + START + text("One.") + STOP) as (_, claude):
        told = prompt.build(Parts("", Window(), "Hi", NOW))
        with claude.answer(told, "m", interruption) as events:
            for piece in events:
                pieces.append(piece)
                if isinstance(piece, Completed):
                    interruption.ask()
    assert [type(piece) for piece in pieces] == [Started, Text, Completed]


def test_the_next_call_is_a_call_of_its_own() -> None:
    interruption = Interruption()
    with silent_after(HEADERS + START + text("One.") + STOP) as (_, claude):
        interruption.ask()
        heard(claude, interruption)
        told = prompt.build(Parts("", Window(), "Hi", NOW))
        with claude.answer(told, "m", Interruption()) as events:
            assert [type(piece) for piece in events] == [Started, Text, Completed]
