"""Importing an archive: what is not there is put there, what is there stays as it is.

It goes on session by session, and may be broken off and said again at any time: what is there already and
the same is passed over.

Each exchange is named in its owner's memory before it is put, and once more afterwards. Before, since nothing
may be kept that whoever forgets everything would not find; afterwards, since a name whose exchange is not
there is taken out when the memory is tended. What is named twice is analysed and recalled once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from bridge_cli.archive_file import ArchiveFile, Part
from bridge_cli.archive_lines import HEADER, Entry
from bridge_cli.archive_table import HEAD_LASTS, NAMED_AT_ONCE, Memory, SessionsTable
from bridge_cli.archive_values import same
from bridge_cli.errors import BridgeError

MOST_WAITING = 100_000
"""Bytes of names that may wait in a memory's head before it is waited for: a head holds 400 KB, and what it
holds is written anew with every name."""

PAUSE = 3.0
"""Seconds between two looks at whether the names that wait have become fewer."""

MOST_LOOKS = 40
"""How often that is looked at in vain."""

_AT_ONCE = 8  # puts under way; each takes a way there and back


@dataclass(frozen=True)
class Refused:
    """What was left as it is in the table, and why."""

    owner: str
    session_id: str
    why: str


@dataclass
class Imported:
    """What became of an archive's items."""

    put: int = 0
    identical: int = 0
    expired: int = 0
    refused: list[Refused] = field(default_factory=list)


@dataclass
class _Comparison:
    """How a session of the archive stands to the table's of the same name, by `seq`."""

    living: int = 0
    expired: int = 0
    missing: set[int] = field(default_factory=set)
    differing: list[Entry] = field(default_factory=list)
    forgotten: bool = False
    held: bool = False
    """Whether the table holds anything of a session of that name."""

    @property
    def identical(self) -> int:
        return self.living - len(self.missing) - len(self.differing)

    def refusal(self) -> str | None:
        """Return why nothing of the session may be put; None where what is missing may."""
        if self.forgotten:
            return (
                "it was forgotten after this export. A forgotten session stays closed to imports for up to "
                "18 days; import it later, or with --owner"
            )
        turns = [entry.what for entry in self.differing if entry.is_exchange]
        if turns:
            return f"another conversation is there under this name: {_some(turns)} differs"
        if self.held and self.missing and not self.identical:
            return "another session is there under this name, which has nothing in common with it"
        return None


