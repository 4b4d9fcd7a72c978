"""What clients, AWS and Claude do to the bridge, in any order, and then nothing more."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TypeVar

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.simulated.claims import Claims
from tests.simulated.claude import ENDINGS, Script
from tests.simulated.facts import DAY, number_of
from tests.simulated.remote import FAULTS
from tests.simulated.world import World

SESSIONS = {"ada": ("travel", "cooking"), "eve": ("travel",)}

Thing = TypeVar("Thing")

picks = st.integers(0, 30)
scripts = st.builds(Script, st.integers(1, 3), st.sampled_from((*ENDINGS, "completed", "completed")))

systems = st.sampled_from((None, None, "", "i1", "i2"))


def pick(things: Sequence[Thing], which: int) -> Thing:
    return things[which % len(things)]


class Bridge(RuleBasedStateMachine):
    """Each rule is one thing that happens; after each, and at the end, `Claims` are looked at."""

    world: World
    claims: Claims
    days = 0

    @initialize(context_limit=st.sampled_from((8000, 40)), daily_tokens=st.sampled_from((None, 10**9, 2500)))
    def begin(self, context_limit: int, daily_tokens: int | None) -> None:
        self.world = self.a_world(context_limit, daily_tokens)
        self.world.__enter__()
        self.claims = Claims(self.world)
        self._connect()

    def a_world(self, context_limit: int, daily_tokens: int | None) -> World:
        """Return the world in which it happens."""
        return World(context_limit=context_limit, daily_tokens=daily_tokens)

    def _connect(self) -> None:
        for owner in SESSIONS:
            if owner not in self.world.connections.values():
                self.world.connect(owner)

    def _let_pass(self, seconds: int, *, renewing: bool) -> None:
        self.world.wait(seconds, renewing=renewing)
        self._connect()

    def _connection(self, which: int, owner: str | None = None) -> str:
        return pick([name for name, of in self.world.connections.items() if owner in (None, of)], which)

    @rule(connection=picks, session=picks, script=scripts, system=systems, at_once=st.booleans())
    def ask(self, connection: int, session: int, script: Script, system: str | None, at_once: bool) -> None:
        name = self._connection(connection)
        sessions = SESSIONS[self.world.connections[name]]
        asking = self.world.ask(name, pick(sessions, session), script, system)
        if at_once:
            asking.go(1000)

    @precondition(lambda self: self.world.asked)
    @rule(
        which=picks,
        connection=picks,
        how=st.sampled_from(("query", "resume", "cancel")),
        at_once=st.booleans(),
    )
    def ask_about(self, which: int, connection: int, how: str, at_once: bool) -> None:
        asked = pick(self.world.asked[::-1], which)
        name = self._connection(connection, asked.owner)
        if how == "query":
            asking = self.world.query(name, asked)
        elif how == "resume":
            asking = self.world.resume(name, asked, asked.last_seq)
        else:
            asking = self.world.cancel(name, asked)
        if at_once:
            asking.go(1000)

    @rule(connection=picks, session=picks, everything=st.integers(0, 3), at_once=st.booleans())
    def forget(self, connection: int, session: int, everything: int, at_once: bool) -> None:
        name = self._connection(connection)
        named = pick(SESSIONS[self.world.connections[name]], session)
        asking = self.world.forget(name, None if everything == 3 else named)
        if at_once:
            asking.go(1000)

    @precondition(lambda self: self.world.line.ready())
    @rule(which=picks, calls=st.sampled_from((0, 0, 10, 1000)))
    def deliver(self, which: int, calls: int) -> None:
        answering = self.world.deliver(pick(self.world.line.ready(), which))
        if answering is not None:
            answering.go(calls)

    @precondition(lambda self: self.world.line.ready())
    @rule(which=picks, calls=st.integers(1, 16), fault=st.sampled_from(FAULTS))
    def deliver_and_fail(self, which: int, calls: int, fault: str) -> None:
        answering = self.world.deliver(pick(self.world.line.ready(), which))
        if answering is not None:
            answering.go(calls, fault=fault)
            self._let_pass(100, renewing=True)  # so that it comes again

    @precondition(lambda self: self.world.line.ready())
    @rule(which=picks, calls=st.integers(1, 14), again=st.integers(0, 20))
    def deliver_twice(self, which: int, calls: int, again: int) -> None:
        """Have two functions at one turn, since the hold of the first was lost."""
        message = pick(self.world.line.ready(), which)
        for some in (calls, again):
            answering = self.world.deliver(message) if message in self.world.line.ready() else None
            if answering is not None:
                answering.go(some)
                self._let_pass(100, renewing=False)

    @precondition(lambda self: self.world.line.ready())
    @rule(which=picks, calls=st.integers(1, 14), resumes=st.booleans(), moves=st.booleans())
    def ask_while_it_is_answered(self, which: int, calls: int, resumes: bool, moves: bool) -> None:
        message = pick(self.world.line.ready(), which)
        asked = self.world.asked[number_of(message.body) - 1]
        if moves and asked.home in self.world.connections:
            self.world.hang_up(asked.home)
            self._connect()
        answering = self.world.deliver(message)
        if answering is None:
            return
        answering.go(calls)
        name = self._connection(0, asked.owner)
        if resumes:
            self.world.resume(name, asked, asked.last_seq).go(1000)
        else:
            self.world.cancel(name, asked).go(1000)
        answering.go(1000)

    @precondition(lambda self: self.world.alive)
    @rule(
        which=picks,
        calls=st.integers(1, 25),
        prefer=st.sampled_from((None, "main", "outbox", "watch")),
        fault=st.sampled_from((None, *FAULTS)),
    )
    def go_on(self, which: int, calls: int, prefer: str | None, fault: str | None) -> None:
        pick(self.world.alive[::-1], which).go(calls, prefer, fault)

    @precondition(lambda self: self.world.alive)
    @rule(which=picks)
    def finish(self, which: int) -> None:
        pick(self.world.alive[::-1], which).go(1000)

    @rule(seconds=st.sampled_from((1, 6, 35, 100, 310, 1000)), renewing=st.booleans())
    def wait(self, seconds: int, renewing: bool) -> None:
        self._let_pass(seconds, renewing=renewing)

    @precondition(lambda self: self.days < 3)  # a queue keeps its messages for four
    @rule(sweeps=st.booleans())
    def wait_for_a_day(self, sweeps: bool) -> None:
        self.days += 1
        self._let_pass(DAY + 60, renewing=False)
        if sweeps:
            self.world.table.sweep(self.world.clock())

    @rule(which=picks)
    def hang_up(self, which: int) -> None:
        self.world.hang_up(self._connection(which))
        self._connect()

    @precondition(lambda self: len(self.world.connections) < 4)
    @rule(owner=st.sampled_from(tuple(SESSIONS)))
    def come_by_another_connection(self, owner: str) -> None:
        self.world.connect(owner)

    @precondition(lambda self: self.world.dead.messages)
    @rule()
    def redrive(self) -> None:
        self.world.redrive()

    @rule(owner=st.sampled_from(tuple(SESSIONS)), at_once=st.booleans())
    def tend(self, owner: str, at_once: bool) -> None:
        tending = self.world.tend(owner)
        if at_once:
            tending.go(1000)

    @invariant()
    def it_holds(self) -> None:
        if hasattr(self, "world"):
            self.claims.always()

    def rest(self) -> None:
        """Let everything come to its end without another fault, and every client come back."""
        world = self.world
        world.note("from here on nothing fails any more")
        self.settle()
        self.claims.at_rest()
        for asked in world.asked:
            if not asked.accepted:
                world.query(self._connection(0, asked.owner), asked).go(1000)
                self.settle()
        self.claims.at_rest()
        self.claims.who_comes_back_is_told()

    def settle(self) -> None:
        """Let everything run until nothing waits any more."""
        world = self.world
        for _ in range(200):
            for invocation in world.alive:
                invocation.go(1000)
            for message in world.line.ready():
                if (answering := world.deliver(message)) is not None:
                    answering.go(1000)
            if world.dead.messages:
                world.redrive()
            elif not world.line.messages and not world.alive:
                break
            elif not world.line.ready():
                world.wait(30, renewing=True)
            self.claims.always()
        world.wait(30, renewing=True)  # until whoever died while it took a request in is given up
        for owner in SESSIONS:
            world.tend(owner).go(1000)
        self.claims.always()

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            if sys.exc_info()[0] is None:
                self.rest()
        finally:
            self.world.__exit__()
            note("\n".join(self.world.trace))
