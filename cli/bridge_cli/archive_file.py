"""An archive's file: looked through as a whole first, then read session by session."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from bridge_cli.archive_lines import MOST_LINE_BYTES, Entry, check_first, counts, read
from bridge_cli.errors import NotConfigured, UsageError


@dataclass(frozen=True)
class Part:
    """A session's lines: how many, and where the first one is, by its number and by bytes."""

    owner: str
    session: str
    lines: int
    first: int
    offset: int


class ArchiveFile:
    """An archive in a file that can be read twice."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file = file
        self._name = name

    def parts(self) -> list[Part]:
        """Look through the whole file, and return its sessions. Raises UsageError, which names the line."""
        self._file.seek(0)
        try:
            check_first(self._line())
        except ValueError as error:
            raise self._broken(1, str(error)) from None
        found: list[Part] = []
        before: tuple[str, int] = ("", 0)
        number, offset = 1, self._file.tell()
        while (told := counts(line := self._line())) is None:
            number += 1
            if not line:
                raise self._broken(number, "the file is not whole: its last line, the counts, is missing")
            entry = self._entry(number, line)
            if (entry.partition, entry.seq) <= before:
                raise self._broken(number, "it is out of order: lines are sorted by session and `seq`")
            if entry.partition != before[0]:
                found.append(Part(entry.owner, entry.session, 1, number, offset))
            else:
                last = found[-1]
                found[-1] = Part(last.owner, last.session, last.lines + 1, last.first, last.offset)
            before = entry.partition, entry.seq
            offset = self._file.tell()
        there = len(found), sum(part.lines for part in found)
        if told != there:
            why = "the file is not whole: {:,} sessions with {:,} items are counted, {:,} with {:,} are there"
            raise self._broken(number + 1, why.format(*told, *there))
        if self._line():
            raise self._broken(number + 2, "nothing may stand after the line with the counts")
        return found

    def entries(self, part: Part) -> Iterator[Entry]:
        """Yield a session's items. Raises UsageError where the file was changed meanwhile."""
        offset = part.offset
        for number in range(part.first, part.first + part.lines):
            self._file.seek(offset)
            entry = self._entry(number, self._line())
            offset = self._file.tell()
            if (entry.owner, entry.session) != (part.owner, part.session):
                raise self._broken(number, "the file was changed while it was read")
            yield entry

    def _line(self) -> bytes:
        return self._file.readline(MOST_LINE_BYTES)

    def _entry(self, number: int, line: bytes) -> Entry:
        if len(line) == MOST_LINE_BYTES:
            raise self._broken(number, "it is longer than any item")
        try:
            return read(line)
        except ValueError as error:
            raise self._broken(number, str(error)) from None

    def _broken(self, number: int, why: str) -> UsageError:
        return UsageError(
            f"{self._name}, line {number}: {why}", hint="What `bridge export` writes is to be left as it is."
        )


@contextmanager
def opened(path: str) -> Iterator[ArchiveFile]:
    """Open an archive; `-` is standard input. What can be read only once is copied first.

    Raises NotConfigured.
    """
    try:
        with nullcontext(sys.stdin.buffer) if path == "-" else Path(path).open("rb") as file:
            if path != "-" and file.seekable():
                yield ArchiveFile(file, path)
                return
            with tempfile.TemporaryFile() as copy:
                shutil.copyfileobj(file, copy)
                yield ArchiveFile(copy, "standard input" if path == "-" else path)
    except OSError as error:
        raise NotConfigured(f"{path} cannot be read: {error.strerror or error}") from error
