"""What the daemon says about itself, in `vitals.json`, for `up` to wait for and `status` to show."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

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
    """The daemon, the processes that it minds, and what the feeders did.

    `succeeded` and `failed` count turns; `remembered`, `given_up` and `to_remember` changes of sessions.
    """

    pid: int = 0
    emulator: ProcessVitals = field(default_factory=ProcessVitals)
    model: ProcessVitals | None = None
    summary_model: ProcessVitals | None = None
    feeding: bool = False
    succeeded: int = 0
    failed: int = 0
    remembered: int = 0
    given_up: int = 0
    to_remember: int = 0


def read(path: Path) -> Vitals:
    """Read what the daemon said last; nothing where it has not said anything."""
    try:
        told = json.loads(path.read_text())
        emulator = ProcessVitals(**told.pop("emulator"))
        model, summary_model = (_process(told.pop(name)) for name in ("model", "summary_model"))
        return Vitals(**told, emulator=emulator, model=model, summary_model=summary_model)
    except (OSError, ValueError, TypeError, KeyError):
        return Vitals()


def _process(told: dict[str, Any] | None) -> ProcessVitals | None:
    return ProcessVitals(**told) if told else None


def write(path: Path, vitals: Vitals) -> None:
    """Write it, in one step."""
    write_json(path, asdict(vitals))
