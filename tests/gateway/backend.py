"""What stands behind the gateway: the routes of a deployed API, and the functions that they lead to."""

from __future__ import annotations

import asyncio
import http.client
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

from bridge_local.aws import CallFailed, Connection

DEFAULT_ROUTE = "$default"
_CONCURRENCY = 6
"""How many functions run at once at most, on a machine of a few cores: each starts a process of its own. The
others wait, as long as the gateway does."""


class FunctionFailed(Exception):
    """A function raised, was killed, or could not be run."""


@dataclass(frozen=True)
class Route:
    """Which function a route leads to, and whether what it returns goes back to the client."""

    function: str
    responds: bool


class Backend(Protocol):
    """What the gateway needs of the rest of AWS."""

    api_id: str
    stage: str

    @property
    def routes(self) -> Mapping[str, Route]:
        """The routes by their keys."""

    async def invoke(self, function: str, event: Mapping[str, Any]) -> Any:
        """Run a function and return what it returns. Raises FunctionFailed."""


class InProcess:
    """Functions of this process, for tests of the gateway itself."""

    def __init__(
        self, functions: Mapping[str, Callable[[dict[str, Any]], Any]], *, silent: tuple[str, ...] = ()
    ) -> None:
        self.api_id, self.stage = "abc123", "test"
        self._functions = functions
        one_way = ("$connect", "$disconnect", *silent)
        self.routes = {name: Route(name, responds=name not in one_way) for name in functions}

    async def invoke(self, function: str, event: Mapping[str, Any]) -> Any:
        """Call it in a thread, as functions run side by side."""
        try:
            return await asyncio.to_thread(self._functions[function], dict(event))
        except Exception as failure:
            raise FunctionFailed(function) from failure


class Emulated:
    """The API as it was deployed into the emulator, whose control plane tells its routes.

    Which of them respond it cannot tell: the emulator does not know that resource, and `local` leaves it out.
    In every other environment it is `$default`.
    """

    def __init__(self, port: int, apigateway: Any, url: str) -> None:
        """``url`` is what the emulator's clients connect to: …/{api_id}/{stage}."""
        self.api_id, self.stage = url.rstrip("/").rsplit("/", 2)[1:]
        self._port = port
        self.routes = _routes(apigateway, self.api_id)
        self._threads = ThreadPoolExecutor(_CONCURRENCY, thread_name_prefix="route")

    async def invoke(self, function: str, event: Mapping[str, Any]) -> Any:
        """Run a function in the emulator."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._invoke, function, event)

    def _invoke(self, function: str, event: Mapping[str, Any]) -> Any:
        try:
            with Connection(self._port) as connection:
                succeeded, returned = connection.invoke(function, event)
        except (OSError, http.client.HTTPException, ValueError, CallFailed) as failure:
            raise FunctionFailed(function) from failure
        if not succeeded:
            raise FunctionFailed(f"{function}: {returned}")
        return returned


def _routes(apigateway: Any, api_id: str) -> dict[str, Route]:
    found = {}
    for route in apigateway.get_routes(ApiId=api_id)["Items"]:
        target = route["Target"].rpartition("/")[2]
        integration = apigateway.get_integration(ApiId=api_id, IntegrationId=target)
        arn = integration["IntegrationUri"].partition("/functions/")[2].removesuffix("/invocations")
        key = route["RouteKey"]
        found[key] = Route(arn.rpartition(":")[2], responds=key == DEFAULT_ROUTE)
    return found
