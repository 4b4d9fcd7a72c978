"""What the daemon says about itself, in `vitals.json`, for `up` to wait for and `status` to show."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bridge_local.record import write_json


@dataclass
class ProcessVitals:
    """A child of the daemon's. `ready`: it answers; `restarts`: how often it died and was started again."""

    pid: int = 0
    port: int = 0
    ready: bool = False
    restarts: int = 0
    trouble: str = ""


@dataclass
class Vitals:
    """The daemon, the processes that it minds, and what the feeder did."""

    pid: int = 0
    emulator: ProcessVitals = field(default_factory=ProcessVitals)
    model: ProcessVitals | None = None
    feeding: bool = False
    succeeded: int = 0
    failed: int = 0


def read(path: Path) -> Vitals:
    """Read what the daemon said last; nothing where it has not said anything."""
    try:
        told = json.loads(path.read_text())
        model = told.pop("model")
        emulator = ProcessVitals(**told.pop("emulator"))
        return Vitals(**told, emulator=emulator, model=ProcessVitals(**model) if model else None)
    except (OSError, ValueError, TypeError, KeyError):
        return Vitals()


def write(path: Path, vitals: Vitals) -> None:
    """Write it, in one step."""
    write_json(path, asdict(vitals))
