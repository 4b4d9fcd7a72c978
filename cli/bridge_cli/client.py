"""The bridge's client as a library.

    async with BridgeClient(Endpoint("wss://…/prod", lambda: token)) as bridge:
        async for event in bridge.ask("What did I call the launch?", session_id="plans"):
            ...  # Accepted, Delta (each only once, in order), Answer (with the whole text) at the end

Errors are BridgeError's. Several requests may be under way at once. A connection that breaks off is taken
up again: a question that was not accepted yet is sent once more under the same request_id, which the
bridge takes for the same, and the answer to an accepted one is resumed where it broke off (a bridge that
cannot do that has it in the session's history).

Who leaves an answer before its end, by being cancelled or by closing the iterator, has the bridge end it,
too: use `contextlib.aclosing` where the block may be left early. `cancel` ends it and lets the iterator go
on to the Answer, whose `stop_reason` is then "cancelled".
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import replace
from typing import Self

from bridge_cli import exchanges, protocol, requesting
from bridge_cli.asking import Asking
from bridge_cli.endpoint import Endpoint
from bridge_cli.errors import RequestFailed, UnexpectedFrame
from bridge_cli.events import (
    Accepted,
    Answer,
    Delta,
    Event,
    HistoryPage,
    Memories,
    Session,
    SessionsPage,
    UsagePage,
)
from bridge_cli.exchanges import Exchange
from bridge_cli.frames import message_frames
from bridge_cli.link import Link
from bridge_cli.memory import Memory
from bridge_cli.patience import Patience, new_request_id
from bridge_cli.protocol import Request
from bridge_cli.spending import SessionUsage

__all__ = ["BridgeClient", "Endpoint", "Patience", "new_request_id"]


class BridgeClient:
    """A conversation partner at an endpoint; an async context manager that connects on entry.

    `notice` is called with a line for the person when something is worth saying (a reconnect).
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        notice: Callable[[str], None] = lambda line: None,
        patience: Patience | None = None,
    ) -> None:
        self.patience = patience or Patience()
        self._link = Link(endpoint, self.patience, notice)
        self._askings: dict[str, Asking] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._closed = False

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def connect(self) -> None:
        """Open the connection unless it is open. Raises CannotConnect."""
        self._closed = False
        await self._link.ensure_open()

    async def close(self) -> None:
        """Close the connection; what the bridge still answers stays in its history.

        Answers that were left early are cancelled first, in `Patience.cancel` seconds at most.
        """
        if self._ending:
            await asyncio.wait(self._ending, timeout=self.patience.cancel)
        self._closed = True
        self._end_no_more()
        await self._link.close()

    def abandon(self) -> None:
        """Drop the connection at once, without waiting for anything; what is asked next opens another."""
        self._end_no_more()
        self._link.abandon()

    async def ask(
        self,
        message: str,
        session_id: str | None = None,
        *,
        model: str | None = None,
        recall: str | None = None,
        system: str | None = None,
        request_id: str | None = None,
    ) -> AsyncGenerator[Accepted | Delta | Answer]:
        """Ask Claude, and yield what comes: Accepted once, Delta's in order and each once, one Answer.

        `recall` says what else Claude is told of the past: "owner" (all that the owner said), "session" or
        "off"; without it the environment decides. `system` are the session's own instructions from this
        message on, behind the environment's, until another message names others; an empty text removes them.

        `request_id` names the question for `cancel`. Where the iterator is closed, or the task that waits for
        it is cancelled, before the Answer came, the bridge ends the turn and keeps what was said until then.

        Raises RequestFailed where the bridge or Claude answers with an error, MessageTooLarge before
        anything is sent, ConnectionLost where the answer cannot be had within the client's patience, and
        Interrupted where it was cancelled before the bridge had it, or did not end in time then.
        """
        query = protocol.Query(
            request_id=request_id or new_request_id(),
            message=message,
            session_id=session_id,
            model=model,
            recall=recall,
            system=system,
        )
        message_frames(protocol.encode(query))  # what is too large is said before anything is sent
        asking = Asking(self._link, query, self.patience, self.finished)
        self._askings[query.request_id] = asking
        try:
            async with contextlib.aclosing(asking.events()) as events:
                async for event in events:
                    yield event
        finally:
            self._askings.pop(query.request_id, None)
            if asking.under_way and not asking.cancelling and not self._closed:  # whoever asked has left
                ending = asyncio.create_task(asking.end())
                self._ending.add(ending)
                ending.add_done_callback(self._ending.discard)
            else:
                asking.close()

    def stop(self, request_id: str) -> bool:
        """Have the bridge end a question of this client's, and return whether such a one is under way.

        Nothing is waited for: `ask` goes on to the Answer. A question is ended as soon as the bridge has it.
        """
        asking = self._askings.get(request_id)
        if asking is None or asking.over:
            return False
        asking.cancel()
        return True

    async def cancel(self, request_id: str) -> None:
        """Have the bridge end a turn: what was said until then is kept, with the stop reason "cancelled".

        A question of this client's goes on to its Answer, as with `stop`. One that another client asked is
        being ended when this returns, or had ended before. Raises RequestFailed: `not_found` where the owner
        asked nothing under this request_id lately, `unknown_action` where the bridge is too old for it, or
        the error with which the turn had ended.
        """
        if not self.stop(request_id):
            await self.request(protocol.Cancel(request_id=request_id))

    async def history(
        self, session_id: str, *, before: str | None = None, limit: int | None = None
    ) -> tuple[list[Exchange], str | None]:
        """Return a page of whole exchanges, oldest first, and the mark of the page before it."""
        page = await self.history_page(session_id, before=before, limit=limit)
        return list(page.exchanges), page.before

    async def history_page(
        self, session_id: str, *, before: str | None = None, limit: int | None = None
    ) -> HistoryPage:
        """Return the same, with the session's own instructions on the page of the newest exchanges.

        Where the page begins inside an exchange that came in parts, the pages before are fetched until it
        is whole; so is the one before the first, where the session's instructions left that no room.
        """
        page = newest = await self._page(session_id, before, limit)
        entries = page.exchanges
        while (not entries or exchanges.begins_inside(entries)) and page.before is not None:
            page = await self._page(session_id, page.before, limit)
            entries = page.exchanges + entries
        return replace(page, exchanges=tuple(exchanges.joined(entries)), system=newest.system)

    async def instructions(self, session_id: str) -> str | None:
        """Return the session's own instructions that are in force; None where it has none.

        Raises RequestFailed (`not_found`) where there is no session of that name.
        """
        return (await self._page(session_id, None, 1)).system

    async def history_backwards(self, session_id: str) -> AsyncIterator[list[Exchange]]:
        """Yield all of a session's pages, the newest page first, each oldest first."""
        before: str | None = None
        while True:
            page, before = await self.history(session_id, before=before)
            yield page
            if before is None:
                return

    async def sessions(
        self, *, before: str | None = None, limit: int | None = None
    ) -> tuple[list[Session], str | None]:
        """Return a page of the owner's sessions, newest first, and the mark of the next one."""
        reply = await self.request(protocol.Sessions(request_id=new_request_id(), before=before, limit=limit))
        if not isinstance(reply, SessionsPage):
            raise UnexpectedFrame(f"asked for sessions, the bridge sent {type(reply).__name__}")
        return list(reply.sessions), reply.before

    async def recall(
        self, text: str, limit: int | None = None, session_id: str | None = None
    ) -> list[Memory]:
        """Return what the bridge remembers for a text, what bears on it most first.

        It looks through all that the owner and Claude said, or through one session. There may be fewer than
        `limit` (1 to 50; the bridge's default is 10). Raises MessageTooLarge before anything is sent.
        """
        request = protocol.Recall(request_id=new_request_id(), text=text, limit=limit, session_id=session_id)
        message_frames(protocol.encode(request))
        reply = await self.request(request)
        if not isinstance(reply, Memories):
            raise UnexpectedFrame(f"asked for memories, the bridge sent {type(reply).__name__}")
        return list(reply.memories)

    async def forget(self, session_id: str) -> int | None:
        """Forget a session and all that hangs on it, for good; return how many exchanges it had.

        That is 0 where there was nothing under that name, and None where it is not known: the request had to
        be sent again, and then nothing was left.
        """
        request = protocol.Forget(request_id=new_request_id(), session_id=session_id)
        exchanges, again = await requesting.forgotten(self._link, self.patience, request)
        return None if again and exchanges == 0 else exchanges

    async def forget_everything(self) -> int | None:
        """Forget all that the owner ever said, for good; return how many exchanges that was.

        None where it is not known: the request had to be sent again, as for a large memory, of which the
        bridge forgets a part at a time.
        """
        request = protocol.Forget(request_id=new_request_id(), everything=True)
        try:
            exchanges, again = await requesting.forgotten(self._link, self.patience, request)
        except RequestFailed as error:
            if error.code == "bad_request":  # one that knows sessions only, and misses the name of one
                error.hint = "The bridge is older than this client: whoever deployed it can update it."
            raise
        return None if again else exchanges

    async def usage(
        self, session_id: str | None = None, *, before: str | None = None, limit: int | None = None
    ) -> tuple[list[SessionUsage], str | None]:
        """Return what sessions took, newest first, and the mark of the next page; or what one session took.

        Only of one that is named it tells what its summaries took. Raises RequestFailed (`not_found`) where
        there is none of that name.
        """
        reply = await self.request(
            protocol.Usage(request_id=new_request_id(), session_id=session_id, before=before, limit=limit)
        )
        if not isinstance(reply, UsagePage):
            raise UnexpectedFrame(f"asked for the usage, the bridge sent {type(reply).__name__}")
        return list(reply.sessions), reply.before

    async def ping(self) -> float:
        """Return how long a ping took, in seconds."""
        begun = asyncio.get_running_loop().time()
        await self.request(protocol.Ping(request_id=new_request_id()))
        return asyncio.get_running_loop().time() - begun

    async def request(self, request: Request) -> Event:
        """Send what one frame answers, and return that.

        After a drop it is sent again: it only reads, or it may be done twice.
        """
        event, _ = await requesting.exchanged(self._link, self.patience, request)
        return event

    def _end_no_more(self) -> None:
        for ending in list(self._ending):
            ending.cancel()

    async def _page(self, session_id: str, before: str | None, limit: int | None) -> HistoryPage:
        reply = await self.request(
            protocol.History(request_id=new_request_id(), session_id=session_id, before=before, limit=limit)
        )
        if not isinstance(reply, HistoryPage):
            raise UnexpectedFrame(f"asked for a history, the bridge sent {type(reply).__name__}")
        return reply

    async def finished(self, session_id: str, request_id: str) -> Exchange | None:
        """Return the exchange that a question became; None while it is not among the newest."""
        try:
            page, _ = await self.history(session_id)
        except RequestFailed as error:
            if error.retryable or error.code == "not_found":  # a session begins when its first turn is kept
                return None
            raise
        return next((one for one in reversed(page) if one.request_id == request_id), None)
