"""The program as a process of its own: what only shows there."""

from __future__ import annotations

import asyncio
import os
import pty
import select
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from tests.cli.fake_bridge import FakeBridge, Frame, accepted, answer, delta, post

COMMAND = [sys.executable, "-c", "import sys; sys.argv[0] = 'bridge'; from bridge_cli.main import run; run()"]
CLI = str(Path(__file__).parents[2] / "cli")


def start(*arguments: str, **more: Any) -> subprocess.Popen[bytes]:
    environment = os.environ | {"PYTHONPATH": CLI} | more.pop("env", {})
    streams: dict[str, Any] = {
        "stdin": subprocess.DEVNULL,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
    }
    return subprocess.Popen([*COMMAND, *arguments], env=environment, **(streams | more))


class Paced:
    """Sends a delta, and the next ones when the test lets it."""

    def __init__(self) -> None:
        self.go_on = threading.Event()

    async def __call__(self, fake: FakeBridge, connection: ServerConnection, frame: Frame) -> None:
        await post(connection, accepted(frame))
        await post(connection, delta(frame, 1, "first\n"))
        await asyncio.to_thread(self.go_on.wait, 20)
        for seq in range(2, 50):
            await post(connection, delta(frame, seq, "more\n" * 500))
        await post(connection, answer(frame, fake.keep(frame), 49))


@pytest.fixture
def paced(bridge: FakeBridge) -> Any:
    behaviour = Paced()
    bridge.behaviours = [behaviour]
    yield behaviour
    behaviour.go_on.set()


def read(stream: Any, size: int = 6) -> bytes:
    assert select.select([stream], [], [], 20)[0]
    return os.read(stream.fileno(), size)


def test_a_pipe_gets_each_piece_as_it_comes(paced: Paced) -> None:
    with start("ask", "Hi", "plans") as process:
        assert process.stdout is not None
        assert read(process.stdout) == b"first\n"  # while the answer goes on
        paced.go_on.set()
        assert process.stdout.read().endswith(b"more\n\n")
    assert process.returncode == 0


def test_who_stops_reading_ends_it_quietly_and_the_answer_with_it(bridge: FakeBridge) -> None:
    go_on = threading.Event()

    async def long(fake: FakeBridge, connection: ServerConnection, frame: Frame) -> None:
        turn = fake.begin(connection, frame)
        await turn.accept()
        await turn.say("first\n")
        await asyncio.to_thread(go_on.wait, 20)
        while not turn.cancelled.is_set():
            await turn.say("more\n" * 500)
            await asyncio.sleep(0)
        await turn.finish("cancelled")

    bridge.behaviours = [long]
    with start("ask", "Hi", "plans") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert read(process.stdout) == b"first\n"
        process.stdout.close()
        go_on.set()
        assert process.stderr.read() == b""
    assert process.returncode == 141
    assert bridge.exchanges["plans"][0]["stop_reason"] == "cancelled"


def test_standard_input_that_is_closed_or_no_pipe_is_not_waited_for(bridge: FakeBridge) -> None:
    with start("ask", "Hi", "plans") as process:
        assert process.stdout is not None
        assert process.stdout.read() == b"Hello, world\n"
    with start("ask", "Hi", "plans", stdin=None, preexec_fn=lambda: os.close(0)) as process:
        assert process.stdout is not None
        assert process.stdout.read() == b"Hello, world\n"


def test_a_terminal_that_cannot_show_a_character_is_no_reason_to_fail(bridge: FakeBridge) -> None:
    bridge.reply = ["né 😀"]
    with start("ask", "Hi", "plans", env={"PYTHONIOENCODING": "ascii"}) as process:
        assert process.stdout is not None
        assert process.stdout.read() == b"n? ?\n"


def test_a_terminal_gets_markdown(bridge: FakeBridge) -> None:
    bridge.reply = ["Some **bold", "** text\n\n- one\n- two\x1b]0;evil\x07\n", "\n```python\nx = 1\n```\n"]
    ours, theirs = pty.openpty()
    with start("ask", "Hi", "plans", stdout=theirs, stderr=theirs, env={"TERM": "xterm-256color"}) as process:
        os.close(theirs)
        shown = b""
        while True:
            try:
                piece = os.read(ours, 65_536)
            except OSError:  # the other side is closed
                break
            if not piece:
                break
            shown += piece
    os.close(ours)
    assert process.returncode == 0
    assert b"**" not in shown.rsplit(b"\x1b[2K", 1)[-1]
    assert b"\x1b[1mbold" in shown
    assert b"\x1b]0;evil" not in shown


@pytest.mark.parametrize(
    ("arguments", "unwanted"),
    [
        (["--help"], {"websockets", "boto3", "botocore", "prompt_toolkit", "rich", "jwt", "asyncio"}),
        (["ask", "Hi", "plans"], {"boto3", "botocore", "prompt_toolkit", "rich", "jwt", "markdown_it"}),
    ],
)
def test_only_what_is_needed_is_imported(
    bridge: FakeBridge, arguments: list[str], unwanted: set[str]
) -> None:
    script = (
        "import atexit, sys; sys.argv[0] = 'bridge'\n"
        "atexit.register(lambda: print('\\nLOADED', *sys.modules, file=sys.stderr))\n"
        "from bridge_cli.main import run; run()"
    )
    environment = os.environ | {"PYTHONPATH": CLI, "BRIDGE_TOKEN": "x"}
    command = [sys.executable, "-c", script, *arguments]
    told = subprocess.run(command, env=environment, capture_output=True, stdin=subprocess.DEVNULL, check=True)
    loaded = set(told.stderr.decode().rpartition("LOADED")[2].split())
    assert "bridge_cli.main" in loaded
    assert loaded & unwanted == set()


def test_without_its_extra_it_says_how_to_install_it() -> None:
    script = "import sys; sys.modules['typer'] = None; from bridge_cli.main import run; run()"
    environment = os.environ | {"PYTHONPATH": CLI}
    told = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, check=False)
    assert told.returncode == 3
    assert b"pip install '.[cli]'" in told.stderr
    assert b"Traceback" not in told.stderr
