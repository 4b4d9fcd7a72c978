"""A fingerprint of everything that goes into a deployment: the same one means that nothing changed."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from bridge_local.record import emulator_version

_CONSTRUCT = "claude_context_bridge"
_SOURCES = ("app.py", "cdk.json", "requirements.txt", "stacks", _CONSTRUCT, "lambda")


def fingerprint(app_dir: Path, context: Mapping[str, str]) -> str:
    """Return the fingerprint of the app's sources, its context, and the emulator's version."""
    digest = hashlib.sha256(json.dumps([sorted(context.items()), emulator_version()]).encode())
    for root, source in _sources(app_dir):
        for file in _files(root / source):
            digest.update(str(file.relative_to(root)).encode())
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def _sources(app_dir: Path) -> Iterator[tuple[Path, str]]:
    """Yield the app's parts, with the construct from where it is installed if it is not among them."""
    yield from ((app_dir, source) for source in _SOURCES)
    if not (app_dir / _CONSTRUCT).is_dir() and (installed := importlib.util.find_spec(_CONSTRUCT)):
        yield from (
            (Path(folder).parent, _CONSTRUCT) for folder in installed.submodule_search_locations or ()
        )


def _files(start: Path) -> Iterator[Path]:
    found = [start] if start.is_file() else sorted(start.rglob("*"))
    for file in found:
        if file.is_file() and "__pycache__" not in file.parts and not file.name.startswith("."):
            yield file
