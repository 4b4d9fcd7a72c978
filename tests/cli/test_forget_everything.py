"""`bridge forget --everything`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bridge_cli import places, tokens
from tests.cli import fake_memory
from tests.cli.conftest import Run
from tests.cli.conversing import QUICK, client
from tests.cli.conversing import run as finished
from tests.cli.fake_bridge import FakeBridge, Frame, failure


def replying(monkeypatch: pytest.MonkeyPatch, *replies: Frame) -> None:
    """Have these be the replies to the first requests to forget."""
    left = list(replies)

    def reply(bridge: FakeBridge, frame: Frame) -> Frame:
        if left:
            return left.pop(0) | {"request_id": frame["request_id"]}
        return fake_memory.forget(bridge, frame)

    monkeypatch.setitem(fake_memory.MEMORY_ACTIONS, "forget", reply)


def test_everything_goes_and_continue_with_it(filled: FakeBridge, run: Run) -> None:
    run("ask", "Hi", "plans")
    told = run("forget", "--everything", "--yes")
    assert (told.stdout, told.stderr, told.exit_code) == ("", "Everything is forgotten: 3 exchanges.\n", 0)
    assert filled.exchanges == {}
    sent = filled.sent("forget")[0]
    assert sent["everything"] is True
    assert "session_id" not in sent
    assert "no session was used" in run("ask", "Hi", "--continue").stderr
    assert run("forget", "--everything", "--yes").exit_code == 0  # again: it is what was wanted


def test_as_json(filled: FakeBridge, run: Run) -> None:
    told = run("forget", "--everything", "--yes", "--json")
    assert json.loads(told.stdout) == {"forgotten": [{"session_id": None, "exchanges": 2}]}
    assert told.stderr == ""


@pytest.mark.parametrize(
    ("owner", "typed", "goes"),
    [("ada", "ada", True), ("ada", "everything", False), ("ada", "", False), (None, "everything", True)],
)
def test_on_a_terminal_it_asks_whose_it_is(
    filled: FakeBridge, run: Run, monkeypatch: pytest.MonkeyPatch, owner: str | None, typed: str, goes: bool
) -> None:
    monkeypatch.setattr("bridge_cli.commands.remembering._on_terminal", lambda: True)
    if owner:
        monkeypatch.setenv("BRIDGE_TOKEN", tokens.mint("k" * 32, owner))
    told = run("forget", "--everything", input=f"{typed}\n")
    assert told.exit_code == (0 if goes else 1)
    assert filled.url in told.stderr
    assert f"type {owner or 'everything'}" in told.stderr
    assert (filled.exchanges == {}) == goes
    assert ("Nothing was forgotten." in told.stderr) != goes


def test_it_is_asked_again_while_the_bridge_is_not_done(
    filled: FakeBridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    not_done = failure("internal", "It takes longer.", retryable=True, retry_after=0.01)
    replying(monkeypatch, not_done, not_done, failure("quota_exceeded", "busy", retryable=True))

    async def forget() -> Any:
        async with client(filled, QUICK) as connected:
            return await connected.forget_everything()

    assert finished(forget()) is None  # how many went before is not known
    assert filled.exchanges == {}
    assert len({frame["request_id"] for frame in filled.sent("forget")}) == 1


def test_a_session_is_asked_for_again_likewise(filled: FakeBridge, monkeypatch: pytest.MonkeyPatch) -> None:
    replying(monkeypatch, failure("internal", "It takes longer.", retryable=True))

    async def forget() -> Any:
        async with client(filled, QUICK) as connected:
            return await connected.forget("plans"), await connected.forget("plans")

    assert finished(forget()) == (1, 0)


def test_what_does_not_help_again_is_an_error(
    filled: FakeBridge, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    replying(monkeypatch, failure("internal", "it broke"), failure("bad_request", "'session_id' is missing"))
    told = run("forget", "--everything", "--yes")
    assert (told.stderr, told.exit_code) == ("bridge: it broke\n", 1)
    told = run("forget", "--everything", "--yes")
    assert "older than this client" in told.stderr
    assert filled.exchanges


def test_what_was_typed_here_is_not_passed_over_in_silence(filled: FakeBridge, run: Run, clean: Path) -> None:
    path = places.chat_input_file()
    path.parent.mkdir(parents=True)
    path.write_text("+Hi\n")
    assert str(path) in run("forget", "--everything", "--yes").stderr
