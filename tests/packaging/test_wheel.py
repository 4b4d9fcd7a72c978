"""What is in the wheel, what is not, and what an installation of the command line fetches."""

from __future__ import annotations

import email
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.packaging import building
from tests.packaging.building import ROOT, Built

COMMAND_LINE_BYTES = 25_000_000
"""The most that an installation of the command line may fetch: it is promised."""


@pytest.fixture(scope="module")
def contents(built: Built) -> dict[str, bytes]:
    """The wheel's files."""
    with zipfile.ZipFile(built.wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_it_carries_the_construct_the_functions_the_command_line_and_the_app(
    contents: dict[str, bytes],
) -> None:
    carried = {
        "claude_context_bridge": "claude_context_bridge",
        "lambda": "claude_context_bridge/_lambda",
        "cli/bridge_cli": "bridge_cli",
        "local/bridge_local": "bridge_local",
        "app.py": "bridge_local/_app/app.py",
        "cdk.json": "bridge_local/_app/cdk.json",
        "stacks": "bridge_local/_app/stacks",
    }
    expected = {
        f"{to}{str(path).removeprefix(str(ROOT / source))}"
        for source, to in carried.items()
        for path in [ROOT / source, *(ROOT / source).rglob("*")]
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert "claude_context_bridge/py.typed" in expected
    assert {name for name in contents if ".dist-info/" not in name} == expected


def test_it_carries_nothing_of_this_machine(contents: dict[str, bytes]) -> None:
    assert [name for name in contents if name.endswith((".pyc", ".pth")) or "test" in name.split("/")] == []
    assert [name for name, content in contents.items() if str(ROOT).encode() in content] == []


def test_the_sdist_makes_the_same_wheel(built: Built, tmp_path: Path) -> None:
    again = building.build(building.unpack(built.sdist, tmp_path / "unpacked"), tmp_path / "dist")
    assert again.wheel.read_bytes() == built.wheel.read_bytes()
    assert again.sdist.read_bytes() == built.sdist.read_bytes()


def test_its_description_leads_nowhere_that_only_a_repository_has(contents: dict[str, bytes]) -> None:
    (metadata,) = (content for name, content in contents.items() if name.endswith(".dist-info/METADATA"))
    told = email.message_from_bytes(metadata)
    described = str(told.get_payload())
    assert described.startswith("# Claude Context Bridge")
    assert re.findall(r"\]\((?!https?://)[^)]*\)", described) == []
    stated = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert told["Version"] == stated["version"]
    assert set(told.get_all("Provides-Extra", [])) == set(stated["optional-dependencies"])
    for extra in stated["optional-dependencies"]:
        assert f"`[{extra}]`" in described


def test_the_command_line_is_a_small_download(built: Built, constraints: Path, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--only-binary=:all:",
        "--dest",
        str(tmp_path),
    ]
    done = subprocess.run(
        [*command, "--constraint", str(constraints), built.required("cli")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    fetched = {path.name: path.stat().st_size for path in tmp_path.iterdir()}
    assert built.wheel.name in fetched
    largest = sorted(fetched.items(), key=lambda file: -file[1])[:5]
    print(f"{sum(fetched.values()):,} bytes; the largest: {largest}")
    assert sum(fetched.values()) < COMMAND_LINE_BYTES, largest
