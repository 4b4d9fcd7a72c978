"""Exporting sessions: an owner's, or everybody's, as lines of JSON.

What a reader of the table would not be told is left out: what is past its `ttl`, and what was forgotten and
is still being removed. Nothing is kept in memory but the sessions' names.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from bridge_cli.archive_lines import FIRST_LINE, Entry, last_line
from bridge_cli.archive_table import Memory, SessionsTable
from bridge_cli.errors import BridgeError, NotConfigured
from bridge_cli.terminal import harmless


@dataclass
class Exported:
    """How much an archive holds."""

    sessions: int = 0
    exchanges: int = 0
    items: int = 0
    missing: list[str] = field(default_factory=list)
    """The names that were asked for, and of which there is nothing."""


def export(
    table: SessionsTable,
    owner: str | None,
    sessions: Collection[str],
    now: float,
    write: Callable[[bytes], object],
) -> Exported:
    """Write an archive of an owner's sessions, or of everybody's, or of those with these names only.

    `now` is in seconds since the epoch. Raises BridgeError.
    """
    done = Exported()
    memories: dict[str, Memory] = {}
    found: set[str] = set()
    write(FIRST_LINE)
    for partition in _partitions(table, owner, sessions):
        items = 0
        for entry in _living(table, partition, memories, now):
            write(_line(entry))
            items += 1
            done.exchanges += entry.is_exchange
        done.items += items
        done.sessions += items > 0
        if items:
            found.add(partition.rpartition("/")[2])
    write(last_line(done.sessions, done.items))
    done.missing = sorted(set(sessions) - found)
    return done


def check_found(done: Exported, owner: str | None) -> None:
    """Raise BridgeError where there is nothing of what was asked for: most likely a name is mistyped."""
    hint = "Is the name right, and the environment? `bridge sessions` lists an owner's sessions."
    whose = f" of {harmless(owner)}" if owner is not None else ""
    if done.missing:
        raise BridgeError(f"there is nothing{whose} under {', '.join(done.missing)}", hint=hint)
    if owner is not None and not done.sessions:
        raise BridgeError(f"there is no session{whose}", hint=hint)


def _partitions(table: SessionsTable, owner: str | None, sessions: Collection[str]) -> list[str]:
    if owner is not None and sessions:
        return sorted({f"{owner}/{session}" for session in sessions})
    found = table.partitions(owner)
    return sorted(each for each in found if not sessions or each.rpartition("/")[2] in sessions)


def _living(table: SessionsTable, partition: str, memories: dict[str, Memory], now: float) -> Iterator[Entry]:
    for entry in table.entries(partition):
        if entry.ttl <= now:
            continue
        if entry.owner not in memories:
            memories[entry.owner] = table.memory(entry.owner)
        if entry.at > memories[entry.owner].forgot(entry.session):
            yield entry


def _line(entry: Entry) -> bytes:
    try:
        return entry.line
    except ValueError as error:
        raise BridgeError(
            f"{entry.partition}, {entry.what}: {error}", hint="A newer version's? Update the command line."
        ) from error


@contextmanager
def written_whole(path: Path) -> Iterator[BinaryIO]:
    """Give a file to write to, mode 600; it stands at `path` once all is written, and not before.

    What is no regular file, such as /dev/stdout, is written to as it is. Raises NotConfigured.
    """
    try:
        if path.exists() and not path.is_file():
            with path.open("wb") as file:
                yield file
            return
        target = path.resolve()
        descriptor, beside = tempfile.mkstemp(prefix=f".{path.name}.", dir=target.parent)  # which is mode 600
        try:
            with os.fdopen(descriptor, "wb") as file:
                yield file
            os.replace(beside, target)
        except BaseException:
            with suppress(OSError):
                os.unlink(beside)
            raise
    except OSError as error:
        raise NotConfigured(f"{path} cannot be written: {error.strerror or error}") from error
