"""What `up` decided and deployed, in `local.json`: read by `up`, `down`, `status` and the daemon."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from bridge_local.errors import StateTooNew

FORMAT = 2


@dataclass
class Deployment:
    """What was deployed: the fingerprint of everything that went into it, and the stack's outputs."""

    fingerprint: str
    outputs: dict[str, str]


@dataclass
class Record:
    """The memory of one local AWS.

    `model_port` is that of the model on this machine, `summary_port` of the one beside it that writes the
    summaries. `settings` are those of `--set`, remembered. `answering` says who answers (see answering.py),
    `base_url` where the key that was given last is good, if not at Anthropic's.
    `deploying` is true from just before a deployment changes the emulator until it has succeeded.
    """

    port: int = 0
    model_port: int = 0
    summary_port: int = 0
    settings: dict[str, str] = field(default_factory=dict)
    answering: str = ""
    base_url: str = ""
    deployment: Deployment | None = None
    deploying: bool = False
    bootstrapped: bool = False


def emulator_version() -> tuple[int, ...]:
    """Return the installed emulator's version. Raises PackageNotFoundError where there is none."""
    return tuple(int(part) for part in version("ministack").split(".")[:3] if part.isdigit())


def read(path: Path) -> Record:
    """Read the record; an empty one where there is none. Raises StateTooNew."""
    try:
        kept: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError:
        return Record()
    except ValueError:
        raise StateTooNew(
            f"{path} cannot be read: it is damaged",
            hint=f"move {path.parent} away and run `bridge local up` again; what was said in it is lost",
        ) from None
    emulator = kept.pop("emulator", [])
    if kept.pop("format", 0) > FORMAT or _newer(tuple(emulator)):
        raise StateTooNew(
            f"{path.parent} was written by a newer version of the bridge or its emulator",
            hint="update this checkout (`git pull`, `make venv`), or choose another folder with --state-dir",
        )
    deployment = kept.pop("deployment", None)
    return Record(**kept, deployment=Deployment(**deployment) if deployment else None)


def _newer(emulator: tuple[int, ...]) -> bool:
    """Tell whether an emulator is newer than the one here; whoever has none only looks, and may."""
    try:
        return emulator > emulator_version()
    except PackageNotFoundError:
        return False


def write(path: Path, record: Record) -> None:
    """Write the record, in one step."""
    kept = {"format": FORMAT, "emulator": emulator_version(), **asdict(record)}
    write_json(path, kept)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON file in one step, readable by its owner only."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(content, file, indent=2)
    beside.replace(path)
