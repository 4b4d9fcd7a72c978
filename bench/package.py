"""The functions' asset as it is bundled, what it weighs, and the runtime's libraries beside it."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import platform
import shutil
import subprocess
import zipfile
from collections import Counter
from pathlib import Path

from claude_context_bridge.bundling import install, source_root

OUT = Path(__file__).resolve().parents[1] / "build" / "bench"
"""Where what was installed is kept for the next time; `make clean` removes it."""

MACHINE = "aarch64" if platform.machine() in ("arm64", "aarch64") else "x86_64"
"""This machine, as installers name it: what is timed here has to be made for it."""

_RUNTIMES_OWN = ("boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six", "urllib3")


def bundled(machine: str) -> Path:
    """Return the asset for a machine (`aarch64`, `x86_64`): pinned libraries, and the source as it is now.

    What was installed once is taken again as long as the requirements are the same.
    """
    requirements = source_root() / "requirements.txt"
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()[:16]
    libraries = OUT / f"libraries-{machine}-{digest}"
    if not libraries.is_dir():
        half = OUT / f"{libraries.name}.{os.getpid()}"
        install(requirements, half, machine)
        half.rename(libraries)
    asset = OUT / f"asset-{machine}"
    shutil.rmtree(asset, ignore_errors=True)
    shutil.copytree(libraries, asset)
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc", ".*", "requirements.in")
    shutil.copytree(source_root(), asset, dirs_exist_ok=True, ignore=ignored)
    return asset


def runtime(python: str) -> Path:
    """Return what Lambda's runtime brings: this environment's boto3, compiled as it is there."""
    folder = OUT / "runtime"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in _RUNTIMES_OWN:
        found = importlib.util.find_spec(name)
        if found is None or found.origin is None:
            raise SystemExit(f"error: {name}, which Lambda's runtime has, is not installed: run make venv")
        origin = Path(found.origin)
        if found.submodule_search_locations:
            ignored = shutil.ignore_patterns("__pycache__", "data")
            shutil.copytree(origin.parent, folder / name, ignore=ignored)
            if (origin.parent / "data").is_dir():
                (folder / name / "data").symlink_to(origin.parent / "data")
        else:
            shutil.copy(origin, folder)
    subprocess.run([python, "-m", "compileall", "-q", str(folder)], check=True)
    return folder


def with_bytecode(asset: Path, python: str) -> Path:
    """Return a copy of an asset that carries its bytecode, too."""
    compiled = asset.with_name(asset.name + "-compiled")
    shutil.rmtree(compiled, ignore_errors=True)
    shutil.copytree(asset, compiled)
    compile_all = ["-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", "-s", str(compiled)]
    subprocess.run([python, *compile_all, str(compiled)], check=True)
    return compiled


def sizes(asset: Path) -> tuple[int, int, list[tuple[str, int, int]]]:
    """Return an asset's bytes, zipped and not, and the same of its parts, the largest first.

    A part is a library; of the bridge's own code and of Powertools a folder or a file in it.
    """
    whole, parts, zipped = 0, Counter[str](), Counter[str]()
    path = asset.with_name(asset.name + ".zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(it for it in asset.rglob("*") if it.is_file()):
            archive.write(file, file.relative_to(asset))
        for entry in archive.infolist():
            part = _part(entry.filename)
            parts[part] += entry.file_size
            zipped[part] += entry.compress_size
            whole += entry.file_size
    in_all = path.stat().st_size
    path.unlink()
    return in_all, whole, [(part, zipped[part], size) for part, size in parts.most_common()]


def _part(name: str) -> str:
    first, *rest = name.split("/")
    if first == "bridge" and len(rest) > 2:
        return "/".join([first, *rest[:2]])
    if first in ("bridge", "aws_lambda_powertools") and len(rest) > 1:
        return "/".join([first, *rest[:1]])
    return first
