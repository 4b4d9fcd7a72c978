from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from bridge_local import saving
from bridge_local.saving import Saver


@pytest.fixture(params=[True, False], ids=["fork", "thread"])
def written(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    def write(states: dict[str, Any]) -> None:
        for name, state in states.items():
            (tmp_path / name).write_text(json.dumps(state()))

    monkeypatch.setattr(saving, "_FORKS", request.param)
    monkeypatch.setattr(saving, "_write", write)
    return tmp_path


def save(saver: Saver, seconds: float = 0.4, until: Path | None = None) -> None:
    """Let a saver work for a while, or until a file is there."""

    async def run() -> None:
        saving_it = asyncio.create_task(saver.run())
        if until is None:
            await asyncio.sleep(seconds)
        while until is not None and not until.exists():
            await asyncio.sleep(0.02)
        saving_it.cancel()
        saver.finish()

    asyncio.run(run())


def test_what_changed_is_saved_and_nothing_else(written: Path) -> None:
    saver = Saver(lambda: {"dynamodb": lambda: [1], "sqs": lambda: [2]}, pause=0.02)
    saver.changed({"dynamodb"})
    save(saver, until=written / "dynamodb")
    assert (written / "dynamodb").read_text() == "[1]"
    assert not (written / "sqs").exists()


def test_after_an_unknown_change_everything_but_logs_is_saved(written: Path) -> None:
    saver = Saver(lambda: {"dynamodb": lambda: 1, "iam": lambda: 2, "cloudwatch_logs": lambda: 3}, pause=0.02)
    saver.changed({"*"})
    save(saver)
    assert {path.name for path in written.iterdir() if path.is_file()} == {"dynamodb", "iam"}


def test_nothing_is_saved_while_nothing_changes(written: Path) -> None:
    save(Saver(lambda: {"dynamodb": lambda: 1}, pause=0.02), seconds=0.1)
    assert not (written / "dynamodb").exists()


def test_a_state_that_changes_while_it_is_copied_is_copied_again(
    written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saving, "_FORKS", False)
    attempts = iter([RuntimeError("changed size during iteration"), None])

    def state() -> int:
        if failure := next(attempts):
            raise failure
        return 7

    saver = Saver(lambda: {"dynamodb": state}, pause=0.02)
    saver.changed({"dynamodb"})
    save(saver, until=written / "dynamodb")
    assert (written / "dynamodb").read_text() == "7"


def test_what_could_not_be_saved_is_tried_again(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saving, "_FORKS", True)

    def state() -> int:
        if not (written / "tried").exists():
            (written / "tried").touch()
            raise OSError("disk full")
        return 7

    saver = Saver(lambda: {"dynamodb": state}, pause=0.02)
    saver.changed({"dynamodb"})
    save(saver, until=written / "dynamodb")
    assert (written / "dynamodb").read_text() == "7"
