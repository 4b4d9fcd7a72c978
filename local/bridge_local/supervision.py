"""The daemon, seen from the commands: started, waited for, stopped."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time

from bridge_local import emulator, locks, vitals
from bridge_local.errors import DaemonFailed
from bridge_local.places import Places
from bridge_local.vitals import Vitals

_START_SECONDS = 60.0
_STOP_SECONDS = 90.0


# Daemons outlive whoever started them: their handles are kept, since Python complains of one that is dropped.
_started: list[subprocess.Popen[bytes]] = []


def running(places: Places) -> int | None:
    """Return the daemon's pid, or None where none runs."""
    return locks.holder(places.daemon_lock)


def start(places: Places) -> None:
    """Start the daemon, detached, and wait until the emulator answers. Raises DaemonFailed."""
    _wait_for_orphan(places)
    places.vitals.unlink(missing_ok=True)
    with places.log("daemon").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "bridge_local.daemon", str(places.root)],
            cwd=places.root,
            env=emulator.clean_environment() | _own_places(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    _started.append(process)
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise DaemonFailed("the daemon ended at once", hint=f"see {places.log('daemon')}")
        told = vitals.read(places.vitals)
        if told.pid == process.pid and told.emulator.ready:
            return
        time.sleep(0.05)
    stop(places)
    raise DaemonFailed(
        f"the emulator did not answer within {_START_SECONDS:.0f} s: {told.emulator.trouble}",
        hint=f"see {places.log('emulator')}",
    )


def wait_for_answers(places: Places, *, tiny: bool) -> Vitals:
    """Wait until the feeder and, where it is wanted, the model server are at work. Raises DaemonFailed."""
    deadline = time.monotonic() + _START_SECONDS
    while True:
        told = vitals.read(places.vitals)
        if told.feeding and (not tiny or (told.model and told.model.ready)):
            return told
        if time.monotonic() > deadline or running(places) is None:
            trouble = told.model.trouble if told.model else ""
            raise DaemonFailed(
                f"the local AWS did not get ready. {trouble}".strip(),
                hint=f"see {places.log('model')} and {places.log('daemon')}",
            )
        time.sleep(0.05)


def stop(places: Places) -> bool:
    """Stop the daemon and what it runs, and wait for it; returns whether one ran. Raises DaemonFailed."""
    pid = running(places)
    if pid is None:
        _wait_for_orphan(places)
        return False
    if pid:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_SECONDS
    while running(places) is not None:
        if time.monotonic() > deadline:
            raise DaemonFailed(
                f"the daemon (process {pid}) does not end", hint=f"kill {pid}; see {places.log('daemon')}"
            )
        time.sleep(0.05)
    for process in _started:
        if process.pid == pid:
            process.wait()  # its lock is let go a moment before it ends
    return True


def _wait_for_orphan(places: Places) -> None:
    """Wait for an emulator whose daemon was killed: it saves, and ends by itself."""
    deadline = time.monotonic() + _STOP_SECONDS
    while (pid := locks.holder(places.emulator_lock)) is not None:
        if time.monotonic() > deadline:
            raise DaemonFailed(f"an emulator from before (process {pid}) does not end", hint=f"kill {pid}")
        time.sleep(0.1)


def _own_places() -> dict[str, str]:
    """Return what tells the daemon where the cache is, and through what the functions reach AWS."""
    names = ("XDG_CACHE_HOME", emulator.FUNCTIONS_ENDPOINT)
    return {name: os.environ[name] for name in names if name in os.environ}
