"""`bridge mcp` as an MCP client starts it: a process of its own, spoken to with the SDK's client."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp_types import CallToolResult, TextContent

ROOT = Path(__file__).parents[2]
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2VjcmV0LXNpZ25hdHVyZQ"
PROGRAM = "import sys; sys.argv[0] = 'bridge'; from bridge_cli.main import run; run()"


class Ai:
    """An AI with the bridge's tools. `progress` holds what came while a call ran."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.progress: list[tuple[float, str | None]] = []

    async def call(self, tool: str, **arguments: Any) -> CallToolResult:
        """Call a tool."""

        async def note(progress: float, total: float | None, message: str | None) -> None:
            self.progress.append((progress, message))

        return await self.client.call_tool(tool, arguments, progress_callback=note)

    async def use(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool that must not fail; return its structured result."""
        result = await self.call(tool, **arguments)
        assert not result.is_error, result.content
        assert isinstance(result.structured_content, dict)
        return result.structured_content

    async def fail(self, tool: str, **arguments: Any) -> str:
        """Call a tool that must fail; return what it says."""
        result = await self.call(tool, **arguments)
        assert result.is_error, result.content
        (content,) = result.content
        assert isinstance(content, TextContent)
        return content.text


class Assistants:
    """Starts AIs; `environment` is all that their servers know, `log` where standard error goes."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        self.environment = environment
        self.log = log

    @asynccontextmanager
    async def start(self, *arguments: str, mode: Any = "auto") -> AsyncIterator[Ai]:
        """Start a server with these arguments of `bridge mcp`, and connect to it."""
        parameters = StdioServerParameters(
            command=sys.executable,
            args=["-c", PROGRAM, "mcp", *arguments],
            env={"PYTHONPATH": f"{ROOT / 'cli'}:{ROOT / 'local'}"} | self.environment,
        )
        with self.log.open("a") as log:
            try:
                async with Client(stdio_client(parameters, errlog=log), mode=mode) as client:
                    yield Ai(client)
            except BaseExceptionGroup as group:  # what failed in the block, and not in which task groups
                raise _innermost(group) from None

    def run(self, work: Callable[[Ai], Coroutine[Any, Any, Any]], *arguments: str, mode: Any = "auto") -> Any:
        """Let one AI work, and return what comes of it."""

        async def started() -> Any:
            async with self.start(*arguments, mode=mode) as ai:
                return await work(ai)

        return asyncio.run(asyncio.wait_for(started(), 60))


def _innermost(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error
