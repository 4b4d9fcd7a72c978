"""From what happens on a connection to the function of its route, with API Gateway's patience."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from tests.gateway import events
from tests.gateway.backend import DEFAULT_ROUTE, Backend, FunctionFailed, Route
from tests.gateway.clock import MovableClock

INTEGRATION_SECONDS = 29.0


@dataclass
class Visitor:
    """Who a connection belongs to, as the events tell it."""

    agent: str
    id: str = field(default_factory=events.new_id)
    connected_at: float = field(default_factory=time.time)


@dataclass(frozen=True)
class Admission:
    """What became of a handshake: a 2xx, and the subprotocol that `$connect` confirmed, or a refusal."""

    status: int
    body: str = ""
    subprotocol: str | None = None

    @property
    def granted(self) -> bool:
        """Tell whether the connection may be opened."""
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES


class Routing:
    """The routes of the attached API."""

    def __init__(self, clock: MovableClock) -> None:
        self._clock = clock
        self._backend: Backend | None = None

    def attach(self, backend: Backend) -> None:
        """Lead the routes to ``backend``."""
        self._backend = backend

    @property
    def stage(self) -> str:
        """The path of the API's stage."""
        return self._behind.stage

    @property
    def _behind(self) -> Backend:
        assert self._backend is not None, "nothing is attached yet"
        return self._backend

    async def connect(self, visitor: Visitor, path: str, headers: Mapping[str, str]) -> Admission:
        """Run `$connect`, while which the handshake waits."""
        context = self._context(visitor)
        if path.partition("?")[0].strip("/") != self.stage:
            return Admission(HTTPStatus.FORBIDDEN, _trouble("Forbidden", context))
        route = self._behind.routes.get("$connect")
        if route is None:
            return Admission(HTTPStatus.OK)
        try:
            answer = await self._run(route, events.connect(context, dict(headers)))
        except TimeoutError:
            return Admission(HTTPStatus.GATEWAY_TIMEOUT, _trouble("Endpoint request timed out", context))
        except FunctionFailed:
            return Admission(HTTPStatus.BAD_GATEWAY, _trouble("Internal server error", context))
        returned = {name.lower(): value for name, value in (answer.get("headers") or {}).items()}
        return Admission(
            int(answer.get("statusCode", 200)),
            str(answer.get("body") or ""),
            returned.get("sec-websocket-protocol"),
        )

    async def message(self, visitor: Visitor, text: str) -> str | None:
        """Run the route that a message's action selects; return what goes back to the client, if anything."""
        routes = self._behind.routes
        key = _action(text)
        if key not in routes:
            key = DEFAULT_ROUTE
        context = self._context(visitor)
        if key not in routes:
            return _trouble("Forbidden", context)
        try:
            answer = await self._run(routes[key], events.message(context, key, text))
        except TimeoutError:
            return _trouble("Endpoint request timed out", context)
        except FunctionFailed:
            return _trouble("Internal server error", context)
        body = answer.get("body") if isinstance(answer, dict) and routes[key].responds else None
        return str(body) if body else None

    async def disconnect(self, visitor: Visitor, code: int, reason: str) -> None:
        """Run `$disconnect`, whose outcome nobody hears of."""
        route = self._behind.routes.get("$disconnect")
        if route is not None:
            with contextlib.suppress(FunctionFailed, TimeoutError):
                await self._run(route, events.disconnect(self._context(visitor), code, reason))

    async def _run(self, route: Route, event: dict[str, Any]) -> Any:
        """Run a route's function. Raises TimeoutError where nobody waits for it any more."""
        running = asyncio.ensure_future(self._behind.invoke(route.function, event))
        timeout = asyncio.ensure_future(self._clock.sleep(INTEGRATION_SECONDS))
        try:
            await asyncio.wait({running, timeout}, return_when=asyncio.FIRST_COMPLETED)
            if not running.done():
                raise TimeoutError
            return running.result()
        except asyncio.CancelledError:  # the gateway closes
            running.cancel()
            raise
        finally:
            timeout.cancel()
            if not running.done():
                running.add_done_callback(lambda late: late.cancelled() or late.exception())

    def _context(self, visitor: Visitor) -> dict[str, Any]:
        behind = self._behind
        return events.context(behind.api_id, behind.stage, visitor.id, visitor.connected_at, visitor.agent)


def _trouble(message: str, context: dict[str, Any]) -> str:
    """Return a frame of the gateway's own."""
    ids = {"connectionId": context["connectionId"], "requestId": context["requestId"]}
    return json.dumps({"message": message, **ids})


def _action(text: str) -> str:
    """Return what ``$request.body.action`` selects; what is no JSON or has no action selects nothing."""
    try:
        action = json.loads(text)["action"]
    except (ValueError, LookupError, TypeError):
        return DEFAULT_ROUTE
    return action if isinstance(action, str) else DEFAULT_ROUTE
