"""What an owner said before that bears on a message: the warm memory of the functions that answer.

A function keeps the memories that it loaded. On every turn it is told the head as it stands, and
brings the memory up to it: segments that it lacks are loaded, exchanges that are in none yet are read
and analysed here, and what is gone from the head is never found again. What is recalled is read from
the table at last, so that nothing is quoted that is not there any more.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC

from bridge.conversation import Exchange
from bridge.memory import tokens
from bridge.memory.fence import Recalled, frame_tokens, quote_tokens
from bridge.memory.head import Head
from bridge.memory.named import names_in
from bridge.memory.query import MemoryQuery
from bridge.memory.recall import Hit, Message, RecallIndex
from bridge.memory.refs import Ref, digest, is_silent, message_id, ref_of, role_of
from bridge.ports.memory import Archive
from bridge.ports.speaking import Clock

MOST_READ = 75
"""Exchanges that wait and are read at once at most: with those that are quoted, DynamoDB's 100. Older
ones are in a segment by and by."""

MOST_QUOTED = 16
"""Exchanges that are quoted for a turn at most: each takes a read."""

LEAST_SHARE = 0.25
"""What a message must score to be recalled, as a share of the best one's."""

QUOTE_TOKENS = 12
"""About what a quotation's fence takes besides its text, for choosing before the text is known."""

MOST_WARM = 60_000
"""Messages that a function keeps in memory, over all owners: about 100 MB."""


def messages_of(ref: str, exchange: Exchange) -> list[Message]:
    """Return an exchange as the index takes it: one without an answer is nothing to be reminded of."""
    if exchange.answer is None:
        return []
    session = Ref.parse(ref).session
    return [
        Message(message_id(ref, entry["role"]), session, exchange.at, entry["role"], entry["content"])
        for entry in exchange.context
    ]


@dataclass(slots=True)
class _Memory:
    """One owner's memory, as far as this function knows it."""

    index: RecallIndex = field(default_factory=RecallIndex)
    refs: set[str] = field(default_factory=set)
    segments: dict[int, frozenset[str]] = field(default_factory=dict)

    def add(self, exchanges: Mapping[str, Exchange]) -> None:
        for ref in sorted(exchanges, key=lambda ref: (exchanges[ref].at, exchanges[ref].turn)):
            self.index.add(messages_of(ref, exchanges[ref]))
            self.refs.add(ref)

    def load(self, packed: bytes) -> frozenset[str]:
        """Take in what a segment holds; return the names that are in it."""
        refs = frozenset(map(str, names_in(packed) or ()))
        self.index.remove(message_id(ref, "user") for ref in refs if is_silent(ref))
        try:
            self.index.load(packed)
        except Exception:  # noqa: BLE001 - another version's, or damaged: until it is written anew
            return refs  # what is known of it already stands
        self.refs |= refs
        return refs

    def drop(self, refs: set[str]) -> None:
        self.index.remove(message_id(ref, role) for ref in refs for role in ("user", "assistant"))
        self.refs -= refs


