"""Other AIs at the deployed bridge: `bridge mcp` as an MCP client starts it."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from tests.cli.mcp_clients import Ai, Assistants
from tests.e2e.deployed import BRISK, Deployed
from tests.e2e.test_conversation import INSTANT_TEXT

SECONDS = 120
"""After which AIs that do not come to an end fail their test."""


@pytest.fixture
def owner() -> str:
    """Somebody of whom the bridge remembers nothing yet."""
    return f"owner-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def assistants(bridge: Deployed, owner: str, tmp_path: Path) -> Assistants:
    environment = {"HOME": str(tmp_path), "BRIDGE_URL": bridge.url, "BRIDGE_TOKEN": bridge.token(owner)}
    return Assistants(environment, tmp_path / "mcp.log")


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(work, SECONDS))


def asked(bridge: Deployed) -> str:
    """Return all that Claude was told last."""
    return json.dumps(bridge.last_request())


def test_two_ais_of_one_owner_are_kept_apart_unless_they_ask(
    bridge: Deployed, assistants: Assistants
) -> None:
    async def talk() -> None:
        async with assistants.start() as one, assistants.start() as other:
            first = await one.use("ask", message="The launch code word is marmalade.")
            second = await other.use("ask", message="What is the launch code word?")
            assert first["answer"] == INSTANT_TEXT
            assert first["session_id"].startswith("mcp-")
            assert first["session_id"] != second["session_id"]
            assert (second["recall"], second["recalled"]) == ("session", [])
            assert "marmalade" not in asked(bridge)

            told = await other.use("ask", message="Which launch code word was it?", recall="owner")
            assert first["session_id"] in [one["session_id"] for one in told["recalled"]]
            assert "marmalade" in asked(bridge)

    run(talk())


def test_an_ai_goes_on_where_it_was(bridge: Deployed, assistants: Assistants, session: str) -> None:
    async def talk() -> None:
        async with assistants.start("--session", session) as one:
            assert (await one.use("ask", message="The harbour is closed on Mondays."))["turn"] == 1
        async with assistants.start("--session", session) as one:
            assert (await one.use("ask", message="When is it closed?"))["turn"] == 2
            assert "closed on Mondays" in asked(bridge)
            listed = await one.use("sessions")
            assert listed["own_session_id"] == session
            assert [entry["session_id"] for entry in listed["sessions"]] == [session]
            page = await one.use("history")
            assert [said["user"] for said in page["exchanges"]] == [
                "The harbour is closed on Mondays.",
                "When is it closed?",
            ]
            assert page["exchanges"][0]["assistant"] == INSTANT_TEXT

    run(talk())


def test_what_one_told_another_finds_until_it_is_forgotten(
    assistants: Assistants, bridge: Deployed, session: str
) -> None:
    async def talk() -> None:
        async with assistants.start("--session", session) as one, assistants.start() as other:
            await one.use("ask", message="Our cat is called Mirabelle.")
            (found, *_) = (await other.use("recall", text="What is the cat called?"))["memories"]
            assert (found["session_id"], found["turn"], found["role"]) == (session, 1, "user")
            assert "Mirabelle" in found["text"]
            assert await other.use("forget", session_id=session) == {"session_id": session, "exchanges": 1}
            assert (await other.use("recall", text="What is the cat called?"))["memories"] == []
            assert "`sessions`" in await other.fail("history", session_id=session)
            told = await other.use("ask", message="What is the cat called?", recall="owner")
            assert told["recalled"] == []
            assert "Mirabelle" not in asked(bridge)
            assert await other.use("forget", session_id=session) == {"session_id": session, "exchanges": 0}

    run(talk())


def test_another_owner_finds_nothing(bridge: Deployed, assistants: Assistants, session: str) -> None:
    stranger = Assistants(
        assistants.environment | {"BRIDGE_TOKEN": bridge.token(f"owner-{uuid.uuid4().hex}")}, assistants.log
    )

    async def talk() -> None:
        async with (
            assistants.start("--session", session) as one,
            stranger.start("--recall", "owner") as other,
        ):
            await one.use("ask", message="Our cat is called Mirabelle.")
            assert (await other.use("recall", text="What is the cat called?"))["memories"] == []
            assert (await other.use("ask", message="What is the cat called?"))["recalled"] == []
            assert (await other.use("forget", session_id=session))["exchanges"] == 0
            assert len((await one.use("recall", text="cat"))["memories"]) > 0

    run(talk())


def test_a_long_answer_comes_piece_by_piece(assistants: Assistants) -> None:
    async def talk(ai: Ai) -> tuple[dict[str, Any], list[tuple[float, str | None]]]:
        return await ai.use("ask", message="Tell me.", model=BRISK), ai.progress

    reply, progress = assistants.run(talk)
    assert "".join(piece or "" for _, piece in progress) == reply["answer"]
    assert len(progress) > 10
    counted = [count for count, _ in progress]
    assert counted == sorted(set(counted))


def test_a_token_that_has_expired_is_told_and_not_shown(
    bridge: Deployed, assistants: Assistants, owner: str
) -> None:
    expired = bridge.token(owner, expires=-10)
    assistants.environment["BRIDGE_TOKEN"] = expired
    told = assistants.run(lambda ai: ai.fail("ask", message="Hello"))
    assert "token was refused" in told
    assert expired not in told + assistants.log.read_text()
