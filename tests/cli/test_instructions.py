"""`--system`: a session's own instructions, as text or from a file; and for programs and other AIs."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from bridge_cli.client import BridgeClient
from bridge_cli.endpoint import Endpoint
from bridge_cli.errors import RequestFailed
from tests.cli.conftest import Run
from tests.cli.fake_bridge import FakeBridge, Frame, failure, post
from tests.cli.mcp_clients import Ai, Assistants

OWN = "Answer in Danish."


def systems(bridge: FakeBridge) -> list[str | None]:
    """Return what each query said of instructions; None where it said nothing."""
    return [frame.get("system") for frame in bridge.sent("query")]


def test_they_go_out_with_the_question(bridge: FakeBridge, run: Run) -> None:
    assert run("ask", "Hi", "plans").exit_code == 0
    told = run("ask", "Hi", "plans", "--system", OWN, "--why")
    assert (told.exit_code, told.stdout) == (0, "Hello, world\n")
    assert "the session's own: 17 characters, named in turn 1" in told.stderr
    assert run("ask", "Hi", "plans", "--system", "").exit_code == 0
    assert systems(bridge) == [None, OWN, ""]


@pytest.mark.parametrize("raw", [b"\xef\xbb\xbfAnswer in Danish.\n", b" Answer in Danish.\r\n"])
def test_they_come_from_a_file(bridge: FakeBridge, run: Run, tmp_path: Path, raw: bytes) -> None:
    file = tmp_path / "own words.txt"
    file.write_bytes(raw)
    assert run("ask", "Hi", "plans", "--system", f"@{file}").exit_code == 0
    assert systems(bridge) == [OWN]


@pytest.mark.parametrize("command", [["ask", "Hi"], ["chat"]])
@pytest.mark.parametrize(
    ("given", "exit_code", "said"),
    [
        ("é" * 4001, 2, "8,002 bytes"),
        ("@", 2, "names no file"),
        ("@{}/nowhere.txt", 3, "nowhere.txt cannot be read: No such file"),
        ("@{}", 3, "cannot be read: Is a directory"),
        ("@{}/empty", 2, "empty is empty"),
        ("@{}/latin", 2, "latin is not text in UTF-8: byte 4 is 0xe9"),
        ("@{}/zeros", 2, "zeros is binary"),
        ("@/dev/zero", 2, "/dev/zero has over 1,000,000 bytes"),
    ],
)
def test_what_are_none_is_said_before_anything_is_sent(
    bridge: FakeBridge, run: Run, tmp_path: Path, command: list[str], given: str, exit_code: int, said: str
) -> None:
    for name, content in (("empty", b"\n"), ("latin", b"caf\xe9"), ("zeros", b"a\0b")):
        (tmp_path / name).write_bytes(content)
    told = run(*command, "--system", given.format(tmp_path))
    assert told.exit_code == exit_code
    assert said in told.stderr.replace("\n", " ")
    assert bridge.handshakes == []


def test_an_older_bridge_that_takes_no_notice_is_named(bridge: FakeBridge, run: Run) -> None:
    async def older(fake: FakeBridge, connection: Any, frame: Frame) -> None:
        from tests.cli.fake_bridge import accepted, answer

        await post(connection, accepted(frame))
        await post(connection, answer(frame, fake.keep(frame), 0))

    for command in (["ask", "Hi", "plans"], ["chat", "plans"]):
        bridge.behaviours = [older]
        told = run(*command, "--system", OWN, input="Hi\n" if command[0] == "chat" else "")
        assert "knows no instructions" in told.stderr
    bridge.behaviours = [older]
    assert "knows no" not in run("ask", "Hi", "plans", "--system", "").stderr


def test_a_chat_names_them_with_its_first_message(bridge: FakeBridge, run: Run) -> None:
    assert run("chat", "plans", "--system", OWN, input="One\nTwo\n/new\nThree\n").exit_code == 0
    assert systems(bridge) == [OWN, None, None]


def test_a_chat_names_them_again_where_the_first_message_was_refused(bridge: FakeBridge, run: Run) -> None:
    async def refused(_: FakeBridge, connection: Any, frame: Frame) -> None:
        await post(connection, failure("too_large", "too long", frame["request_id"]))

    bridge.behaviours = [refused]
    assert run("chat", "plans", "--system", OWN, input="One\nTwo\nThree\n").exit_code == 1
    assert systems(bridge) == [OWN, OWN, None]


def test_a_new_session_of_a_chat_has_none(bridge: FakeBridge, run: Run) -> None:
    run("chat", "plans", "--system", OWN, input="/new other\nHi\n")
    assert systems(bridge) == [None]


def test_a_program_names_them_and_asks_which_are_in_force(bridge: FakeBridge) -> None:
    async def talk() -> list[str | None]:
        async with BridgeClient(Endpoint(bridge.url)) as client:
            with pytest.raises(RequestFailed):
                await client.instructions("plans")
            async for _ in client.ask("Hi", "plans"):
                pass
            found = [await client.instructions("plans")]
            async for _ in client.ask("Hi", "plans", system=OWN):
                pass
            return [*found, await client.instructions("plans")]

    assert asyncio.run(talk()) == [None, OWN]
    assert systems(bridge) == [None, OWN]


def test_another_ai_names_them(bridge: FakeBridge, assistants: Assistants) -> None:
    async def ask(ai: Ai) -> Any:
        await ai.use("ask", message="Hi")
        return await ai.use("ask", message="Hi", system=OWN)

    assert assistants.run(ask)["note"] is None
    assert systems(bridge) == [None, OWN]
