"""An environment that has nothing but what the wheel brings, on a machine that has no checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from bridge_local import places

UV = Path(sys.executable).with_name("uv")

# How a machine finds an index, and the way there: not what a checkout would be found by.
_OF_THE_NETWORK = (
    "PIP_",
    "UV_",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "SSL_CERT_",
    "NODE_EXTRA_CA_",
)

NOTHING: Mapping[str, str] = MappingProxyType({})

Done = subprocess.CompletedProcess[str]


@dataclass(frozen=True)
class Installed:
    """The environment, and the home and current folder of who works in it."""

    venv: Path
    home: Path
    folder: Path

    @property
    def python(self) -> Path:
        """Its Python."""
        return self.venv / "bin" / "python"

    def environment(self, also: Mapping[str, str]) -> dict[str, str]:
        """Return all that its processes get to know; what is fetched once is shared with the checkout's."""
        network = {
            name: value for name, value in os.environ.items() if name.upper().startswith(_OF_THE_NETWORK)
        }
        return network | {
            "PATH": f"{self.venv / 'bin'}:/usr/bin:/bin",
            "HOME": str(self.home),
            "XDG_CACHE_HOME": str(places.cache_dir().parent),
            "LANG": "C.UTF-8",
            **also,
        }

    def start(
        self, *command: str | Path, cwd: Path | None = None, also: Mapping[str, str] = NOTHING
    ) -> subprocess.Popen[str]:
        """Start a command; its output is read by `finished`."""
        return subprocess.Popen(
            [str(part) for part in command],
            cwd=cwd or self.folder,
            env=self.environment(also),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(
        self,
        *command: str | Path,
        cwd: Path | None = None,
        stdin: str = "",
        also: Mapping[str, str] = NOTHING,
    ) -> Done:
        """Run a command to its end, whatever that is."""
        return subprocess.run(
            [str(part) for part in command],
            cwd=cwd or self.folder,
            env=self.environment(also),
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )

    def told(self, program: str) -> Any:
        """Run a Python program, and return what it prints, as JSON."""
        return json.loads(succeeded(self.run("python", "-c", program)))


def install(folder: Path, required: str, constraints: Path) -> Installed:
    """Make the environment, and install into it what is required, and nothing else."""
    installed = Installed(folder / "venv", folder / "home", folder / "work")
    for path in (installed.home, installed.folder):
        path.mkdir()
    _uv("venv", "--python", sys.executable, installed.venv)
    _uv("pip", "install", "--python", installed.python, "--constraint", constraints, required)
    return installed


def _uv(*arguments: str | Path) -> None:
    # Not the checkout's environment, which VIRTUAL_ENV may name.
    kept = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    command = [str(UV), *map(str, arguments), "--quiet"]
    done = subprocess.run(command, env=kept, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def finished(process: subprocess.Popen[str]) -> str:
    """Wait for a command that has to succeed; returns what it printed."""
    printed, complained = process.communicate()
    return succeeded(subprocess.CompletedProcess(process.args, process.returncode, printed, complained))


def succeeded(done: Done) -> str:
    """Return what a command printed that has to succeed."""
    assert done.returncode == 0, f"{done.args}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


def emulated(port: int) -> Mapping[str, str]:
    """Return what makes the local AWS to be AWS."""
    return {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "000000000000",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_REGION": "us-east-1",
    }
