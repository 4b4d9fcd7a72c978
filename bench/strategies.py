"""The strategies that are compared: the bridge's own code, the original's window, and all there is.

Each goes through a conversation exchange by exchange, and is asked questions at its end; what it tells
Claude is a real prompt, which the simulated cache takes in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from bench.caching import MODEL, PRICES, SUMMARY_MODEL, Call, PromptCache, equivalents
from bridge.answering import Answering, Settings
from bridge.conversation import Exchange, RecallScope, SessionKey, Turn, Usage
from bridge.interruption import Interruption
from bridge.memory import prompt, summary, tokens
from bridge.memory.prompt import Parts, Prompt
from bridge.memory.recollection import Recollections
from bridge.memory.window import Window
from bridge.ports.claude import Completed, Piece, Text
from bridge.remembering import Remembering
from bridge.reminding import Reminding
from bridge.summarizing import Settings as SummarySettings
from bridge.summarizing import Summarizing
from tests.fake_turns import MemoryRequests, MemoryTurns
from tests.fakes import FakeClock, FakeGateway, MemoryArchive, MemorySessions, MemorySummaries

WINDOW = 8000
"""Characters of the default window, and of the original's."""

FULL_CONTEXT = 4 * 20_000
"""Characters of the window with context=full."""

RECALL_TOKENS = 1000

MEMORY_TTL = timedelta(days=30)
"""The default; elsewhere all that was said is kept."""

FOR_EVER = timedelta(days=3660)

MAX_OUTPUT_TOKENS = 8192

OWNER = "owner"


@dataclass(frozen=True, slots=True)
class Said:
    """An exchange of the data set as the bridge has it."""

    session: str
    at: datetime
    question: str
    answer: str


class Strategy(Protocol):
    """A way of telling Claude what was said."""

    def say(self, said: Said) -> Call:
        """Go through an exchange: the call that answers it."""
        ...

    def ask(self, question: str, at: datetime) -> Call:
        """Ask in a new session, where there are any, and keep nothing of it."""
        ...


class Bridge:
    """The bridge's own code over tables in memory; Claude says what the data set says.

    ``endless``: all is one session, whose window and summary live as long as the conversation.
    """

    def __init__(
        self,
        *,
        window: int = WINDOW,
        recall: RecallScope = "owner",
        memory_ttl: timedelta = FOR_EVER,
        endless: bool = False,
    ) -> None:
        self._recall, self._endless = recall, endless
        self._clock = FakeClock()
        self._claude = _Claude(self._clock)
        sessions = MemorySessions()
        archive = MemoryArchive(sessions, self._clock, memory_ttl)
        recollections = Recollections(archive, self._clock)
        parts = archive, lambda: recollections, RECALL_TOKENS
        settings = Settings(window, "", PRICES, MAX_OUTPUT_TOKENS)
        rest = self._claude, FakeGateway(), settings, self._clock
        self._answering = Answering(MemoryRequests(), MemoryTurns(), sessions, Reminding(*parts), *rest)
        unkept = _Unkept(sessions.headers, sessions.exchanges, sessions.summaries, sessions.heads)
        self._asking = Answering(MemoryRequests(), MemoryTurns(), unkept, _Unabsorbed(*parts), *rest)
        how = SummarySettings(SUMMARY_MODEL, PRICES, memory_ttl)
        summaries = MemorySummaries(sessions)
        self._summarizing = Summarizing(sessions, summaries, self._claude, how, self._clock)
        self._remembering = Remembering(archive, archive, memory_ttl, self._clock)

    def say(self, said: Said) -> Call:
        """Answer, then fold and tend, as the remember function does before the next turn."""
        turn = self._turn(said.session, said.question)
        call = self._answer(self._answering, turn, said.at, said.answer)
        folded = self._summarizing.fold(turn.key)
        self._remembering.tend(OWNER)
        return replace(call, summary=equivalents(SUMMARY_MODEL, folded.taken.usage)) if folded else call

    def ask(self, question: str, at: datetime) -> Call:
        """Ask in a session that is new, or at the end of the endless one."""
        return self._answer(self._asking, self._turn("asked", question), at, "OK.")

    def _turn(self, session: str, message: str) -> Turn:
        key = SessionKey(OWNER, "endless" if self._endless else session)
        return Turn(key, str(len(self._claude.calls)), message, MODEL, "bench", "original", self._recall)

    def _answer(self, answering: Answering, turn: Turn, at: datetime, answer: str) -> Call:
        self._clock.now, self._claude.reply = at, answer
        outcome = answering.answer(turn)
        failure = outcome.failure or outcome.recall_failure
        if failure is not None:
            raise failure
        return self._claude.calls[-1]


