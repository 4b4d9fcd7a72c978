from __future__ import annotations

from pathlib import Path

import pytest

from bridge_local.fingerprint import fingerprint


@pytest.fixture
def app(tmp_path: Path) -> Path:
    root = tmp_path / "app"
    (root / "lambda" / "bridge").mkdir(parents=True)
    (root / "app.py").write_text("app")
    (root / "lambda" / "bridge" / "x.py").write_text("x")
    return root


def test_the_same_app_has_the_same_one(app: Path) -> None:
    before = fingerprint(app, {"env": "local", "auth": "none"})
    (app / "lambda" / "__pycache__").mkdir()
    (app / "lambda" / "__pycache__" / "x.pyc").write_text("compiled")
    (app / "README.md").write_text("words")
    assert fingerprint(app, {"auth": "none", "env": "local"}) == before


def test_a_changed_source_a_new_one_and_a_setting_each_change_it(app: Path) -> None:
    prints = [fingerprint(app, {})]
    (app / "lambda" / "bridge" / "x.py").write_text("y")
    prints.append(fingerprint(app, {}))
    (app / "lambda" / "bridge" / "z.py").write_text("")
    prints.append(fingerprint(app, {}))
    prints.append(fingerprint(app, {"auth": "none"}))
    assert len(set(prints)) == len(prints)
