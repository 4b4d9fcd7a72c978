"""Ctrl-C and SIGTERM, sent to the program as a process of its own."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import pty
import select
import signal
import socket
import subprocess
import termios
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from tests.cli.fake_bridge import FakeBridge, Frame
from tests.cli.fake_turns import half_an_answer
from tests.cli.test_process import read, start


class Held:
    """Half an answer at most. `asked` and `told` say how far it is, `accept` lets it be taken in."""

    def __init__(self, *, ends: bool) -> None:
        self.asked = threading.Event()
        self.accept = threading.Event()
        self.cancelled = threading.Event()
        self._ends = ends

    async def __call__(self, fake: FakeBridge, connection: ServerConnection, frame: Frame) -> None:
        self.asked.set()
        await asyncio.to_thread(self.accept.wait, 30)
        turn = fake.begin(connection, frame)
        await turn.accept()
        await turn.cancelled.wait()
        self.cancelled.set()
        if self._ends:
            await turn.finish("cancelled")


@pytest.fixture
def half(bridge: FakeBridge) -> FakeBridge:
    bridge.behaviours = [half_an_answer]
    return bridge


def ended(process: subprocess.Popen[bytes]) -> tuple[str, str, int]:
    out, err = process.communicate(timeout=30)
    return out.decode(), err.decode(), process.returncode


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_answer_is_cancelled_and_what_came_is_shown(half: FakeBridge, number: int, code: int) -> None:
    with start("ask", "Hi", "plans", "--why") as process:
        assert process.stdout is not None
        assert read(process.stdout, 7) == b"Half an"
        process.send_signal(number)
        out, err, returned = ended(process)
    assert (out, returned) == ("\n", code)
    assert err.startswith("(cancelled)\n")
    assert "Tokens:" in err
    assert [frame["request_id"] for frame in half.sent("cancel")] == [half.sent("query")[0]["request_id"]]
    assert half.exchanges["plans"][0]["stop_reason"] == "cancelled"


def test_as_json_it_says_that_it_was_cancelled(bridge: FakeBridge) -> None:
    held = Held(ends=True)
    held.accept.set()
    bridge.behaviours = [held]
    with start("ask", "Hi", "plans", "--json") as process:
        assert held.asked.wait(30)
        process.send_signal(signal.SIGINT)
        out, err, code = ended(process)
    told = json.loads(out)
    assert (told["stop_reason"], told["text"], told["session_id"]) == ("cancelled", "", "plans")
    assert (err, code) == ("", 130)


def test_before_it_is_accepted_it_is_cancelled_once_it_is(bridge: FakeBridge) -> None:
    held = Held(ends=True)
    bridge.behaviours = [held]
    with start("ask", "Hi", "plans") as process:
        assert held.asked.wait(30)
        process.send_signal(signal.SIGINT)
        held.accept.set()
        out, err, code = ended(process)
    assert (out, err, code) == ("", "(cancelled)\n", 130)


def test_a_second_one_leaves_at_once(bridge: FakeBridge) -> None:
    held = Held(ends=False)
    held.accept.set()
    bridge.behaviours = [held]
    with start("ask", "Hi", "plans") as process:
        assert held.asked.wait(30)
        process.send_signal(signal.SIGINT)
        assert held.cancelled.wait(30)
        process.send_signal(signal.SIGINT)
        out, err, code = ended(process)
    assert (out, code) == ("", 130)
    assert err == "bridge: interrupted\nWhat Claude still answers is kept: `bridge history plans`.\n"


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_before_there_is_a_connection_nothing_is_sent(silent: socket.socket, number: int, code: int) -> None:
    url = f"ws://127.0.0.1:{silent.getsockname()[1]}/x"
    with start("ask", "Hi", "plans", env={"BRIDGE_URL": url}) as process:
        connection, _ = silent.accept()
        with connection:
            assert connection.recv(4)  # of the handshake, which nobody answers
            process.send_signal(number)
            out, err, returned = ended(process)
    assert (out, err, returned) == ("", "bridge: cancelled before the question was sent\n", code)


class Terminal:
    """A terminal with the program in it."""

    def __init__(self, *arguments: str, **environment: str) -> None:
        self._ours, theirs = pty.openpty()
        streams: dict[str, Any] = dict.fromkeys(["stdin", "stdout", "stderr"], theirs)

        def take_it() -> None:
            os.setsid()
            fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)

        self.process = start(*arguments, env=environment, preexec_fn=take_it, **streams)
        os.close(theirs)
        self._seen = b""

    def wait_for(self, text: bytes) -> bytes:
        """Return what was shown until then."""
        while text not in self._seen:
            assert select.select([self._ours], [], [], 30)[0], self._seen
            self._seen += os.read(self._ours, 65_536)
        shown, _, self._seen = self._seen.partition(text)
        return shown

    def type(self, keys: bytes) -> None:
        os.write(self._ours, keys)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._ours)


@pytest.fixture
def chat(half: FakeBridge, kind: str) -> Iterator[Terminal]:
    terminal = Terminal("chat", "plans", "--plain", TERM=kind, PROMPT_TOOLKIT_NO_CPR="1")
    yield terminal
    terminal.close()


PASTES = b"\x1b[?2004h"  # an editor asks for bracketed paste when it begins to read


@pytest.mark.parametrize(("kind", "prompt"), [("dumb", b"> "), ("xterm", PASTES)])
def test_in_a_chat_ctrl_c_brings_back_the_prompt(half: FakeBridge, chat: Terminal, prompt: bytes) -> None:
    chat.wait_for(prompt)
    chat.type(b"Hi\r")
    chat.wait_for(b"Half an")
    chat.type(b"\x03")
    chat.wait_for(b"(cancelled)")
    chat.wait_for(prompt)
    chat.type(b"Hi again\r")
    chat.wait_for(b"Hello, world")
    chat.wait_for(prompt)
    chat.type(b"\x04")
    chat.wait_for(b"Go on with: bridge chat plans")
    assert chat.process.wait(30) == 0
    assert [exchange["stop_reason"] for exchange in half.exchanges["plans"]] == ["cancelled", "end_turn"]


def test_on_a_terminal_the_note_is_dim(half: FakeBridge) -> None:
    terminal = Terminal("ask", "Hi", "plans", TERM="xterm")
    try:
        terminal.wait_for(b"Half an")
        terminal.type(b"\x03")
        terminal.wait_for(b"\x1b[2m(cancelled)\x1b[0m")
        assert terminal.process.wait(30) == 130
    finally:
        terminal.close()
