"""The answering, and what it asks the memory for, wired over the ports in memory."""

from __future__ import annotations

from bridge.answering import Answering, Settings
from bridge.memory.recollection import Recollections
from bridge.ports.claude import Claude
from bridge.ports.turns import Gateway
from bridge.reminding import Reminding
from tests.fake_turns import MemoryRequests, MemoryTurns
from tests.fakes import PRICES, FakeClock, MemoryArchive, MemorySessions


def reminding(sessions: MemorySessions, clock: FakeClock, budget: int = 1000) -> Reminding:
    """Return a warm memory of its own over `sessions`, as each function has one."""
    archive = MemoryArchive(sessions, clock)
    recollections = Recollections(archive, clock)
    return Reminding(archive, lambda: recollections, budget)


def answering(
    sessions: MemorySessions,
    claude: Claude,
    gateway: Gateway,
    clock: FakeClock | None = None,
    *,
    context_limit: int = 8000,
    system_prompt: str = "",
    turns: MemoryTurns | None = None,
    requests: MemoryRequests | None = None,
) -> Answering:
    """Return what answers turns over `sessions`."""
    clock = clock or FakeClock()
    settings = Settings(
        context_limit=context_limit, system_prompt=system_prompt, prices=PRICES, max_output_tokens=100
    )
    return Answering(
        requests or MemoryRequests(),
        turns or MemoryTurns(),
        sessions,
        reminding(sessions, clock),
        claude,
        gateway,
        settings,
        clock,
    )
