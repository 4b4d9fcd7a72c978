"""`bridge mcp`, spoken to as an MCP client does, over real pipes and a real WebSocket."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from tests.cli.conftest import Run
from tests.cli.fake_bridge import (
    USAGE,
    FakeBridge,
    Frame,
    accepted,
    answer,
    delta,
    post,
)
from tests.cli.mcp_clients import TOKEN, Ai, Assistants

TOOLS = {"ask", "recall", "sessions", "history", "forget"}


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_it_says_who_it_is_and_how_the_memory_is_used(assistants: Assistants, mode: str) -> None:
    async def look(ai: Ai) -> Any:
        return ai.client.server_info, ai.client.instructions

    info, instructions = assistants.run(look, "--session", "my-session", mode=mode)
    assert (info.name, info.title) == ("claude-context-bridge", "Claude Context Bridge")
    assert info.version[0].isdigit()
    assert "`my-session`" in instructions
    assert all(f"`{tool}`" in instructions for tool in TOOLS)


def test_every_tool_and_parameter_is_described(assistants: Assistants) -> None:
    async def look(ai: Ai) -> Any:
        return (await ai.client.list_tools()).tools

    tools = {tool.name: tool for tool in assistants.run(look)}
    assert set(tools) == TOOLS
    for tool in tools.values():
        assert len(tool.description or "") > 200
        assert "costs" in (tool.description or "")
        for name, parameter in tool.input_schema["properties"].items():
            assert parameter.get("description"), f"{tool.name}: {name}"
        assert tool.output_schema is not None
    hints = {name: tool.annotations for name, tool in tools.items()}
    assert {name for name, hint in hints.items() if hint and hint.read_only_hint} == TOOLS - {"ask", "forget"}
    assert {name for name, hint in hints.items() if hint and hint.destructive_hint} == {"forget"}
    assert tools["forget"].input_schema["required"] == ["session_id"]
    assert tools["ask"].input_schema["required"] == ["message"]
    assert "cannot be undone" in (tools["forget"].description or "")


def test_ask_streams_its_pieces_and_gives_back_the_whole_answer(
    bridge: FakeBridge, assistants: Assistants
) -> None:
    async def ask(ai: Ai) -> Any:
        return await ai.use("ask", message="Hi"), ai.progress

    reply, progress = assistants.run(ask)
    assert progress == [(5, "Hello"), (7, ", "), (12, "world")]
    sent = bridge.sent("query")[0]
    assert sent["session_id"].startswith("mcp-")
    assert len(sent["session_id"]) == len("mcp-") + 8
    assert sent["recall"] == "session"
    assert reply == {
        "answer": "Hello, world",
        "session_id": sent["session_id"],
        "turn": 1,
        "model": "claude-sonnet-5-5",
        "stop_reason": "end_turn",
        "recall": "session",
        "recalled": [],
        "usage": USAGE,
        "cost": {"dollars": 0.0012, "uncached_dollars": 0.0024},
        "note": None,
    }
    assert bridge.handshakes[0]["Authorization"] == f"Bearer {TOKEN}"


def test_pieces_come_while_claude_still_answers(bridge: FakeBridge, assistants: Assistants) -> None:
    go_on = threading.Event()

    async def slowly(fake: FakeBridge, connection: ServerConnection, frame: Frame) -> None:
        await post(connection, accepted(frame))
        await post(connection, delta(frame, 1, "Hello"))
        await asyncio.to_thread(go_on.wait, 30)
        await post(connection, delta(frame, 2, ", world"))
        await post(connection, answer(frame, fake.keep(frame), 2))

    async def ask(ai: Ai) -> Any:
        pieces: list[str | None] = []

        async def note(progress: float, total: float | None, message: str | None) -> None:
            pieces.append(message)
            go_on.set()  # the rest comes only now

        await ai.client.call_tool("ask", {"message": "Hi"}, progress_callback=note)
        return pieces

    bridge.behaviours = [slowly]
    assert assistants.run(ask) == ["Hello", ", world"]


def test_two_ais_have_sessions_of_their_own(bridge: FakeBridge, assistants: Assistants) -> None:
    async def both() -> tuple[dict[str, Any], dict[str, Any], dict[str, Any], dict[str, Any]]:
        async with assistants.start() as one, assistants.start() as other:
            first = await one.use("ask", message="The word is marmalade")
            second = await other.use("ask", message="What is the word?")
            found = await other.use("recall", text="marmalade")
            asked = await other.use("ask", message="word is", recall="owner")
            return first, second, found, asked

    first, second, found, asked = asyncio.run(asyncio.wait_for(both(), 60))
    assert first["session_id"] != second["session_id"]
    assert second["recalled"] == []
    assert [one["session_id"] for one in found["memories"]] == [first["session_id"]]
    assert asked["recalled"][0]["session_id"] == first["session_id"]


@pytest.mark.parametrize(
    ("arguments", "profile", "asked", "sent"),
    [
        ([], None, None, "session"),
        (["--recall", "owner"], None, None, "owner"),
        ([], "owner", None, "owner"),
        (["--recall", "off"], "owner", None, "off"),
        (["--recall", "off"], "owner", "session", "session"),
    ],
)
def test_where_ask_looks(
    bridge: FakeBridge,
    assistants: Assistants,
    run: Run,
    arguments: list[str],
    profile: str | None,
    asked: str | None,
    sent: str,
) -> None:
    if profile:
        del assistants.environment["BRIDGE_URL"]
        run("config", "set", "url", bridge.url)
        run("config", "set", "recall", profile)
    more = {"recall": asked} if asked else {}
    assistants.run(lambda ai: ai.use("ask", message="Hi", **more), *arguments)
    assert bridge.sent("query")[0]["recall"] == sent


def test_a_session_that_is_named_is_gone_on_in(bridge: FakeBridge, assistants: Assistants) -> None:
    async def ask(ai: Ai) -> Any:
        return [
            (await ai.use("ask", message="Hi"))["session_id"],
            (await ai.use("ask", message="Hi", session_id="plans", model="claude-opus-5-5"))["session_id"],
            (await ai.use("sessions"))["own_session_id"],
        ]

    assert assistants.run(ask, "--session", "mine") == ["mine", "plans", "mine"]
    assert bridge.sent("query")[1]["model"] == "claude-opus-5-5"


def test_what_was_said_is_listed_read_recalled_and_forgotten(
    bridge: FakeBridge, assistants: Assistants
) -> None:
    bridge.sessions = [
        {"session_id": f"s{number}", "title": "T", "turns": 1, "last_updated": "2026-11-22T19:37:40.123Z"}
        for number in range(3)
    ]

    async def use(ai: Ai) -> Any:
        await ai.use("ask", message="The word is marmalade")
        await ai.use("ask", message="Hi")
        return [
            await ai.use("sessions", limit=2),
            await ai.use("history", limit=1),
            await ai.use("history", before="1"),
            await ai.use("recall", text="marmalade", limit=1),
            await ai.use("forget", session_id="mine"),
            await ai.use("forget", session_id="mine"),
            await ai.use("recall", text="marmalade"),
        ]

    listed, newest, older, found, gone, nothing, left = assistants.run(use, "--session", "mine")
    assert ([one["session_id"] for one in listed["sessions"]], listed["before"]) == (["s0", "s1"], "2")
    said = {"at": "2026-11-22T19:37:40.123Z", "assistant": "Hello, world", "error": None, "cancelled": False}
    assert newest == {"session_id": "mine", "exchanges": [{"turn": 2, "user": "Hi"} | said], "before": "1"}
    assert older["exchanges"] == [{"turn": 1, "user": "The word is marmalade"} | said]
    assert older["before"] is None
    assert [(one["turn"], one["text"]) for one in found["memories"]] == [(1, "The word is marmalade")]
    assert gone == {"session_id": "mine", "exchanges": 2}
    assert nothing == {"session_id": "mine", "exchanges": 0}
    assert left == {"memories": []}


def test_a_failed_turn_says_so_in_the_history(bridge: FakeBridge, assistants: Assistants) -> None:
    bridge.keep(
        {"session_id": "sad", "message": "Q", "request_id": "r"},
        context=[{"role": "user", "content": "Q"}],
        error={"code": "internal", "message": "it broke"},
    )
    page = assistants.run(lambda ai: ai.use("history", session_id="sad"))
    (exchange,) = page["exchanges"]
    assert (exchange["assistant"], exchange["error"]) == (None, "it broke")
