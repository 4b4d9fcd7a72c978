"""`bridge mcp` when something goes wrong, and as the process that it is."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mcp.server.mcpserver.exceptions import ToolError
from websockets.asyncio.server import ServerConnection

from bridge_cli.endpoint import Endpoint
from bridge_cli.mcp_server.reach import Reach
from tests.cli.conftest import Run
from tests.cli.fake_bridge import (
    FakeBridge,
    Frame,
    abort,
    accepted,
    answer,
    answered,
    delta,
    failure,
    post,
)
from tests.cli.mcp_clients import PROGRAM, ROOT, TOKEN, Ai, Assistants


def test_wrong_use_is_a_tool_error_that_says_what_to_do(bridge: FakeBridge, assistants: Assistants) -> None:
    cases: list[tuple[str, dict[str, Any], str]] = [
        ("ask", {"message": " \n"}, "The message is empty"),
        ("ask", {"message": ""}, "message"),
        ("ask", {}, "message"),
        ("ask", {"message": "Hi", "session_id": "my plans"}, "letters, digits"),
        ("ask", {"message": "Hi", "recall": "all"}, "'owner', 'session' or 'off'"),
        ("ask", {"message": "x" * 140_000}, "131,072"),
        ("recall", {"text": " "}, "Say what to look for"),
        ("recall", {"text": "x", "limit": 51}, "limit"),
        ("recall", {"text": "x", "session_id": "a/b"}, "letters, digits"),
        ("history", {"session_id": "nowhere"}, "The tool `sessions` lists"),
        ("forget", {}, "session_id"),
        ("forget", {"session_id": "my plans"}, "letters, digits"),
    ]

    async def fail(ai: Ai) -> list[str]:
        return [await ai.fail(tool, **arguments) for tool, arguments, _ in cases]

    for (tool, arguments, said), told in zip(cases, assistants.run(fail), strict=True):
        assert said in told, (tool, arguments)
    assert [frame["action"] for frame in bridge.received] == ["history"]


def test_an_error_of_the_bridge_is_a_tool_error(bridge: FakeBridge, assistants: Assistants) -> None:
    async def overloaded(_: FakeBridge, connection: ServerConnection, frame: Frame) -> None:
        told = failure("upstream_overloaded", "busy.", frame["request_id"], retryable=True, retry_after=7)
        await post(connection, told)

    bridge.behaviours = [overloaded]
    assert assistants.run(lambda ai: ai.fail("ask", message="Hi")).endswith("Busy. Try again in 7 s.")


def test_an_unusual_end_is_noted(bridge: FakeBridge, assistants: Assistants) -> None:
    async def cut(fake: FakeBridge, connection: ServerConnection, frame: Frame) -> None:
        await post(connection, accepted(frame))
        await post(connection, delta(frame, 1, "x"))
        await post(connection, answer(frame, fake.keep(frame, stop_reason="max_tokens"), 1))

    bridge.behaviours = [cut]
    reply = assistants.run(lambda ai: ai.use("ask", message="Hi"))
    assert "cut off" in reply["note"]
    assert reply["recalled"] is None
    assert reply["cost"] is None


def test_a_connection_that_was_lost_is_made_again_on_the_next_call(
    bridge: FakeBridge, assistants: Assistants
) -> None:
    async def close_after(fake: FakeBridge, connection: ServerConnection, frame: Frame) -> None:
        await answered(fake, connection, frame)
        abort(connection)

    async def twice(ai: Ai) -> Any:
        return [(await ai.use("ask", message="Hi"))["turn"], (await ai.use("ask", message="Hi"))["turn"]]

    bridge.behaviours = [close_after]
    assert assistants.run(twice) == [1, 2]
    assert bridge.connected == 2


def test_a_refused_token_can_be_mended_while_it_runs_and_is_never_told(
    bridge: FakeBridge, assistants: Assistants, run: Run
) -> None:
    async def mend(ai: Ai) -> Any:
        told = await ai.fail("sessions")
        await asyncio.to_thread(run, "config", "set", "token", "-", input=TOKEN + "x")
        await ai.use("sessions")
        return told

    run("config", "set", "url", bridge.url)
    run("config", "set", "token", "-", input=TOKEN)
    assistants.environment.clear()
    bridge.refusals = [401]
    told = assistants.run(mend)
    assert "Your token was refused" in told
    assert "bridge token create" in told
    assert [headers["Authorization"] for headers in bridge.handshakes] == [
        f"Bearer {TOKEN}",
        f"Bearer {TOKEN}x",
    ]
    assert "secret" not in told.lower()
    assert TOKEN not in told + assistants.log.read_text()


def test_without_a_bridge_it_starts_and_says_what_to_do(assistants: Assistants) -> None:
    assistants.environment.clear()
    assistants.environment["BRIDGE_URL"] = "ws://127.0.0.1:9/none"

    async def fail(ai: Ai) -> Any:
        return await ai.fail("ask", message="Hi"), await ai.fail("recall", text="Hi")

    for told in assistants.run(fail):
        assert "Nothing listens at 127.0.0.1:9" in told
        assert "bridge local up" in told


def test_where_nothing_is_configured_it_says_how_to(tmp_path: Path) -> None:
    nowhere = {"BRIDGE_PROFILE": "missing"}
    told = Assistants(nowhere, tmp_path / "mcp.log").run(lambda ai: ai.fail("sessions"))
    assert "There is no profile `missing`" in told
    assert "bridge config set url" in told


def test_what_is_no_bridge_is_told_and_the_next_call_works(
    bridge: FakeBridge, assistants: Assistants
) -> None:
    async def odd(_: FakeBridge, connection: ServerConnection, frame: Frame) -> None:
        await connection.send("no JSON")

    async def fail(ai: Ai) -> Any:
        return await ai.fail("ask", message="Hi"), await ai.use("ask", message="Hi")

    bridge.behaviours = [odd]
    told, reply = assistants.run(fail)
    assert "not JSON" in told
    assert reply["answer"] == "Hello, world"


def test_what_is_not_foreseen_is_told_without_what_is_in_it(caplog: pytest.LogCaptureFixture) -> None:
    def find() -> Endpoint:
        raise LookupError("with something in it")

    async def fail() -> None:
        async with Reach(find, print).bridge():
            raise AssertionError("not reached")

    with pytest.raises(ToolError, match=r"LookupError.*Try again") as caught:
        asyncio.run(fail())
    assert "with something in it" not in str(caught.value)
    assert "LookupError: with something in it" in caplog.text


class Held:
    """A behaviour: accepted, `said` and no more, until it is cancelled."""

    def __init__(self, *said: str) -> None:
        self.said = said
        self.asked = threading.Event()
        self.ended = threading.Event()

    async def __call__(self, fake: FakeBridge, connection: ServerConnection, frame: Frame) -> None:
        turn = fake.begin(connection, frame)
        await turn.accept()
        for text in self.said:
            await turn.say(text)
        self.asked.set()
        await turn.cancelled.wait()
        await turn.finish("cancelled")
        self.ended.set()


@pytest.mark.parametrize("said", [[], ["Half an"]])
def test_a_call_that_is_cancelled_cancels_its_turn_and_leaves_the_others_alone(
    bridge: FakeBridge, assistants: Assistants, said: list[str]
) -> None:
    held = Held(*said)

    async def cancel(ai: Ai) -> Any:
        waiting = asyncio.create_task(ai.call("ask", message="Hi"))
        await asyncio.to_thread(held.asked.wait, 30)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert await asyncio.to_thread(held.ended.wait, 30)
        return await ai.use("ask", message="Hi again"), await ai.use("history", limit=2)

    bridge.behaviours = [held]
    reply, page = assistants.run(cancel)
    assert reply["answer"] == "Hello, world"
    assert [frame["message"] for frame in bridge.sent("query")] == ["Hi", "Hi again"]
    first = page["exchanges"][0]
    assert (first["cancelled"], first["assistant"], first["error"]) == (True, "".join(said), None)
    assert bridge.connected == 1


def test_where_its_client_goes_away_its_answers_are_cancelled(
    bridge: FakeBridge, assistants: Assistants
) -> None:
    held = Held("Half an")

    async def leave() -> None:
        async with assistants.start() as ai:
            waiting = asyncio.create_task(ai.call("ask", message="Hi"))
            await asyncio.to_thread(held.asked.wait, 30)
        await asyncio.gather(waiting, return_exceptions=True)

    bridge.behaviours = [held]
    asyncio.run(asyncio.wait_for(leave(), 60))
    assert held.ended.wait(30)


HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}
INITIALIZED = {"jsonrpc": "2.0", "method": "notifications/initialized"}
LIST = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "sessions", "arguments": {}}}


@pytest.fixture
def server(bridge: FakeBridge) -> Iterator[subprocess.Popen[str]]:
    """The server as a bare process: lines in, lines out."""
    pipes: dict[str, Any] = dict.fromkeys(["stdin", "stdout", "stderr"], subprocess.PIPE)
    environment = os.environ | {"PYTHONPATH": str(ROOT / "cli")}
    command = [sys.executable, "-c", PROGRAM, "mcp"]
    with subprocess.Popen(command, env=environment, text=True, bufsize=1, **pipes) as process:
        yield process
        process.kill()


def test_standard_output_carries_nothing_but_the_protocol(server: subprocess.Popen[str]) -> None:
    assert server.stdin is not None
    assert server.stdout is not None
    for line in [json.dumps(HELLO), json.dumps(INITIALIZED), "this is no JSON", json.dumps(LIST)]:
        server.stdin.write(line + "\n")
    told: dict[int, Any] = {}
    while 2 not in told:
        frame = json.loads(server.stdout.readline())
        assert frame["jsonrpc"] == "2.0"
        told[frame.get("id")] = frame
    assert told[2]["result"]["structuredContent"]["sessions"] == []
    server.stdin.close()
    assert server.stdout.read() == ""
    assert server.wait(20) == 0


def test_ctrl_c_ends_it_though_the_client_still_holds_its_pipe(server: subprocess.Popen[str]) -> None:
    assert server.stdin is not None
    assert server.stdout is not None
    server.stdin.write(json.dumps(HELLO) + "\n")
    assert json.loads(server.stdout.readline())["id"] == 1
    server.send_signal(signal.SIGINT)
    assert server.wait(20) == -signal.SIGINT


@pytest.mark.parametrize("arguments", [["--session", "my plans"], ["--recall", "all"]])
def test_wrong_usage_ends_it_before_it_serves(run: Run, arguments: list[str]) -> None:
    assert run("mcp", *arguments).exit_code == 2


def test_without_its_extra_it_says_how_to_install_it() -> None:
    script = f"import sys; sys.modules['mcp'] = None; {PROGRAM}"
    environment = os.environ | {"PYTHONPATH": str(ROOT / "cli")}
    command = [sys.executable, "-c", script, "mcp"]
    told = subprocess.run(
        command, env=environment, capture_output=True, check=False, stdin=subprocess.DEVNULL
    )
    assert told.returncode == 3
    assert b"pip install '.[mcp]'" in told.stderr
    assert b"Traceback" not in told.stderr
    assert told.stdout == b""
