"""The command line's client library, taking a storm's turns."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from bridge_cli.client import BridgeClient, Endpoint, Patience
from bridge_cli.errors import BridgeError, RequestFailed
from bridge_cli.events import Accepted, Answer
from tests.chaos.plan import MODEL, Turn

# People wait longer; a storm has no time to.
PATIENCE = Patience(
    reply=8, silence=4, gap=0.5, quiet=2, pong=2, pulse=0.5, backoff=0.2, longest_backoff=1, cancel=40
)


class LibraryClient:
    """One connection at a time, for several sessions' turns."""

    def __init__(self, url: str, token: str) -> None:
        self._client = BridgeClient(Endpoint(url, lambda: token), patience=PATIENCE)

    async def close(self) -> None:
        """Close it."""
        await self._client.close()

    async def take(self, turn: Turn, accepted: Callable[[], None]) -> None:
        """Take a turn to its end; ``accepted`` hears when it was taken in."""
        while turn.ended is None:
            turn.sends += 1
            try:
                await self._ask(turn, accepted)
            except RequestFailed as refused:
                await self._look_up(turn)
                if turn.ended is None and not turn.accepted and not refused.retryable:
                    turn.trouble.append(f"refused: {refused.code} {refused.message}")
                    turn.ended = "failed"
            except BridgeError:  # its patience is at an end, a storm's is not
                await self._look_up(turn)

    async def _ask(self, turn: Turn, accepted: Callable[[], None]) -> None:
        asking = self._client.ask(
            turn.message, session_id=turn.session, model=MODEL, request_id=turn.request_id
        )
        async with contextlib.aclosing(asking) as events:
            async for event in events:
                if isinstance(event, Accepted) and not turn.accepted:
                    turn.accepted = True
                    accepted()
                    if turn.cancelled:
                        self._client.stop(turn.request_id)
                if isinstance(event, Answer):
                    turn.accepted = True
                    turn.number, turn.text = event.turn, event.text
                    turn.ended = "cancelled" if event.stop_reason == "cancelled" else "answered"

    async def _look_up(self, turn: Turn) -> None:
        with contextlib.suppress(BridgeError):
            exchange = await self._client.finished(turn.session, turn.request_id)
            if exchange is not None:
                turn.accepted = True
                turn.number, turn.text = exchange.turn, exchange.answer
                turn.ended = "failed" if exchange.error else "answered"
                if exchange.stop_reason == "cancelled":
                    turn.ended = "cancelled"
        await asyncio.sleep(PATIENCE.backoff)
