"""Requests that one frame answers, over a link that may drop."""

from __future__ import annotations

import asyncio

from bridge_cli import protocol
from bridge_cli.errors import ConnectionLost, RequestFailed, UnexpectedFrame
from bridge_cli.events import Event, Failure, Forgotten
from bridge_cli.failures import failed
from bridge_cli.link import Dropped, Link
from bridge_cli.patience import Patience
from bridge_cli.protocol import Request

_MOST_TRIES = 3


async def exchanged(link: Link, patience: Patience, request: Request) -> tuple[Event, bool]:
    """Return what answers a request, and whether it may have been done before, in vain.

    After a drop it is sent again: it only reads, or it may be done twice.
    """
    why = ""
    for attempt in range(_MOST_TRIES):
        try:
            await link.ensure_open()
            with link.replies(request.request_id) as replies:
                await link.send(request)
                event = await replies.next(patience.reply)
        except Dropped as dropped:
            why = f"the connection broke off ({dropped})"
            continue
        except TimeoutError:
            why = f"the bridge did not answer within {patience.reply:g} s"
            link.drop("no reply", link.number)
            continue
        if not isinstance(event, Failure):
            return event, bool(why)
        if event.code != "unauthorized" or attempt > 0:
            raise failed(event)
        link.drop("the bridge no longer knows it", link.number)
    raise ConnectionLost(f"{why}, {_MOST_TRIES} times", hint="`bridge doctor` checks each step.")


async def forgotten(link: Link, patience: Patience, request: protocol.Forget) -> tuple[int, bool]:
    """Return how many exchanges went, and whether more may have gone in an earlier try.

    While the bridge says that its time was too short it is asked again: it goes on where it was.
    """
    loop = asyncio.get_running_loop()
    give_up = loop.time() + patience.answer
    tries = 0
    while True:
        try:
            reply, again = await exchanged(link, patience, request)
        except RequestFailed as error:
            backoff = min(patience.backoff * 2.0 ** min(tries, 30), patience.longest_backoff)
            wait = error.retry_after or backoff
            if not error.retryable or loop.time() + wait > give_up:
                raise
            tries += 1
            await asyncio.sleep(wait)
            continue
        if not isinstance(reply, Forgotten):
            raise UnexpectedFrame(f"asked to forget, the bridge sent {type(reply).__name__}")
        return reply.exchanges, again or tries > 0
