"""`bridge config`, and the file behind it."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from bridge_cli.profiles import ProfileFile, masked
from tests.cli.conftest import Run
from tests.cli.fake_bridge import FakeBridge

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_setting_is_kept_in_a_file_of_mode_600(run: Run) -> None:
    assert run("config", "set", "url", "https://x.example/prod").exit_code == 0
    path = Path(run("config", "path").stdout.strip())
    assert path == Path.home() / ".config" / "claude-context-bridge" / "config.json"
    assert mode(path) == 0o600
    assert mode(path.parent) == 0o700
    assert run("config", "get", "url").stdout == "wss://x.example/prod\n"
    assert list(path.parent.iterdir()) == [path]


def test_a_token_is_never_on_the_command_line_nor_shown(run: Run) -> None:
    refused = run("config", "set", "token", TOKEN)
    assert refused.exit_code == 2
    assert TOKEN not in refused.output
    for arguments in (["config", "set", "token", "-"], ["config", "set", "token"]):
        assert run(*arguments, input=TOKEN + "\n").exit_code == 0
    assert ProfileFile().profile("default").token == TOKEN
    for arguments in (["config", "list"], ["config", "list", "--json"], ["config", "get", "token"]):
        told = run(*arguments)
        assert TOKEN not in told.output
        assert masked(TOKEN) in told.output


def test_profiles(run: Run) -> None:
    run("config", "set", "url", "wss://dev.example/dev")
    run("config", "set", "stack", "claude-context-bridge-prod", "--profile", "prod")
    assert "default (current)" in run("config", "list").stdout
    assert run("config", "use", "prod").exit_code == 0
    told = json.loads(run("config", "list", "--json").stdout)
    assert told["current"] == "prod"
    assert told["profiles"]["prod"] == {"stack": "claude-context-bridge-prod"}
    assert run("config", "get", "stack").stdout == "claude-context-bridge-prod\n"
    assert run("config", "unset", "stack").exit_code == 0
    assert run("config", "get", "stack").exit_code == 3
    assert run("config", "use", "nowhere").exit_code == 3


@pytest.mark.parametrize(
    "arguments",
    [["set", "colour", "red"], ["get", "colour"], ["set", "url", "nonsense"], ["set", "url", " "]],
)
def test_what_makes_no_sense_is_refused(run: Run, arguments: list[str]) -> None:
    assert run("config", *arguments).exit_code == 2


def test_nothing_is_lost_that_this_version_does_not_know(run: Run) -> None:
    path = ProfileFile().path
    path.parent.mkdir(parents=True)
    path.write_text('{"later": 1, "profiles": {"dev": {"colour": "red"}}}')
    path.chmod(0o600)
    run("config", "set", "url", "wss://x.example/dev", "--profile", "dev")
    assert json.loads(path.read_text())["later"] == 1
    assert json.loads(path.read_text())["profiles"]["dev"]["colour"] == "red"


def test_a_file_that_others_may_read_is_closed_and_that_is_said(bridge: FakeBridge, run: Run) -> None:
    file = ProfileFile()
    file.set("default", "token", TOKEN)
    file.path.chmod(0o644)
    told = run("ask", "Hi", "plans")
    assert mode(file.path) == 0o600
    assert "600" in told.stderr
    assert run("ask", "Hi", "plans").stderr == ""


@pytest.mark.parametrize("content", ["", "no json", "[]", '{"profiles": []}', '{"profiles": {"dev": 1}}'])
def test_a_damaged_file_is_told_and_left_alone(run: Run, content: str) -> None:
    path = ProfileFile().path
    path.parent.mkdir(parents=True)
    path.write_text(content)
    path.chmod(0o600)
    told = run("config", "set", "url", "wss://x.example/dev")
    assert told.exit_code == 3
    assert str(path) in told.stderr
    assert path.read_text() == content


def test_the_file_may_be_elsewhere_and_behind_a_link(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "dotfiles").mkdir()
    link = tmp_path / "link.json"
    link.symlink_to(tmp_path / "dotfiles" / "bridge.json")
    monkeypatch.setenv("BRIDGE_CONFIG", str(link))
    run("config", "set", "url", "wss://x.example/dev")
    assert link.is_symlink()
    assert "x.example" in (tmp_path / "dotfiles" / "bridge.json").read_text()


def test_a_profile_is_removed_with_all_it_holds(run: Run) -> None:
    run("config", "set", "url", "wss://dev.example/dev", "--profile", "dev")
    run("config", "set", "stack", "claude-context-bridge-prod", "--profile", "prod")
    run("config", "use", "prod")
    emptied = run("config", "unset", "stack")
    assert "bridge config remove prod" in emptied.stderr
    removed = run("config", "remove", "prod")
    assert removed.exit_code == 0
    assert "bridge config use" in removed.stderr
    told = json.loads(run("config", "list", "--json").stdout)
    assert told == {"current": "default", "profiles": {"dev": {"url": "wss://dev.example/dev"}}}
    assert run("config", "remove", "prod").exit_code == 3
    removed = run("config", "remove", "dev")
    assert "the only one" in removed.stderr
    assert "current one" not in removed.stderr