class _Claude:
    """Says what it is told to, and counts its input; notes are as long as a summary may be."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self._cache = PromptCache()
        self.reply = ""
        self.calls: list[Call] = []

    @contextmanager
    def answer(self, asked: Prompt, model: str, _: Interruption) -> Iterator[Iterable[Piece]]:
        if model == SUMMARY_MODEL:
            notes = f"Notes after call {len(self.calls)}. ".ljust(summary.MAX_CHARACTERS, "n")
            usage = PromptCache().call(asked, self._clock())
            usage += Usage(output_tokens=min(tokens.estimate(notes), summary.MAX_OUTPUT_TOKENS))
            yield [Text(notes), Completed("end_turn", usage, model)]
            return
        self.calls.append(Call(asked, self._cache.call(asked, self._clock())))
        yield [Text(self.reply), Completed("end_turn", self.calls[-1].usage, model)]


class _Unkept(MemorySessions):
    """Sessions in which what is asked leaves no trace."""

    def keep(self, exchange: Exchange, after: object, head: object = None, system: object = None) -> Exchange:
        return exchange


class _Unabsorbed(Reminding):
    """A reminding that does not learn from what is asked."""

    def absorb(self, key: SessionKey, exchanges: Iterable[Exchange]) -> None:
        pass


class Original:
    """One endless session, whose last characters are stuffed into the prompt as one text, uncached."""

    def __init__(self) -> None:
        self._told = ""
        self._cache = PromptCache()

    def say(self, said: Said) -> Call:
        """Ask with what was said last, and remember."""
        call = self.ask(said.question, said.at)
        self._told += f"{said.question}\n{said.answer}\n"
        return call

    def ask(self, question: str, at: datetime) -> Call:
        """Ask with what was said last."""
        blocks = [{"type": "text", "text": self._told[-WINDOW:]}, {"type": "text", "text": question}]
        asked = Prompt([], [{"role": "user", "content": blocks}])
        return Call(asked, self._cache.call(asked, at))


class Everything:
    """All that was ever said, verbatim; ``cached`` is the breakpoint at the end of the previous turn."""

    def __init__(self, cached: dict[str, str] | None) -> None:
        self._cached = cached
        self._said: list[Exchange] = []
        self._cache = PromptCache()

    def say(self, said: Said) -> Call:
        """Ask with all that was said, and remember."""
        call = self.ask(said.question, said.at)
        n = len(self._said) + 1
        self._said.append(Exchange(n, 1, said.at, str(n), said.question, said.answer, MODEL, "end_turn"))
        return call

    def ask(self, question: str, at: datetime) -> Call:
        """Ask with all that was said."""
        asked = prompt.build(Parts("", Window(tuple(self._said)), question, at))
        for block in (block for message in asked.messages for block in message["content"]):
            if block.pop("cache_control", None) and self._cached:
                block["cache_control"] = self._cached
        return Call(asked, self._cache.call(asked, at))


NAMED = "bridge, names in the questions"
"""Asked as the data set has the questions, with the speakers' names; all others as the owner would."""

ORIGINAL = "original"

STRATEGIES: dict[str, Callable[[], Strategy]] = {
    "bridge": Bridge,
    NAMED: Bridge,
    "bridge, memory_ttl 30 days": lambda: Bridge(memory_ttl=MEMORY_TTL),
    "bridge, recall off": lambda: Bridge(recall="off"),
    "bridge, context=full": lambda: Bridge(window=FULL_CONTEXT),
    "bridge, one session": lambda: Bridge(endless=True),
    "bridge, one session, context=full": lambda: Bridge(window=FULL_CONTEXT, endless=True),
    ORIGINAL: Original,
    "everything, uncached": lambda: Everything(None),
    "everything, cached 5 min": lambda: Everything({"type": "ephemeral"}),
    "everything, cached 1 h": lambda: Everything({"type": "ephemeral", "ttl": "1h"}),
}
