"""The way from a tool to the bridge: found when a tool first needs it, and again after a failure.

A server that cannot reach its bridge still starts, and each tool says what is to be done: an AI reads a
tool's error, and hardly ever a log.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from mcp.server.mcpserver.exceptions import ToolError

from bridge_cli.client import BridgeClient, Endpoint, Patience
from bridge_cli.errors import BridgeError, CannotConnect, ConnectionLost

PATIENCE = Patience(reconnect=30)
"""As a person's, but for a connection that does not come back: an AI can try again, or tell."""

_LOG = logging.getLogger(__name__)
_HINTS = {"not_found": "The tool `sessions` lists what there is."}


class Reach:
    """`find` returns the endpoint, and may ask AWS; `notice` tells whoever reads the log."""

    def __init__(self, find: Callable[[], Endpoint], notice: Callable[[str], None]) -> None:
        self._find = find
        self._notice = notice
        self._finding = asyncio.Lock()
        self._found: tuple[Endpoint, BridgeClient] | None = None

    @asynccontextmanager
    async def bridge(self) -> AsyncIterator[tuple[Endpoint, BridgeClient]]:
        """Give the endpoint and its client to the block; what goes wrong in it becomes a ToolError.

        After a failure to connect the endpoint is looked for anew by the next block: whoever mends the
        configuration or renews a token need not start the server again.
        """
        try:
            yield await self._ready()
        except BridgeError as error:
            if isinstance(error, CannotConnect | ConnectionLost):
                await self.close()
            raise ToolError(in_words(error)) from error
        except ToolError:
            raise
        except Exception as error:
            # The SDK would tell the model no more than the tool's name. What the error says may be anything,
            # so it stays in the log.
            _LOG.exception("a tool failed in a way that was not foreseen")
            raise ToolError(
                f"Something unexpected happened ({type(error).__name__}). Try again; if that does not help, "
                "the log of `bridge mcp`, its standard error, shows where."
            ) from error

    async def close(self) -> None:
        """Close the connection, if there is one."""
        found, self._found = self._found, None
        if found is not None:
            await found[1].close()

    async def _ready(self) -> tuple[Endpoint, BridgeClient]:
        async with self._finding:
            if self._found is None:
                endpoint = await asyncio.to_thread(self._find)
                self._found = endpoint, BridgeClient(endpoint, notice=self._notice, patience=PATIENCE)
            return self._found


def in_words(error: BridgeError) -> str:
    """Return an error for the model: what went wrong, and what it or its person can do."""
    message = error.message[:1].upper() + error.message[1:].rstrip(".") + "."
    hint = _HINTS.get(error.code, error.hint)
    return f"{message} {hint}".strip()
