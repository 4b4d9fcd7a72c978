"""Migrating: the original's sessions are put into a bridge's table as an import puts them.

For each session it is found out what of it is there; what is not becomes an archive of exchanges, which
`importing` puts there. They are put one after the other, so that a run that broke off leaves a beginning, and
the next one goes on behind it. At last the session is looked at once more: what is counted as there is there.
"""

from __future__ import annotations

import hashlib
import io
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from bridge_cli import migrating_exchanges as exchanges
from bridge_cli.archive_file import ArchiveFile, Part
from bridge_cli.archive_lines import HEADER, Entry
from bridge_cli.archive_table import Memory, SessionsTable
from bridge_cli.importing import Importer
from bridge_cli.migrating_header import header, is_behind, renewed
from bridge_cli.migrating_lifetimes import DAY, Lifetimes
from bridge_cli.migrating_messages import Message
from bridge_cli.migrating_report import BESIDE, Outcome, Report
from bridge_cli.migrating_source import Original

AT_ONCE = 50
"""Sessions that are looked at before the first of them is put; an original has 400 KB at most."""

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_REST = re.compile(r"[^A-Za-z0-9_.-]+")

_FORGOTTEN = (
    "it was forgotten, or everything was, within the last 18 days. To take it in all the same: "
    "--even-forgotten"
)
_FORGOTTEN_SINCE = "it was forgotten after its `last_updated`: leave out --keep-dates"
_TAKEN = "the bridge has a conversation of its own under this name. To put the original's beside it: --beside"
_CONTINUED = "it went on in the bridge after it was migrated, and in the original, too"


@dataclass(frozen=True)
class Choices:
    """What the command's options say. `apologies` are the beginnings of answers that are none."""

    owner: str
    lifetimes: Lifetimes
    apologies: tuple[str, ...] = ()
    keep_dates: bool = False
    beside: bool = False
    expired: bool = False
    even_forgotten: bool = False
    dry_run: bool = False


@dataclass(frozen=True)
class Plan:
    """What is to be done with a session: the entries to put, and a header that takes another's place."""

    original: Original
    outcome: Outcome
    put: tuple[Entry, ...] = ()
    renew: Entry | None = None


