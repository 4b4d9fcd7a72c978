"""Every test has folders of its own, and an environment without settings."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bridge_local.places import Places


@pytest.fixture(autouse=True)
def _clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("BRIDGE_", "AWS_", "ANTHROPIC_", "XDG_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def places(tmp_path: Path) -> Places:
    made = Places(tmp_path / "state")
    made.create()
    return made
