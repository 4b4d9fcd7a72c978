"""A message that was received is hidden from others for a while: leased. Here nobody keeps a lease in vain.

The emulator goes on with a long poll whose client is gone, and would lease the next message to nobody, for
as long as the queue's visibility timeout, 15 minutes. And after a restart it keeps the leases of processes
that are no more. It reaches into MiniStack at one name: `ministack.services.sqs._queues`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Application = Callable[[Scope, Any, Any], Coroutine[Any, Any, None]]
Queue = MutableMapping[str, Any]


async def while_connected(application: Application, scope: Scope, receive: Any, send: Any) -> None:
    """Serve a request, and break it off if its client leaves."""
    complete = asyncio.Event()

    async def receive_and_see() -> Any:
        message = await receive()
        if not message.get("more_body"):
            complete.set()
        return message

    async def left() -> None:
        await complete.wait()
        while (await receive())["type"] != "http.disconnect":
            pass

    serving = asyncio.ensure_future(application(scope, receive_and_see, send))
    leaving = asyncio.ensure_future(left())
    try:
        await asyncio.wait({serving, leaving}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        leaving.cancel()
        if not serving.done():
            serving.cancel()
        await asyncio.wait({serving, leaving})
    if not serving.cancelled():
        serving.result()


def ended_at_start(application: Application) -> Application:
    """Wrap the application so that leases from before end once its state is loaded."""

    async def wrapped(scope: Scope, receive: Any, send: Any) -> None:
        async def send_after(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "lifespan.startup.complete":
                from ministack.services import sqs

                end([queue for _, queue in sqs._queues.all_items()])
            await send(message)

        await application(scope, receive, send_after if scope["type"] == "lifespan" else send)

    return wrapped


def end(queues: Iterable[Queue]) -> None:
    """Let every message that was received show up again."""
    now = time.time()
    for queue in queues:
        for message in queue["messages"]:
            if message["receive_count"]:
                message["visible_at"] = min(message["visible_at"], now)
