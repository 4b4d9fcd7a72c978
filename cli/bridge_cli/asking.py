"""One question over a link that may drop: sent until accepted, streamed, and completed from the history."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import replace

from bridge_cli.errors import ConnectionLost, RequestFailed
from bridge_cli.events import Accepted, Answer, Delta, Event, Failure
from bridge_cli.exchanges import Exchange
from bridge_cli.link import Dropped, Link, Replies
from bridge_cli.patience import Patience
from bridge_cli.protocol import Query
from bridge_cli.turn import Turn

MOST_SENDS = 3
"""How often a question that is not accepted is sent."""

FindExchange = Callable[[str, str], Awaitable[Exchange | None]]


def failed(failure: Failure) -> RequestFailed:
    """Return the error that a person is told for an `error` frame."""
    hint = _next_step(failure)
    return RequestFailed(
        failure.code,
        failure.message,
        request_id=failure.request_id,
        retryable=failure.retryable,
        retry_after=failure.retry_after,
        hint="" if failure.message.endswith(hint) else hint,  # many a message says what to do
    )


class Asking:
    """A question under way. `find` looks an exchange up in a session's history, by its request_id."""

    def __init__(self, link: Link, query: Query, patience: Patience, find: FindExchange) -> None:
        self._link = link
        self._query = query
        self._patience = patience
        self._find = find
        self._turn = Turn(query.request_id, query.session_id)
        self._sends = 0
        self._recovering = False  # what is still to come will not come over this connection
        self._wait = patience.backoff
        self._ended: Answer | None = None  # the answer's frame, where deltas before it are missing

    async def events(self) -> AsyncGenerator[Accepted | Delta | Answer]:
        """Yield Accepted, the deltas in order, and the answer."""
        with self._link.replies(self._query.request_id) as replies:
            loop = asyncio.get_running_loop()
            give_up = loop.time() + self._patience.answer
            while loop.time() < give_up:
                event = await self._next(replies)
                if isinstance(event, Failure) and await self._mended(event):
                    continue
                if event is not None:
                    give_up = loop.time() + self._patience.answer
                    for told in self._take(event):
                        yield told
                        if isinstance(told, Answer):
                            return
                elif self._turn.taken_in and (exchange := await self._look_up()) is not None:
                    if rest := self._turn.rest_of(exchange):
                        yield Delta(self._query.request_id, self._turn.next_seq, rest)
                    answer = self._ended or self._turn.answer_from(exchange)
                    yield replace(answer, text=exchange.answer)
                    return
        raise ConnectionLost(
            f"no answer came within {self._patience.answer:g} s",
            hint=f"`bridge history {self._turn.session_id}` shows it, should it still come.",
        )

    async def _next(self, replies: Replies) -> Event | None:
        """Return what comes next; None where the history should be looked into."""
        try:
            if not self._turn.taken_in and self._sends == 0:
                await self._send()
            return await replies.next(self._waiting_time())
        except Dropped as dropped:
            await self._take_up_again(str(dropped))
        except TimeoutError:
            if not self._turn.taken_in:
                await self._link.drop("no reply")  # which comes back as Dropped
        return None

    def _waiting_time(self) -> float:
        if self._recovering and self._turn.taken_in:
            wait, self._wait = self._wait, min(self._wait * 2, self._patience.longest_backoff)
            return wait
        return self._patience.silence if self._turn.taken_in else self._patience.reply

    async def _send(self) -> None:
        self._sends += 1
        await self._link.ensure_open()
        await self._link.send(self._query)

    async def _take_up_again(self, why: str) -> None:
        self._recovering = True
        self._wait = self._patience.backoff
        if self._turn.taken_in:
            await self._link.ensure_open()
            return
        while True:
            if self._sends >= MOST_SENDS:
                raise ConnectionLost(
                    f"the connection broke off {self._sends} times before the question was accepted ({why})",
                    hint="`bridge doctor` checks each step.",
                )
            try:
                await self._send()
            except Dropped:
                continue
            return

    async def _mended(self, failure: Failure) -> bool:
        """Return whether the question was, or will be, sent again: where the bridge asks for just that."""
        if self._turn.taken_in or self._sends >= MOST_SENDS:
            return False
        if failure.code == "unauthorized" and self._sends == 1:
            # It forgot the connection, or the token ran out: a new handshake brings a new one where it can
            await self._link.drop("the bridge no longer knows it")
            return True
        if failure.code == "conflict" and failure.retryable:  # the first sending is just being taken in
            await asyncio.sleep(failure.retry_after or self._patience.backoff)
            try:
                await self._send()
            except Dropped as dropped:
                await self._take_up_again(str(dropped))
            return True
        return False

    def _take(self, event: Event) -> list[Accepted | Delta | Answer]:
        match event:
            case Accepted():
                return [event] if self._turn.take_accepted(event) else []
            case Delta():
                text = self._turn.take_delta(event)
                return [replace(event, text=text)] if text else []
            case Answer() if self._turn.lacks_some_of(event):
                self._ended = event
                self._turn.session_id = event.session_id
                self._recovering = True
                return []
            case Answer():
                return [self._turn.complete(event)]
            case Failure():
                raise failed(event)
            case _:
                return []

    async def _look_up(self) -> Exchange | None:
        exchange = await self._find(self._turn.session_id or "", self._query.request_id)
        if exchange is not None and exchange.error is not None:
            raise failed(
                Failure(
                    exchange.error.get("code", "internal"),
                    exchange.error.get("message", "the turn failed"),
                    self._query.request_id,
                )
            )
        return exchange


def _next_step(failure: Failure) -> str:
    if failure.retry_after:
        return f"Try again in {failure.retry_after:g} s."
    if failure.retryable:
        return "Try again."
    return {
        "unauthorized": "`bridge token create` mints a token, `bridge doctor` reads yours.",
        "not_found": "`bridge sessions` lists what there is.",
        "unknown_action": "The bridge is older than this client: whoever deployed it can update it.",
    }.get(failure.code, "")