class Importer:
    """Puts an archive's sessions into a table, to `owner` where one is named.

    ``in_order``: an exchange only once those before it are there, so that what breaks off leaves a beginning.
    """

    def __init__(
        self,
        table: SessionsTable,
        archive: ArchiveFile,
        owner: str | None = None,
        progress: Callable[[str], None] = lambda line: None,
        *,
        in_order: bool = False,
    ) -> None:
        self._in_order = in_order
        self._table = table
        self._archive = archive
        self._owner = owner
        self._progress = progress
        self._memories: dict[str, Memory] = {}
        self._done = Imported()

    def run(self, parts: list[Part]) -> Imported:
        """Put these sessions of the archive. Raises BridgeError where it cannot go on."""
        named: set[str] = set()
        with ThreadPoolExecutor(_AT_ONCE) as workers:
            for number, part in enumerate(parts, start=1):
                if self._session(part, workers):
                    named.add(self._owner or part.owner)
                if number % 100 == 0:
                    self._progress(f"{number:,} of {len(parts):,} sessions …")
        for owner in sorted(named):
            self._table.nudge(owner)
        return self._done

    def _session(self, part: Part, workers: ThreadPoolExecutor) -> bool:
        """Put what is missing of a session; return whether any of it was named."""
        now = time.time()
        found = self._compare(part, now)
        self._done.expired += found.expired
        self._done.identical += found.identical
        if (why := found.refusal()) is not None:
            self._refuse(part, why)
            return False
        for entry in found.differing:
            self._refuse(part, f"its {entry.what} differs; the table's stays")
        if not found.missing:
            return False
        header: list[Entry] = []
        named = False
        for batch in _batches((entry for entry in self._entries(part) if entry.ttl > now), NAMED_AT_ONCE):
            header += [entry for entry in batch if entry.seq == HEADER and entry.seq in found.missing]
            turns = [entry for entry in batch if entry.is_exchange]
            missing = [entry for entry in batch if entry.seq in found.missing and entry.seq != HEADER]
            self._wait_for_room(part)
            self._name(turns)
            self._put(part, missing, workers)
            self._name([entry for entry in turns if entry.seq in found.missing])
            named = named or bool(turns)
        # Last of all: a session whose header is there is whole.
        self._put(part, header, workers)
        return named

    def _compare(self, part: Part, now: float) -> _Comparison:
        owner = self._owner or part.owner
        forgotten_until = self._memory(owner).forgot(part.session)
        there = self._table.entries(f"{owner}/{part.session}")
        found = _Comparison()
        other = _next(there, found, now)
        for entry in self._entries(part):
            if entry.ttl <= now:
                found.expired += 1
                continue
            found.living += 1
            found.forgotten = found.forgotten or entry.at <= forgotten_until
            while other is not None and other.seq < entry.seq:
                other = _next(there, found, now)
            if other is None or other.seq > entry.seq:
                found.missing.add(entry.seq)
            elif not same(entry.item, other.item):
                found.differing.append(entry)
        return found

    def _entries(self, part: Part) -> Iterator[Entry]:
        for entry in self._archive.entries(part):
            yield entry if self._owner is None else entry.of(self._owner)

    def _put(self, part: Part, entries: list[Entry], workers: ThreadPoolExecutor) -> None:
        now = time.time()
        put = map if self._in_order else workers.map
        for entry, there in zip(
            entries, put(lambda each: self._table.put(each.item, now), entries), strict=True
        ):
            if there is None:
                self._done.put += 1
            elif same(there, entry.item):
                self._done.identical += 1
            else:
                self._refuse(part, f"its {entry.what} differs from one that was written meanwhile")

    def _name(self, entries: list[Entry]) -> None:
        if not entries:
            return
        owner = entries[0].owner
        ttl = max(int(time.time()) + HEAD_LASTS, *(entry.ttl for entry in entries))
        self._memories[owner] = self._table.name(owner, {entry.name for entry in entries}, ttl)

    def _wait_for_room(self, part: Part) -> None:
        """Wait until the remember function has taken names out of a memory that many wait in."""
        owner = self._owner or part.owner
        looks = 0
        while (before := self._memory(owner).waiting) > MOST_WAITING:
            if looks == 0:
                self._table.nudge(owner)
                self._progress(f"Waiting until what was imported of {owner} is analysed …")
            if looks == MOST_LOOKS:
                raise BridgeError(
                    f"the memory of {owner} does not take in the {self._done.put:,} items put so far",
                    hint="Does the remember function run? Its log tells. Then say the same import again.",
                )
            time.sleep(PAUSE)
            self._memories[owner] = self._table.memory(owner)
            looks = looks + 1 if self._memories[owner].waiting >= before else 0

    def _memory(self, owner: str) -> Memory:
        if owner not in self._memories:
            self._memories[owner] = self._table.memory(owner)
        return self._memories[owner]

    def _refuse(self, part: Part, why: str) -> None:
        self._done.refused.append(Refused(self._owner or part.owner, part.session, why))


def _next(there: Iterator[Entry], found: _Comparison, now: float) -> Entry | None:
    """Return the next item of the table's that is not past its time."""
    for entry in there:
        if entry.ttl > now:
            found.held = True
            return entry
    return None


def _batches(entries: Iterable[Entry], size: int) -> Iterator[list[Entry]]:
    batch: list[Entry] = []
    for entry in entries:
        batch.append(entry)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _some(names: list[str]) -> str:
    shown = 3
    more = len(names) - shown
    return ", ".join(names[:shown]) + (f" and {more:,} more" if more > 0 else "")
