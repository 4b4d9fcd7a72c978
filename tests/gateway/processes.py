"""Which of this machine's processes has a connection: the functions run as processes of the emulator.

Linux only: it reads /proc.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

PROC = Path("/proc")

# The name under which the emulator keeps what runs a function.
_WORKER = b"_worker.py"


def worker_at(port: int) -> int:
    """Return the pid of the function whose end of a TCP connection is ``port``. Raises LookupError."""
    socket = f"socket:[{_inode(port)}]"
    for folder in PROC.iterdir():
        if not folder.name.isdigit():
            continue
        with contextlib.suppress(OSError):  # it ended, or it is another user's
            if _WORKER in (folder / "cmdline").read_bytes() and socket in _open(folder):
                return int(folder.name)
    raise LookupError(f"no function's process has a connection at port {port}")


def _inode(port: int) -> str:
    for line in (PROC / "net" / "tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if int(fields[1].rpartition(":")[2], 16) == port and fields[9] != "0":
            return fields[9]
    raise LookupError(f"nobody has a connection at port {port}")


def _open(process: Path) -> set[str]:
    found = set()
    for descriptor in (process / "fd").iterdir():
        with contextlib.suppress(OSError):  # closed meanwhile
            found.add(os.readlink(descriptor))
    return found
