"""Ports on this machine: which are free, and who has those that are not."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Collection
from pathlib import Path

from bridge_local.errors import PortInUse

_LISTENING = "0A"


def is_free(port: int) -> bool:
    """Tell whether one can listen on the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port(start: int) -> int:
    """Return the first free port from `start` on; any free one where there is none in the next hundred."""
    for port in range(start, min(start + 100, 65_536)):
        if is_free(port):
            return port
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def kept_or_free(kept: int, ours: Collection[int], start: int) -> int:
    """Return the port that was kept (0: none), unless another program has it; else a free one."""
    return kept if kept and (kept in ours or is_free(kept)) else free_port(start)


def require_free(port: int) -> None:
    """Raise PortInUse, saying by whom where it can be seen."""
    if is_free(port):
        return
    raise PortInUse(
        f"port {port} is in use{_by_whom(port)}",
        hint="stop that, or choose another port: bridge local up --port N",
    )


def _by_whom(port: int) -> str:
    """Say who listens, as far as Linux's /proc tells this user."""
    inodes = set(_listening_inodes(port))
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            for descriptor in (process / "fd").iterdir():
                if os.readlink(descriptor) in inodes:
                    command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                    return f" by process {process.name} ({command.strip()[:80]})"
    return ""


def _listening_inodes(port: int) -> list[str]:
    found = []
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError):
            for line in Path(table).read_text().splitlines()[1:]:
                columns = line.split()
                if columns[3] == _LISTENING and int(columns[1].rpartition(":")[2], 16) == port:
                    found.append(f"socket:[{columns[9]}]")
    return found
