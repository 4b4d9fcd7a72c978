"""The wheel and the sdist, built from the checkout into a folder."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

NAME = "claude-context-bridge"


@dataclass(frozen=True)
class Built:
    """What `make wheel` makes."""

    wheel: Path
    sdist: Path

    def required(self, *extras: str) -> str:
        """Return what an installer is asked for, to install the wheel with these extras."""
        return f"{NAME}[{','.join(extras)}] @ {self.wheel.as_uri()}"


def build(source: Path, into: Path) -> Built:
    """Build both from a checkout or an unpacked sdist, with the pinned builder and without a network."""
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", str(into)],
        cwd=source,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (wheel,), (sdist,) = into.glob("*.whl"), into.glob("*.tar.gz")
    return Built(wheel, sdist)


def unpack(sdist: Path, into: Path) -> Path:
    """Unpack an sdist; returns the folder that it holds."""
    with tarfile.open(sdist) as archive:
        archive.extractall(into, filter="data")
    (folder,) = into.iterdir()
    return folder


def pins(into: Path) -> Path:
    """Write what the checkout has pinned as constraints for an installer."""
    constraints = into / "constraints.txt"
    constraints.write_text("\n".join(_pins()) + "\n")
    return constraints


def _pins() -> Iterator[str]:
    for file in ("requirements.txt", "lambda/requirements.txt"):
        yield from re.findall(r"^[A-Za-z0-9][\w.-]*==.*", (ROOT / file).read_text(), re.MULTILINE)
