"""One question over a link that may drop: sent until accepted, streamed, and resumed until it is answered.

What is due is worked out anew at each step, from what is known: over which connection the bridge heard of
this question last, and whether it has it. So a drop may come at any point, also while another one is mended.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import replace

from bridge_cli.course import MOST_IN_VAIN, MOST_SENDS, Course
from bridge_cli.errors import BridgeError, CannotConnect, ConnectionLost, Interrupted
from bridge_cli.events import Accepted, Answer, Delta, Event, Failure, Unknown
from bridge_cli.exchanges import Exchange
from bridge_cli.failures import failed, failure_of, kept
from bridge_cli.link import Dropped, Link
from bridge_cli.patience import Patience
from bridge_cli.protocol import Query
from bridge_cli.turn import Turn

MOST_LOOKS = 3
"""How often the history is looked into for a question that the bridge does not know."""

_UNRESUMABLE = frozenset({"not_found", "unknown_action", "bad_request"})
"""What a bridge says that cannot resume this question: it does not know it, or no resuming at all."""

FindExchange = Callable[[str, str], Awaitable[Exchange | None]]
Told = Accepted | Delta | Answer


class Asking:
    """A question under way. `find` looks an exchange up in a session's history, by its request_id."""

    def __init__(self, link: Link, query: Query, patience: Patience, find: FindExchange) -> None:
        self.over = False
        self.cancelling = False
        self._link = link
        self._query = query
        self._patience = patience
        self._find = find
        self._turn = Turn(query.request_id, query.session_id)
        self._course = Course(query, patience)
        self._replies = link.collect(query.request_id)
        self._give_up: float | None = None
        self._limit: asyncio.Timeout | None = None  # of the step that is being taken
        self._ended: Answer | None = None  # the answer's frame, where deltas before it are missing
        self._by_history: Failure | None = None  # why the bridge cannot resume it
        self._look = False  # the history is to be looked into now
        self._looks = 0

    @property
    def under_way(self) -> bool:
        """Whether the bridge may be working on it."""
        return self._course.sends > 0 and not self.over

    def close(self) -> None:
        """Listen no more."""
        self._link.ignore(self._query.request_id)

    def cancel(self) -> None:
        """Have the bridge end the turn, as soon as it has it; `events` goes on to its end."""
        if self.cancelling or self.over:
            return
        self.cancelling = True
        patience = self._patience.cancel if self._course.sends else 0
        self._give_up = asyncio.get_running_loop().time() + patience
        if self._limit is not None:
            with contextlib.suppress(RuntimeError):  # it has just run out
                self._limit.reschedule(self._give_up)
        self._replies.put(Unknown("cancel"))  # wakes who waits for a reply

    async def end(self) -> None:
        """Cancel the turn for somebody who no longer listens."""
        self.cancel()
        try:
            with contextlib.suppress(BridgeError):
                async for _ in self.events():
                    pass
        finally:
            self.close()

    async def events(self) -> AsyncGenerator[Told]:
        """Yield Accepted, the deltas in order, and the answer."""
        if self._give_up is None:
            self._progress()
        while not self.over:
            async with self._patiently():
                told = await self._step()
            for event in told:
                self.over = isinstance(event, Answer)
                yield event

    @contextlib.asynccontextmanager
    async def _patiently(self) -> AsyncGenerator[None]:
        """Let the block take no longer than there is patience for; what it raises is the end."""
        try:
            async with asyncio.timeout_at(self._give_up) as limit:
                self._limit = limit
                yield
        except TimeoutError:
            if not limit.expired():
                raise
            self.over = True
            raise self._out_of_patience() from None
        except BridgeError as error:
            self.over = True
            if self._turn.taken_in and isinstance(error, CannotConnect | ConnectionLost):
                error.hint = f"{error.hint} {kept(self._turn.session_id)}".strip()
            raise
        finally:
            self._limit = None

    async def _step(self) -> list[Told]:
        """Say what is due, and return what is to be told of what comes next."""
        course = self._course
        try:
            course.is_over(self._link.number)
            if course.due:
                await asyncio.sleep(course.pause())
                await self._link.ensure_open()
            await self._say()
            if self._look and (found := await self._looked_up()):
                return found
            event = await self._replies.next(self._wait())
        except Dropped as dropped:
            course.dropped(str(dropped), dropped.number, asyncio.get_running_loop().time())
            return []
        except TimeoutError:
            self._nothing_came()
            return []
        return await self._take(event)

    async def _say(self) -> None:
        course, turn = self._course, self._turn
        number = self._link.number
        while True:
            request = course.next(
                number,
                taken_in=turn.taken_in,
                cancelling=self.cancelling,
                resumable=self._by_history is None,
                last_seq=turn.last_seq,
            )
            course.due = False
            if request is None:
                return
            course.sends_now(request, number, asyncio.get_running_loop().time())
            await self._link.send(request)

    def _wait(self) -> float:
        """Return for how many seconds the next frame is waited for."""
        if self._course.held_until is not None:
            return max(self._course.held_until - asyncio.get_running_loop().time(), 0)
        if self._course.awaiting or not self._turn.taken_in:
            return self._patience.reply
        if self._by_history is not None:
            return self._course.backoff(self._looks)
        return self._patience.gap if self._ended else self._patience.silence

    def _nothing_came(self) -> None:
        course = self._course
        if course.held_until is not None:
            course.again()
        elif course.awaiting or not self._turn.taken_in:
            self._link.drop("no reply", course.heard_over)  # which comes back as Dropped
        elif self._by_history is not None:
            self._look = True
        elif self._ended is not None and course.in_vain >= MOST_IN_VAIN:
            self._turn_to_history(Failure("internal", "the answer comes without all its pieces"))
        else:
            course.in_vain += self._ended is not None
            course.due = True

    def _turn_to_history(self, why: Failure) -> None:
        self._by_history = why
        self._look = True

    def _progress(self) -> None:
        self._course.in_vain = 0
        if not self.cancelling:
            self._give_up = asyncio.get_running_loop().time() + self._patience.answer

    async def _take(self, event: Event) -> list[Told]:
        if not isinstance(event, Failure | Unknown):
            self._course.awaiting = False
        match event:
            case Accepted():
                if not self._turn.take_accepted(event):
                    return []
                self._progress()
                if self._course.sends > 1:
                    self._course.due = True  # it may have been taken in over an earlier connection
                return [event]
            case Delta():
                return self._take_delta(event)
            case Answer():
                return self._take_answer(event)
            case Failure():
                return await self._take_failure(event)
            case _:
                return []

    def _take_delta(self, event: Delta) -> list[Told]:
        text = self._turn.take_delta(event)
        if not text:
            return []
        self._progress()
        told: list[Told] = [replace(event, text=text)]
        if self._ended is not None and not self._turn.lacks_some_of(self._ended):
            told.append(self._turn.complete(self._ended))
        return told

    def _take_answer(self, event: Answer) -> list[Told]:
        turn = self._turn
        turn.note_end(event)
        first, self._ended = self._ended is None, self._ended or event
        if turn.is_another(event):
            self._turn_to_history(Failure("internal", "the answer is not what was streamed"))
        elif not turn.lacks_some_of(event):
            return [turn.complete(self._ended)]
        elif first:
            self._course.due = True  # its deltas come again
        return []

    async def _take_failure(self, failure: Failure) -> list[Told]:
        if failure.code == "conflict" and failure.retryable:  # it is just being taken in: no turn ends so
            if not self._course.hold(failure.retry_after, asyncio.get_running_loop().time()):
                raise failed(failure, hint=kept(self._turn.session_id))
            return []
        if not self._turn.taken_in:
            await self._mend(failure)
            return []
        if failure.request_id is None and not self._course.awaiting:
            return []  # it means another request of this connection
        if not self._course.acted:
            raise failed(failure)
        self._course.awaiting = False
        return await self._try_again(failure)

    async def _mend(self, failure: Failure) -> None:
        """Have the question sent again, where the bridge asks for just that; else raise what it says."""
        course = self._course
        if self.cancelling and course.unsure and failure.code == "not_found":
            raise Interrupted("cancelled before the bridge had the question")
        if failure.code == "unauthorized" and course.tries == 1:
            # It forgot the connection, or the token ran out: a new handshake brings a new one where it can
            self._link.drop("the bridge no longer knows it", course.heard_over)
        elif failure.code == "internal" and failure.retryable and course.tries < MOST_SENDS:
            # Nobody can say whether it was taken in: under its id it is, only once
            await asyncio.sleep(failure.retry_after or self._patience.backoff)
            course.again()
        else:
            raise failed(failure)

    async def _try_again(self, failure: Failure) -> list[Told]:
        """Go on where a resume or a cancel failed, or the turn did: the history tells which."""
        course = self._course
        if failure.code in _UNRESUMABLE:
            if self.cancelling and failure.code != "not_found":
                raise Interrupted("this bridge is too old to cancel a turn", hint=kept(self._turn.session_id))
            self._turn_to_history(failure)
            return []
        course.in_vain += 1
        if course.in_vain > MOST_IN_VAIN or not (failure.retryable or failure.code == "unauthorized"):
            raise failed(failure)
        if failure.code == "unauthorized":
            self._link.drop("the bridge no longer knows it", course.heard_over)
            return []
        if found := await self._looked_up(failure):
            return found
        await asyncio.sleep(min(failure.retry_after or self._patience.backoff, self._patience.silence))
        course.again()
        return []

    async def _looked_up(self, failure: Failure | None = None) -> list[Told]:
        """Return what the history tells: what is missing and the answer, or nothing yet; `failure` came."""
        self._look = False
        self._looks += 1
        exchange = await self._find(self._turn.session_id or "", self._query.request_id)
        if exchange is None:
            why = self._by_history
            if why is not None and why.code == "not_found" and self._looks >= MOST_LOOKS:
                raise failed(replace(why, message="the bridge no longer knows this question"))
            return []
        if exchange.error is not None:
            raise failed(failure_of(exchange.error, self._query.request_id, failure))
        return [*self._turn.told_by(exchange, self._ended)]

    def _out_of_patience(self) -> BridgeError:
        session = self._turn.session_id
        if self.cancelling and not self._course.sends:
            return Interrupted("cancelled before the question was sent")
        if self.cancelling:
            why = "the bridge did not say in time that the answer is cancelled"
            return Interrupted(why, hint=kept(session))
        why = f"no answer came within {self._patience.answer:g} s"
        return ConnectionLost(why, hint=f"`bridge history {session}` shows it, should it still come.")