class Recollections:
    """The memories of the owners that this function met last."""

    def __init__(self, archive: Archive, clock: Clock) -> None:
        self._archive = archive
        self._clock = clock
        self._warm: OrderedDict[str, _Memory] = OrderedDict()

    def recall(self, owner: str, head: Head, query: MemoryQuery) -> list[Recalled]:
        """Return what bears on a query, best first.

        Where the memory is warm it takes one read, or none where nothing comes to mind.
        """
        memory = self._memory(owner)
        try:
            return self._recall(memory, owner, head, query)
        finally:
            self._make_room()

    def _recall(self, memory: _Memory, owner: str, head: Head, query: MemoryQuery) -> list[Recalled]:
        head = self._catch_up(memory, owner, head)
        unknown = self._unknown(memory, head, query.told)
        wanted = {ref_of(hit.id) for hit in self._hits(memory, head, query)}
        if not unknown and not wanted:
            return []
        found = self._archive.exchanges(owner, unknown | wanted)
        if unknown:
            memory.add({ref: found[ref] for ref in unknown if ref in found})
        hits = self._hits(memory, head, query, among=found.keys())
        return _within(query, [_quote(hit, found[ref_of(hit.id)]) for hit in hits], self._clock)

    def absorb(self, owner: str, exchanges: Mapping[str, Exchange]) -> None:
        """Take in what this function heard itself, so that it need not be read."""
        memory = self._memory(owner)
        memory.add({ref: exchanges[ref] for ref in exchanges.keys() - memory.refs})
        self._make_room()

    def _memory(self, owner: str) -> _Memory:
        memory = self._warm.setdefault(owner, _Memory())
        self._warm.move_to_end(owner)
        return memory

    def _make_room(self) -> None:
        while len(self._warm) > 1 and sum(len(each.index) for each in self._warm.values()) > MOST_WARM:
            self._warm.popitem(last=False)

    def _catch_up(self, memory: _Memory, owner: str, head: Head) -> Head:
        memory.refs |= set(filter(is_silent, head.pending))  # there is no more to know of them
        whole = self._load(memory, owner, head)
        if not whole:
            # What the head names was replaced meanwhile: look again, once.
            head = self._archive.head(owner)
            whole = self._load(memory, owner, head)
        if whole:
            standing = set(head.pending).union(*memory.segments.values())
            memory.drop(memory.refs - standing)
        return head

    def _load(self, memory: _Memory, owner: str, head: Head) -> bool:
        """Bring the segments up to the head; tell whether all were there."""
        named = {segment.seq for segment in head.segments}
        for gone in memory.segments.keys() - named:
            del memory.segments[gone]
        missing = [segment for segment in head.segments if segment.seq not in memory.segments]
        if len(missing) == 1:
            # Most often it holds what this function heard itself, or what was in others before.
            rest = memory.refs.difference(head.pending, *memory.segments.values())
            if len(rest) == missing[0].exchanges and digest(rest) == missing[0].digest:
                memory.segments[missing[0].seq] = frozenset(rest)
                return True
        found = self._archive.segments(owner, missing) if missing else {}
        for seq, packed in found.items():
            memory.segments[seq] = memory.load(packed)
        return len(found) == len(missing)

    @staticmethod
    def _unknown(memory: _Memory, head: Head, told: Collection[str]) -> set[str]:
        unknown = [ref for ref in head.pending - memory.refs if ref not in told and not is_silent(ref)]
        return set(sorted(unknown, key=lambda ref: Ref.parse(ref).at)[-MOST_READ:])

    @staticmethod
    def _hits(
        memory: _Memory, head: Head, query: MemoryQuery, among: Collection[str] | None = None
    ) -> list[Hit]:
        """Return what to recall, as far as the budget may reach; the texts' lengths are known already."""
        hits = memory.index.search(query.text, query.limit, admits=_admitting(head, query, among))
        chosen: list[Hit] = []
        quoted: set[str] = set()
        room = query.budget
        for hit in hits:
            if hit.score < LEAST_SHARE * hits[0].score:
                continue
            if len(quoted) == MOST_QUOTED and ref_of(hit.id) not in quoted and room is not None:
                continue
            if room is not None:
                taken = QUOTE_TOKENS + (hit.end - hit.start) // tokens.BYTES_PER_TOKEN
                if taken > room:
                    continue
                room -= taken
            quoted.add(ref_of(hit.id))
            chosen.append(hit)
        return chosen


def _admitting(head: Head, query: MemoryQuery, among: Collection[str] | None) -> Callable[[str], bool]:
    prefix = f"{query.session}#" if query.session is not None else ""
    told = frozenset(query.told)

    def admits(message: str) -> bool:
        if prefix and not message.startswith(prefix):
            return False
        ref = ref_of(message)
        if ref in told or (among is not None and ref not in among):
            return False
        return not head.forgotten or head.holds(Ref.parse(ref))

    return admits


def _quote(hit: Hit, exchange: Exchange) -> Recalled:
    ref, role = Ref.parse(ref_of(hit.id)), role_of(hit.id)
    text = exchange.question if role == "user" else exchange.answer or ""
    passage = text[hit.start : hit.end].strip()
    return Recalled(ref.session, ref.turn, role, exchange.at.astimezone(UTC), passage, hit.score)


def _within(query: MemoryQuery, quotes: Iterable[Recalled], clock: Clock) -> list[Recalled]:
    """Return the quotes that fit the budget; one that does not leaves room for shorter ones."""
    if query.budget is None:
        return list(quotes)
    room = query.budget - frame_tokens(clock())
    chosen = []
    for quote in quotes:
        taken = quote_tokens(quote)
        if taken <= room:
            room -= taken
            chosen.append(quote)
    return chosen