class Migration:
    """Migrates sessions into a table."""

    def __init__(
        self,
        table: SessionsTable,
        choices: Choices,
        progress: Callable[[str], None] = lambda line: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._table = table
        self._choices = choices
        self._progress = progress
        self._clock = clock
        self._report = Report()

    def run(self, originals: Iterable[Original]) -> Report:
        """Migrate sessions. Raises BridgeError where it cannot go on; said again, it goes on there."""
        for batch in _batches(originals, AT_ONCE):
            memory = self._table.memory(self._choices.owner)
            plans = [self._plan(original, memory) for original in batch]
            if not self._choices.dry_run:
                plans = self._carry_out(plans, memory)
            for plan in plans:
                self._report.add(plan.outcome, plan.original.left_out)
            if self._report.sessions["source"] % 500 == 0:
                self._progress(f"{self._report.sessions['source']:,} sessions …")
        return self._report

    def _plan(self, original: Original, memory: Memory) -> Plan:
        count = len(original.messages)
        outcome = Outcome(original.name, target_name(original.name), messages=count)
        if original.problem:
            return Plan(original, replace(outcome, status="skipped", why=original.problem, error=True))
        if original.expired and not self._choices.expired:
            why = "the original is past its `ttl`. To take it in all the same: --expired"
            return Plan(original, replace(outcome, status="skipped", why=why))
        if not count:
            return Plan(original, replace(outcome, status="empty"))
        plan = self._plan_under(original, outcome, memory)
        if plan.outcome.taken:
            target = target_name(original.name, BESIDE)
            beside = self._plan_under(original, replace(outcome, target=target), memory)
            begun = beside.outcome.exchanges_there > 0  # by a run that was told to
            plan = beside if self._choices.beside or begun else plan
        return plan

    def _plan_under(self, original: Original, outcome: Outcome, memory: Memory) -> Plan:
        """Plan a session under the name that its outcome says."""
        now = self._clock()
        there = list(self._table.entries(f"{self._choices.owner}/{outcome.target}"))
        told = (entry for entry in there if entry.seq >= HEADER and entry.ttl > now)
        living = [entry for entry in told if entry.at > memory.forgot(outcome.target)]
        turns = [entry for entry in living if entry.is_exchange]
        ours = [entry for entry in turns if exchanges.is_migrated(entry, original.name)]
        head = next((entry for entry in living if entry.seq == HEADER), None)
        if not ours and (turns or head is not None):
            return Plan(original, replace(outcome, status="skipped", why=_TAKEN, error=True, taken=True))
        if not ours and (why := self._closed(original, memory.forgot(outcome.target))):
            return Plan(original, replace(outcome, status="skipped", why=why, error=True))
        said = [message for entry in ours for message in exchanges.messages(entry)]
        begins = exchanges.first_message(ours[0]) if ours else 0
        try:
            found = exchanges.overlap(said, begins, original.messages)
        except ValueError as error:
            return Plan(original, replace(outcome, status="skipped", why=str(error), error=True, taken=True))
        known = replace(outcome, there=found.new - found.past, past=found.past)
        new = original.messages[found.new :]
        if not new:
            return self._nothing_new(original, known, ours, head, own=turns == ours)
        if turns != ours:
            why = f"{_CONTINUED}: {len(new):,} of its messages are not taken in. To put it beside: --beside"
            return Plan(original, replace(known, status="skipped", why=why, error=True, taken=True))
        return self._to_put(original, known, new, there, ours, head, begins + len(said))

    def _closed(self, original: Original, forgotten: int) -> str:
        """Return why what was forgotten is not taken in; -1: it was not."""
        if forgotten >= 0 and not self._choices.even_forgotten:
            return _FORGOTTEN
        begins = self._begins(original, len(original.messages), None)
        return _FORGOTTEN_SINCE if begins <= forgotten else ""

    def _nothing_new(
        self, original: Original, outcome: Outcome, ours: Sequence[Entry], head: Entry | None, *, own: bool
    ) -> Plan:
        """Plan what is all there; where a run broke off before the header, that is still to come."""
        done = replace(outcome, status="there", exchanges_there=len(ours))
        if not own:
            return Plan(original, done)
        if head is None:
            until = exchanges.migrated_at(ours[-1]) // 1000 + self._choices.lifetimes.session
            if until <= self._clock():  # it may have been there, and be past its time
                return Plan(original, done)
            return Plan(original, done, put=(header(self._choices.owner, ours, None, until), ours[-1]))
        behind = is_behind(head, ours[-1])
        return Plan(original, done, renew=renewed(head, ours, self._session_until()) if behind else None)

    def _to_put(
        self,
        original: Original,
        outcome: Outcome,
        new: Sequence[Message],
        there: Sequence[Entry],
        ours: Sequence[Entry],
        head: Entry | None,
        first_message: int,
    ) -> Plan:
        these = list(exchanges.pieces(new, self._choices.apologies))
        turn = max((entry.seq for entry in there if entry.is_exchange), default=0) + 1
        first = ours[-1] if ours else None
        place = exchanges.Place(
            partition=f"{self._choices.owner}/{outcome.target}",
            turn=turn,
            first_turn=int(first.item["first_turn"]["N"]) if first else turn,
            at=self._begins(original, len(these), first),
            lasts=self._choices.lifetimes.memory,
            source=original.name,
            last_updated=exchanges.iso(original.last_updated) if original.last_updated else "",
            first_message=first_message,
            migrated_at=int(self._clock() * 1000),
        )
        if self._choices.keep_dates and place.at / 1000 + place.lasts <= self._clock():
            why = (
                f"it is of {place.last_updated[:10]}, and the environment keeps what was said for "
                f"{place.lasts // DAY} days. Leave out --keep-dates, or set `memory_ttl_days` higher first"
            )
            return Plan(original, replace(outcome, status="skipped", why=why, error=True))
        try:
            made = list(exchanges.entries(these, place))
        except ValueError as error:
            return Plan(original, replace(outcome, status="skipped", why=str(error), error=True))
        done = replace(
            outcome,
            status="added" if ours else "migrated",
            written=len(new),
            exchanges=len(made),
            exchanges_there=len(ours),
        )
        turns = [*ours, *made]
        if head is not None:
            renew = renewed(head, turns, self._session_until())
            return Plan(original, done, put=(*ours[-1:], *made), renew=renew)
        before = next((entry for entry in there if entry.seq == HEADER), None)
        return Plan(
            original,
            done,
            put=(header(self._choices.owner, turns, before, self._session_until()), *ours[-1:], *made),
        )

    def _begins(self, original: Original, count: int, before: Entry | None) -> int:
        """Return the date of the first of new exchanges, in milliseconds; the last one is of now."""
        last = int(self._clock() * 1000)
        if self._choices.keep_dates and original.last_updated:
            last = min(last, original.last_updated)
        return max(last - count + 1, before.at + 2 if before else 0)

    def _session_until(self) -> int:
        return int(self._clock()) + self._choices.lifetimes.session

    def _carry_out(self, plans: list[Plan], memory: Memory) -> list[Plan]:
        """Put what is planned, and return the plans as they came out."""
        file, parts = _archive([plan for plan in plans if plan.put])
        why: dict[str, str] = {}
        if parts:
            done = Importer(self._table, file, None, self._progress, in_order=True).run(parts)
            why = {one.session_id: one.why for one in done.refused}
        for plan in plans:
            if plan.renew is not None and plan.outcome.target not in why:
                self._table.renew(plan.renew.item)  # where it was written meanwhile, the functions see to it
        return [self._checked(plan, memory, why) if plan.outcome.written else plan for plan in plans]

    def _checked(self, plan: Plan, memory: Memory, why: dict[str, str]) -> Plan:
        """Return a plan with what a look at the table shows to be there now."""
        target = plan.outcome.target
        partition = f"{self._choices.owner}/{target}"
        kept = {entry.seq: entry for entry in self._table.entries(partition) if entry.is_exchange}
        own = [entry for entry in plan.put if entry.is_exchange][-plan.outcome.exchanges :]
        held = [entry for entry in own if entry.seq in kept and kept[entry.seq].name == entry.name]
        if len(held) == len(own):
            return plan
        written = sum(1 for entry in held for _ in exchanges.messages(entry))
        lost = plan.outcome.written - written
        because = why.get(target, "the table does not hold them")
        told = f"{lost:,} of its messages could not be put: {because}. Say the same migration again"
        outcome = replace(
            plan.outcome, status="skipped", written=written, exchanges=len(held), why=told, error=True
        )
        return replace(plan, outcome=outcome)


def target_name(name: str, ending: str = "") -> str:
    """Return the name under which a session of the original's is migrated.

    One that the bridge does not take becomes one that it does, and that no other one becomes.
    """
    whole = name + ending
    if _NAME.fullmatch(whole):
        return whole
    short = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{_REST.sub('-', name)[:90]}-{short}{ending}"


def _archive(plans: Iterable[Plan]) -> tuple[ArchiveFile, list[Part]]:
    """Return the entries to put as an archive, and its sessions."""
    file = io.BytesIO()
    parts = []
    number = 1
    for plan in plans:
        entries = plan.put
        parts.append(Part(entries[0].owner, entries[0].session, len(entries), number, file.tell()))
        file.writelines(entry.line for entry in entries)
        number += len(entries)
    return ArchiveFile(file, "the migration"), parts


def _batches(originals: Iterable[Original], size: int) -> Iterator[list[Original]]:
    """Yield so many sessions at a time; one that may meet another under a name begins another batch."""
    batch: list[Original] = []
    claimed: set[str] = set()
    for original in originals:
        targets = {target_name(original.name), target_name(original.name, BESIDE)}
        if len(batch) == size or not claimed.isdisjoint(targets):
            yield batch
            batch, claimed = [], set()
        batch.append(original)
        claimed |= targets
    if batch:
        yield batch
