"""Which CDK app `bridge local up` deploys, and what of it is watched for changes."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from bridge_local import fingerprint, places
from bridge_local.errors import ToolMissing


def checkout(root: Path) -> Path:
    for folder in ("stacks", "claude_context_bridge", "lambda", "local/bridge_local"):
        (root / folder).mkdir(parents=True)
    for file in ("app.py", "cdk.json"):
        (root / file).touch()
    return root


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The package as a wheel installs it, and a current folder that holds nothing."""
    package = tmp_path / "lib" / "site-packages" / "bridge_local"
    (package / "_app").mkdir(parents=True)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(places, "__file__", str(package / "places.py"))
    return package


def test_an_installed_package_deploys_the_app_that_it_brings(package: Path) -> None:
    assert places.app_dir() == package / "_app"


def test_in_a_checkout_the_checkouts_is_deployed(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = checkout(tmp_path / "clone")
    monkeypatch.chdir(here)
    assert places.app_dir() == here
    its_own = checkout(tmp_path / "other")  # which it is installed from
    monkeypatch.setattr(places, "__file__", str(its_own / "local" / "bridge_local" / "places.py"))
    assert places.app_dir() == its_own


def test_somebody_elses_cdk_app_is_left_alone(package: Path) -> None:
    (Path.cwd() / "stacks").mkdir()
    for name in ("app.py", "cdk.json"):
        (Path.cwd() / name).touch()
    assert places.app_dir() == package / "_app"


def test_no_app_at_all_says_what_to_do(package: Path) -> None:
    shutil.rmtree(package / "_app")
    with pytest.raises(ToolMissing, match="neither in this package nor") as caught:
        places.app_dir()
    assert "[local]" in caught.value.hint


def test_of_the_packaged_app_the_installed_construct_counts_too(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    construct = package.with_name("claude_context_bridge")
    (construct / "_lambda").mkdir(parents=True)
    for file in ("__init__.py", "_lambda/x.py"):
        (construct / file).touch()
    monkeypatch.syspath_prepend(package.parent)
    monkeypatch.delitem(sys.modules, "claude_context_bridge", raising=False)
    before = fingerprint.fingerprint(package / "_app", {})
    (construct / "_lambda" / "x.py").write_text("changed")
    assert fingerprint.fingerprint(package / "_app", {}) != before
