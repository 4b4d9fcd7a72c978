"""A fingerprint of everything that goes into a deployment: the same one means that nothing changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from bridge_local.record import emulator_version

_SOURCES = ("app.py", "cdk.json", "requirements.txt", "stacks", "claude_context_bridge", "lambda")


def fingerprint(app_dir: Path, context: Mapping[str, str]) -> str:
    """Return the fingerprint of the app's sources, its context, and the emulator's version."""
    digest = hashlib.sha256(json.dumps([sorted(context.items()), emulator_version()]).encode())
    for file in _files(app_dir):
        digest.update(str(file.relative_to(app_dir)).encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def _files(app_dir: Path) -> Iterator[Path]:
    for source in _SOURCES:
        start = app_dir / source
        found = [start] if start.is_file() else sorted(start.rglob("*"))
        for file in found:
            if file.is_file() and "__pycache__" not in file.parts and not file.name.startswith("."):
                yield file
