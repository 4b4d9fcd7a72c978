"""`bridge chat` in a pipe; its commands; and the same conversation over its lines."""

from __future__ import annotations

import asyncio
import signal
import threading

import pytest
from websockets.asyncio.server import ServerConnection

from bridge_cli.chatting import Chat, Manner
from bridge_cli.client import BridgeClient, Endpoint
from bridge_cli.errors import Terminated
from tests.cli.conftest import Run
from tests.cli.fake_bridge import Behaviour, FakeBridge, Frame, failure, post


def test_every_line_of_a_pipe_is_a_message(bridge: FakeBridge, run: Run) -> None:
    told = run("chat", "plans", input="One\n\nTwo\n//three\n")
    assert told.stdout == "Hello, world\n" * 3
    assert [frame["message"] for frame in bridge.sent("query")] == ["One", "Two", "/three"]
    assert {frame["session_id"] for frame in bridge.sent("query")} == {"plans"}
    assert bridge.connected == 1
    assert told.exit_code == 0


def test_commands(bridge: FakeBridge, run: Run) -> None:
    bridge.sessions = [
        {"session_id": "plans", "title": "T", "turns": 1, "last_updated": "2026-11-22T19:37:40.123Z"}
    ]
    told = run("chat", "plans", input="Hi\n/history\n/sessions\n/new other\nHi\n/help\n/quit\nnever\n")
    assert told.exit_code == 0
    assert "[1] You" in told.stdout
    assert "plans\t1\t" in told.stdout
    assert "/sessions " in told.stderr
    assert [frame["session_id"] for frame in bridge.sent("query")] == ["plans", "other"]


@pytest.mark.parametrize("line", ["/nonsense", "/new not a name", "/history"])
def test_what_goes_wrong_is_told_and_the_conversation_goes_on(
    bridge: FakeBridge, run: Run, line: str
) -> None:
    told = run("chat", "plans", input=f"{line}\nHi\n")
    assert told.stdout == "Hello, world\n"
    assert told.stderr
    assert told.exit_code == 1


def test_an_error_of_the_bridge_does_not_end_it(bridge: FakeBridge, run: Run) -> None:
    async def overloaded(_: FakeBridge, connection: object, frame: Frame) -> None:
        await post(connection, failure("upstream_overloaded", "busy", frame["request_id"]))  # type: ignore[arg-type]

    bridge.behaviours = [overloaded]
    told = run("chat", "plans", input="One\nTwo\n")
    assert told.stdout == "Hello, world\n"
    assert "busy" in told.stderr
    assert told.exit_code == 1


class Typed:
    """Lines as a person types them: an exception stands for the key that brings it."""

    interactive = True

    def __init__(self, *lines: str | BaseException) -> None:
        self._lines = list(lines)

    async def read(self) -> str:
        line = self._lines.pop(0) if self._lines else EOFError()
        if isinstance(line, str):
            return line
        raise line


def talk(bridge: FakeBridge, *lines: str | BaseException) -> int:
    async def conversation() -> int:
        endpoint = Endpoint(bridge.url)
        async with BridgeClient(endpoint) as client:
            return await Chat(client, endpoint, "plans", Manner(plain=True)).run(Typed(*lines))

    return asyncio.run(conversation())


def test_ctrl_c_takes_back_the_line_and_ctrl_d_leaves(
    bridge: FakeBridge, capsys: pytest.CaptureFixture[str]
) -> None:
    assert talk(bridge, KeyboardInterrupt(), "Hi") == 0
    told = capsys.readouterr()
    assert told.out == "Hello, world\n"
    assert "Ctrl-D leaves" in told.err
    assert "bridge chat plans" in told.err


def interrupting(number: signal.Signals, *, times: int = 1) -> Behaviour:
    """Return a behaviour: half an answer, and a signal to this process; another one when it was cancelled."""
    main_thread = threading.main_thread().ident or 0

    async def behaviour(fake: FakeBridge, connection: ServerConnection, frame: Frame) -> None:
        turn = fake.begin(connection, frame)
        await turn.accept()
        await turn.say("Half an")
        signal.pthread_kill(main_thread, number)
        await turn.cancelled.wait()
        if times > 1:
            signal.pthread_kill(main_thread, number)
        else:
            await turn.finish("cancelled")

    return behaviour


def test_ctrl_c_cancels_an_answer_and_the_conversation_goes_on(
    bridge: FakeBridge, capsys: pytest.CaptureFixture[str]
) -> None:
    bridge.behaviours = [interrupting(signal.SIGINT)]
    assert talk(bridge, "Hi", "Hi again") == 0
    told = capsys.readouterr()
    assert "(cancelled)" in told.err
    assert told.out == "Half an\nHello, world\n"
    assert bridge.connected == 1
    assert [exchange["stop_reason"] for exchange in bridge.exchanges["plans"]] == ["cancelled", "end_turn"]


def test_a_second_ctrl_c_does_not_wait_for_the_bridge(
    bridge: FakeBridge, capsys: pytest.CaptureFixture[str]
) -> None:
    bridge.behaviours = [interrupting(signal.SIGINT, times=2)]
    assert talk(bridge, "Hi", "Hi again") == 0
    told = capsys.readouterr()
    assert "Stopped. What Claude still answers is kept" in told.err
    assert told.out == "Half an\nHello, world\n"
    assert bridge.connected == 2


def test_sigterm_cancels_the_answer_and_ends_the_conversation(
    bridge: FakeBridge, capsys: pytest.CaptureFixture[str]
) -> None:
    bridge.behaviours = [interrupting(signal.SIGTERM)]
    with pytest.raises(Terminated) as caught:
        talk(bridge, "Hi", "Hi again")
    assert caught.value.exit_code == 143
    assert capsys.readouterr().out == "Half an\n"
    assert len(bridge.sent("query")) == 1


def test_in_a_pipe_ctrl_c_ends_it_all(bridge: FakeBridge, run: Run) -> None:
    bridge.behaviours = [interrupting(signal.SIGINT)]
    told = run("chat", "plans", input="Hi\nHi again\n")
    assert (told.stdout, told.exit_code) == ("Half an\n", 130)
    assert [frame["message"] for frame in bridge.sent("query")] == ["Hi"]


def test_a_bridge_that_cannot_cancel_is_no_reason_to_wait(
    bridge: FakeBridge, capsys: pytest.CaptureFixture[str]
) -> None:
    bridge.older = True
    bridge.behaviours = [interrupting(signal.SIGINT)]
    assert talk(bridge, "Hi", "Hi again") == 0
    told = capsys.readouterr()
    assert "too old to cancel" in told.err
    assert "bridge history plans" in told.err
    assert told.out == "Half an\nHello, world\n"
