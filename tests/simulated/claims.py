"""What holds of the bridge whatever fails: after every step, and once everything has come to rest."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from bridge.adapters.queue import HOLD_SECONDS, decode
from bridge.conversation import Exchange, SessionKey, Usage
from tests.fakes import request_id
from tests.simulated.facts import DAY, SESSIONS
from tests.simulated.told import Asked
from tests.simulated.world import World

_INTERRUPTED = "The bridge was interrupted"


class Claims:
    """Looks at a world; raises `AssertionError` with what is wrong."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._seen: set[tuple[SessionKey, int, str]] = set()
        self._reserved: dict[tuple[str, int], set[int]] = {}
        self._used: dict[str, tuple[int, int]] = {}

    def always(self) -> None:
        """Check what holds at any time."""
        world = self._world
        assert not world.wrongs, world.wrongs
        for key in self._keys():
            exchanges = world.exchanges(key)
            self._numbers_have_no_gap(key, exchanges)
            self._each_request_has_one_exchange(key, exchanges)
            self._nobody_went_ahead(key, exchanges)
            for exchange in exchanges:
                self._claude_said_it(exchange)
        for asked in world.asked:
            lives = len(world.lives(asked))
            # With its session a turn's record is forgotten: who had found it before then begins it anew.
            assert world.claude.asked[asked.number] <= lives or len(world.lasting(asked)) < lives, (
                f"Claude was asked again for r{asked.number}"
            )
            if asked.cancelled_waiting and lives == 1 and world.lasting(asked):
                assert not world.claude.asked[asked.number], f"r{asked.number} was cancelled while it waited"
            record = world.record(asked)
            if "reserved" in record:
                self._reserved.setdefault((asked.owner, asked.number), set()).add(int(record["reserved"]))
        counts = {
            item["session_id"]["S"]: int(item["used"]["N"])
            for item in world.table.items(SESSIONS)
            if "used" in item
        }
        for day in {*counts, *self._used}:
            # What was swept away was counted all the same.
            before, total = self._used.get(day, (0, 0))
            used = counts.get(day)
            self._used[day] = (0, total) if used is None else (used, total + used - before)
        self._claude_had_its_instructions()
        for told in world.claude.told:
            assert sum(map(len, told)) <= world.context_limit
            for text in told[1::2]:
                assert any(call.said.startswith(text) for call in world.claude.calls), text
        for invocation in world.invocations:
            left = [strand.name for strand in invocation.strands if not strand.over]
            assert not invocation.over or not left, f"{invocation.name} is over, and {left} goes on"
        for message in world.line.messages:
            if message.held:
                assert message.visible <= world.clock() + HOLD_SECONDS, "a session is blocked for too long"

    def at_rest(self) -> None:
        """Check what holds once nothing waits any more."""
        world = self._world
        assert not world.line.messages
        assert not world.dead.messages
        for key in self._keys():
            self._header_knows_all(key)
        for asked in world.asked:
            self._came_to_one_end(asked)
            self._who_stayed_was_told(asked)
        for owner in {asked.owner for asked in world.asked}:
            self._tokens_were_counted_once(owner)
        assert not world.wrongs, world.wrongs

    def who_comes_back_is_told(self) -> None:
        """Check what a client is told that resumes after all is over."""
        for asked in self._world.asked:
            self._who_comes_back_is_told(asked)
        assert not self._world.wrongs, self._world.wrongs

    def _keys(self) -> list[SessionKey]:
        return sorted({SessionKey(asked.owner, asked.session) for asked in self._world.asked}, key=str)

    def _numbers_have_no_gap(self, key: SessionKey, exchanges: list[Exchange]) -> None:
        numbers = [exchange.turn for exchange in exchanges]
        first = numbers[0] if numbers else 1
        assert numbers == list(range(first, first + len(numbers))), f"{key} has the turns {numbers}"

    def _each_request_has_one_exchange(self, key: SessionKey, exchanges: list[Exchange]) -> None:
        for asked_for, count in Counter(exchange.request_id for exchange in exchanges).items():
            asked = self._asked(asked_for)
            assert (asked.owner, asked.session) == (key.owner, key.name)
            alive = self._world.lasting(asked)
            assert count <= len(alive), (
                f"r{asked.number} is {count} exchanges, and was accepted {len(alive)} times"
            )

    def _nobody_went_ahead(self, key: SessionKey, exchanges: list[Exchange]) -> None:
        """Check that who is kept now was at the head of the line."""
        world = self._world
        kept = {exchange.request_id for exchange in exchanges}
        for exchange in exchanges:
            name = (key, exchange.turn, exchange.request_id)
            if name in self._seen:
                continue
            self._seen.add(name)
            waiting = [
                (message.place, turn)
                for message in world.line.messages
                if (turn := decode(message.body)).key == key
            ]
            number = self._asked(exchange.request_id).number
            if number in world.buried:
                continue  # it lost its place
            own = world.places[key.owner, number][0]
            for place, turn in waiting:
                ahead = place < own and turn.request_id not in kept
                assert not ahead or turn.accepted <= world.forgotten_until(key), (
                    f"r{number} was answered before {turn.request_id}, which came earlier"
                )

    def _claude_said_it(self, exchange: Exchange) -> None:
        number = self._asked(exchange.request_id).number
        calls = [call for call in self._world.claude.calls if call.number == number]
        if exchange.answer is None:
            return
        if exchange.stop_reason == "cancelled":
            assert self._asked(exchange.request_id).cancellers
            assert any(call.said.startswith(exchange.answer) for call in calls)
        else:
            assert any(call.whole and call.said == exchange.answer for call in calls)

    def _claude_had_its_instructions(self) -> None:
        """Check what Claude was told for those that named some; for the others it is what was in force."""
        for number, told in self._world.claude.systems:
            system = self._world.asked[number - 1].system
            assert system is None or told == ([system] if system else []), f"r{number}: {told}"

    def _header_knows_all(self, key: SessionKey) -> None:
        """Check what the next turn would find: a header may be behind, and is brought up to date."""
        exchanges = self._world.exchanges(key)
        if not exchanges or (self._world.now() - exchanges[-1].at).total_seconds() > DAY:
            return
        session = self._world.load(key).session
        own = [exchange for exchange in exchanges if exchange.first_turn == session.first_turn]
        assert session.turns == len(own), f"{session} of {own}"
        assert session.usage == sum((exchange.usage for exchange in own), Usage())
        named = [system for each in own if (system := self._asked(each.request_id).system) is not None]
        in_force = self._world.instructions(session) or ""
        assert in_force == (named or [""])[-1], f"{key} has {in_force!r}, and was told {named}"

    def _came_to_one_end(self, asked: Asked) -> None:
        world = self._world
        kept, alive = world.kept(asked), world.lasting(asked)
        if alive:
            assert 1 <= len(kept) <= len(alive), f"r{asked.number} came to {len(kept)} ends"
        else:
            assert not kept, f"r{asked.number} was forgotten, or never accepted: {kept}"

    def _who_stayed_was_told(self, asked: Asked) -> None:
        world = self._world
        lives = world.lives(asked)
        if len(lives) != 1 or any(_about(asked, what) for what in world.wire.faulted):
            return
        told = {connection for connection, _ in asked.ends}
        if not world.lasting(asked):
            if asked.number in world.buried or told or len(world.queued[asked.owner, asked.number]) > 1:
                return  # it was taken out of the dead letters, or the last message is told of
            if asked.resumes or asked.cancellers:
                return  # with the turn's record it is forgotten, too, who else waits for it
            told = set(asked.dropped)
        promised = set(asked.promised) if len(asked.cancellers) == 1 else set()
        if asked.home is not None:
            promised.add(asked.home)
        waiting = {name for name in promised if name in world.connections} - told
        assert not waiting, f"{waiting} waits for r{asked.number} forever"
        counts = [frame.get("deltas") for connection, frame in asked.ends if connection == asked.home]
        if asked.home in world.connections and counts and counts[-1] is not None:
            assert asked.text(counts[-1]) is not None, f"{asked.home} lacks some of r{asked.number}"

    def _who_comes_back_is_told(self, asked: Asked) -> None:
        world = self._world
        lives, lasting = world.lives(asked), world.lasting(asked)
        for last_seq in {0, asked.last_seq if len(lives) == 1 else 0}:
            reader = Asked(asked.owner, asked.number, asked.session, asked.message)
            reader.deltas = {seq: text for seq, text in asked.deltas.items() if seq <= last_seq}
            world.asked[asked.number - 1] = reader
            connection = world.connect(asked.owner)
            world.resume(connection, reader, last_seq).go(1000)
            world.asked[asked.number - 1] = asked
            if not lasting:
                assert not reader.ends, f"r{asked.number} was forgotten, and is told"
                assert world.refusals[connection] == "not_found", f"r{asked.number}"
                continue
            too_late = lasting[-1].accepted + (DAY - 60) * 1000 < 1000 * world.clock()
            if too_late or len(lives) > 1:
                continue  # its client looks into the history
            assert reader.ends, f"nobody is told any more how r{asked.number} ended"
            count = reader.ends[-1][1].get("deltas")
            (kept,) = world.kept(asked)
            if count is not None:
                assert reader.text(count) == (kept.answer or ""), f"r{asked.number}: {reader.deltas}"

    def _tokens_were_counted_once(self, owner: str) -> None:
        """Check that what was counted is, for each turn, what it took or what was set aside for it."""
        world = self._world
        if world.daily_tokens is None:
            return
        used = sum(
            count for day, (_, count) in self._used.items() if re.fullmatch(rf"budget#.*#{owner}", day)
        )
        sums = {0}
        for asked in world.asked:
            if asked.owner == owner:
                for _ in range(max(len(world.lives(asked)), world.claude.asked[asked.number])):
                    sums = {each + count for each in sums for count in self._counts(asked)}
        assert used in sums, f"{used} tokens are counted for {owner}, and not one of {sorted(sums)}"

    def _counts(self, asked: Asked) -> Iterator[int]:
        world = self._world
        reserved = self._reserved.get((asked.owner, asked.number), set())
        kept = world.kept(asked)
        usages = {each.usage.total for each in kept}
        if len(kept) == len(world.lives(asked)) and not any(_interrupted(each) for each in kept):
            yield from usages
            return
        # Forgotten, or interrupted: whoever answered it may have told what it took, or not.
        yield 0
        yield from reserved | usages
        for call in world.claude.calls:
            if call.number == asked.number:
                yield from call.counts

    def _asked(self, identity: str) -> Asked:
        (asked,) = (each for each in self._world.asked if request_id(each.number) == identity)
        return asked


def _about(asked: Asked, what: str) -> bool:
    """Tell whether a call is a post, or a reply, about a request."""
    return what.startswith(("posts", "replies")) and request_id(asked.number) in what


def _interrupted(exchange: Exchange) -> bool:
    return exchange.failure is not None and exchange.failure.message.startswith(_INTERRUPTED)
