"""A storm: many turns at once while everything fails that can, and a look at what is left of them."""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections.abc import Callable
from typing import Protocol

from llmock.pytest_plugin import LLMock

from tests.chaos.audit import Audit, Report
from tests.chaos.aws_faults import aws_faults
from tests.chaos.library import LibraryClient
from tests.chaos.plan import Turn, plan
from tests.chaos.raw import RawClient
from tests.chaos.weather import Weather
from tests.e2e.deployed import Deployed

SESSIONS = 10
_LIMIT_SECONDS = 60
_LIMIT_SECONDS_A_TURN = 1.5
_SETTLED_SECONDS = 60
_PACE_MS = 15
_TELL_SECONDS = 5


class _Client(Protocol):
    async def take(self, turn: Turn, accepted: Callable[[], None]) -> None: ...

    async def close(self) -> None: ...


def storm(
    bridge: Deployed,
    llmock: LLMock,
    *,
    seed: int,
    size: int,
    progress: Callable[[str], None] = lambda line: None,
) -> Report:
    """Send ``size`` turns through a storm and return what became of them."""
    owner = f"storm-{uuid.uuid4().hex[:12]}"
    sessions = plan(seed, size, SESSIONS)
    turns = [turn for session in sessions for turn in session]
    since = len(bridge.recorder.calls), len(bridge.switchboard.asked)
    llmock.pace(_PACE_MS)
    bridge.gateway.lossy_disconnects = True
    with aws_faults(bridge.recorder) as aws:
        weather = Weather(bridge, llmock, aws)
        with contextlib.suppress(TimeoutError):  # what is not told by then is lost
            asyncio.run(_rage(bridge, owner, sessions, weather, progress))
        aws.set([])
        faults = weather.happened()
    bridge.gateway.lossy_disconnects = False
    _settle(bridge)
    return Audit(bridge, owner, turns, since).report(seed, faults)


async def _rage(
    bridge: Deployed,
    owner: str,
    sessions: list[list[Turn]],
    weather: Weather,
    progress: Callable[[str], None],
) -> None:
    token = bridge.token(owner, expires=3600)
    url = bridge.url
    clients: list[_Client] = [
        RawClient(url, token),
        LibraryClient(url, token),
        RawClient(url, token),
        LibraryClient(url, token),
    ]
    telling = asyncio.create_task(_tell(sessions, progress))
    try:
        limit = _LIMIT_SECONDS + _LIMIT_SECONDS_A_TURN * sum(map(len, sessions))
        async with asyncio.timeout(limit), asyncio.TaskGroup() as group:
            for number, session in enumerate(sessions):
                group.create_task(_converse(clients[number % len(clients)], session, weather))
    finally:
        telling.cancel()
        for client in clients:
            await client.close()


async def _converse(client: _Client, session: list[Turn], weather: Weather) -> None:
    """Send a session's turns: each when the one before has ended, or was accepted where that is hasty."""

    async def take(turn: Turn, accepted: asyncio.Event) -> None:
        with weather.over(turn):
            await client.take(turn, accepted.set)
        accepted.set()

    async with asyncio.TaskGroup() as group:
        for turn in session:
            accepted = asyncio.Event()
            taking = group.create_task(take(turn, accepted))
            await (accepted.wait() if turn.hasty else taking)


async def _tell(sessions: list[list[Turn]], progress: Callable[[str], None]) -> None:
    turns = [turn for session in sessions for turn in session]
    while True:
        await asyncio.sleep(_TELL_SECONDS)
        progress(f"{sum(turn.ended is not None for turn in turns)} of {len(turns)} turns have ended")


def _settle(bridge: Deployed) -> None:
    """Wait until the queue is empty: a turn that was told may have been killed before it was deleted."""
    sqs, url = bridge.aws("sqs"), bridge.status.outputs["QueueUrl"]
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    deadline = time.monotonic() + _SETTLED_SECONDS
    while time.monotonic() < deadline:
        left = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        if not any(int(number) for number in left.values()):
            return
        time.sleep(0.2)
