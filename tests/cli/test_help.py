"""Every command is explained with an example, and a wrong call says what is wrong."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

import pytest
import typer.main
from typer.testing import CliRunner

from bridge_cli.main import app
from tests.cli.conftest import Run

OWN_COMMANDS = {
    *["ask", "chat", "sessions", "history", "recall", "forget", "usage", "mcp", "doctor", "local"],
    *["logs", "top"],
    *["config", "config set", "config unset", "config get", "config list", "config use", "config remove"],
    *["config path"],
    *["token", "token create", "token revoke", "token revoked", "key", "key set"],
    *["dead-letters", "dead-letters list", "dead-letters redrive", "export", "import", "migrate"],
}


def walk(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    for name, sub in getattr(command, "commands", {}).items():
        yield " ".join([*path, name]), sub
        yield from walk(sub, (*path, name))


COMMANDS = dict(walk(typer.main.get_command(app)))


def test_the_commands_are_those_that_are_documented() -> None:
    assert set(COMMANDS) == OWN_COMMANDS


@pytest.mark.parametrize("command", ["", "local up", "local down", "local status", *sorted(OWN_COMMANDS)])
def test_the_help_of_every_command_has_an_example(run: Run, command: str) -> None:
    shown = run(*command.split(), "--help")
    assert shown.exit_code == 0
    assert f"bridge {command}".strip() in shown.output
    examples = shown.output.split("Example", 1)[1]
    assert "bridge" in examples


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_and_option_says_what_it_is_for(command: str) -> None:
    assert COMMANDS[command].help or COMMANDS[command].get_short_help_str()
    for parameter in COMMANDS[command].params:
        assert parameter.help, f"{command}: {parameter.name}"


@pytest.mark.parametrize("name", ["bridge", "ask-claude"])
def test_the_help_shows_the_name_it_was_called_by(name: str) -> None:
    shown = CliRunner().invoke(app, ["--help"], prog_name=name)
    assert f"Usage: {name} " in shown.output


def test_the_version_is_told(run: Run) -> None:
    shown = run("--version")
    assert shown.output.startswith("claude-context-bridge ")
    assert shown.exit_code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["unknown"],
        ["ask", "q", "--nope"],
        ["history"],
        ["history", "plans", "--limit", "0"],
        ["sessions", "-n", "51"],
    ],
)
def test_a_wrong_call_exits_with_2(run: Run, arguments: list[str]) -> None:
    assert run(*arguments).exit_code == 2


def test_local_says_how_to_install_it_where_it_is_missing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    shown = run("local", "up", "--set", "auth=none")
    assert shown.exit_code == 3
    assert "In a clone of the bridge: pip install '.[local]'" in shown.stderr
