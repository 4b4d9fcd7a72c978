from __future__ import annotations

from pathlib import Path

import pytest

from bridge_local import minded_model, model_file
from bridge_local.minded_model import MindedModel
from bridge_local.ports import free_port, kept_or_free
from bridge_local.vitals import ProcessVitals


class _Child:
    """Stands in for a process; `made` holds every one."""

    made: list[_Child]

    def __init__(self, name: str, command: list[str], *, port: int, **_: object) -> None:
        self.command, self.told = command, [f"{name} at {port}"]
        self.vitals = ProcessVitals(port=port)
        _Child.made.append(self)

    def start(self) -> None:
        self.told.append("started")

    def check(self) -> None:
        self.told.append("checked")

    def stop(self, _: float) -> None:
        self.told.append("stopped")


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[_Child]:
    _Child.made = []
    monkeypatch.setattr(minded_model, "Child", _Child)
    monkeypatch.setattr(model_file, "path", lambda: tmp_path / "model.gguf")
    return _Child.made


def test_it_runs_where_it_is_wanted_once_its_model_is_here(made: list[_Child], tmp_path: Path) -> None:
    minded = MindedModel("summary model server", tmp_path / "log", "summaries")
    minded.mind(0)
    minded.mind(4567)
    assert minded.vitals is None
    (tmp_path / "model.gguf").touch()
    minded.mind(4567)
    minded.mind(4567)
    minded.mind(4568)
    minded.mind(0)
    assert minded.vitals is None
    assert [it.told for it in made] == [
        ["summary model server at 4567", "started", "checked", "checked", "stopped"],
        ["summary model server at 4568", "started", "checked", "stopped"],
    ]
    assert made[0].command[-3:] == [str(tmp_path / "model.gguf"), "4567", "summaries"]


def test_a_port_is_kept_while_nobody_else_has_it() -> None:
    free = free_port(40_000)
    assert kept_or_free(free, (), 1) == free
    assert kept_or_free(7, (7,), free) == 7
    assert kept_or_free(0, (), free) == free
