from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from bridge_local import leases

SCOPE: dict[str, Any] = {"type": "http"}


class Client:
    """Sends one body, and leaves when it is told to."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.queue.put_nowait({"type": "http.request", "body": b"{", "more_body": True})
        self.queue.put_nowait({"type": "http.request", "body": b"}", "more_body": False})
        self.got: list[Any] = []

    def leave(self) -> None:
        self.queue.put_nowait({"type": "http.disconnect"})

    async def send(self, message: Any) -> None:
        self.got.append(message)


async def body(receive: Any) -> None:
    while (await receive())["more_body"]:
        pass


def test_a_poll_whose_client_left_takes_nothing_any_more() -> None:
    async def run() -> bool:
        client, took = Client(), False

        async def poll(_: Any, receive: Any, __: Any) -> None:
            nonlocal took
            await body(receive)
            await asyncio.sleep(0.2)
            took = True

        asyncio.get_running_loop().call_later(0.02, client.leave)
        await leases.while_connected(poll, SCOPE, client.queue.get, client.send)
        await asyncio.sleep(0.3)
        return took

    assert asyncio.run(run()) is False


def test_a_poll_whose_client_waits_is_served() -> None:
    async def run() -> list[Any]:
        client = Client()

        async def poll(_: Any, receive: Any, send: Any) -> None:
            await body(receive)
            await asyncio.sleep(0.02)
            await send("message")

        await leases.while_connected(poll, SCOPE, client.queue.get, client.send)
        return client.got

    assert asyncio.run(run()) == ["message"]


def test_what_a_poll_raises_is_raised() -> None:
    async def poll(*_: Any) -> None:
        raise ValueError("no such queue")

    async def run() -> None:
        client = Client()
        await leases.while_connected(poll, SCOPE, client.queue.get, client.send)

    with pytest.raises(ValueError, match="no such queue"):
        asyncio.run(run())


def test_leases_end_and_delays_do_not() -> None:
    later = time.time() + 900
    leased = {"receive_count": 1, "visible_at": later}
    delayed = {"receive_count": 0, "visible_at": later}
    waiting = {"receive_count": 1, "visible_at": 5.0}
    leases.end([{"messages": [leased, delayed]}, {"messages": [waiting]}])
    assert float(leased["visible_at"]) <= time.time()
    assert delayed["visible_at"] == later
    assert waiting["visible_at"] == 5.0


def test_they_end_when_the_state_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Any] = []
    monkeypatch.setattr(leases, "end", lambda queues: told.append("ended"))

    async def application(_: Any, __: Any, send: Any) -> None:
        await send({"type": "lifespan.startup.complete"})

    async def send(message: Any) -> None:
        told.append(message["type"])

    asyncio.run(leases.ended_at_start(application)({"type": "lifespan"}, None, send))
    assert told == ["ended", "lifespan.startup.complete"]
