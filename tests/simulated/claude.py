"""A Claude whose every word is drawn: it answers, fails before, fails in the middle, or falls silent."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bridge.conversation import Usage
from bridge.errors import UpstreamError
from bridge.interruption import Interrupted, Interruption
from bridge.memory.prompt import Prompt
from bridge.ports.claude import Completed, Piece, Started, Text
from tests.fakes import MODEL
from tests.simulated.remote import Wire
from tests.simulated.strands import Stage

ENDINGS = ("completed", "fails before", "fails", "breaks off", "falls silent", "refuses", "crashes")

_PATIENCE = 60.0
"""Seconds after which a silent Claude is given up."""

_NUMBER = re.compile(r"r(\d+)")


@dataclass(frozen=True, slots=True)
class Script:
    """What Claude makes of a message: so many ``pieces``, and then an ``ending``."""

    pieces: int
    ending: str


@dataclass(slots=True)
class Call:
    """A call: what was said in it, whether that was all, and what it took."""

    number: int
    said: str
    usage: Usage
    whole: bool = False

    @property
    def counts(self) -> set[int]:
        """What it may be taken to have cost, in tokens: as it told, or as is estimated of what was said."""
        estimates = {math.ceil(length / 4) for length in range(len(self.said) + 1)}
        return {self.usage.total, *(self.usage.input_tokens + each for each in estimates)}


class Claude:
    """Answers message ``r7…`` by the script of request 7; no two calls say the same or take as much."""

    def __init__(self, wire: Wire, stage: Stage) -> None:
        self._wire = wire
        self._stage = stage
        self.scripts: dict[int, Script] = {}
        self.calls: list[Call] = []
        self.asked: Counter[int] = Counter()
        self.told: list[list[str]] = []
        self.systems: list[tuple[int, list[str]]] = []

    @contextmanager
    def answer(self, prompt: Prompt, model: str, interruption: Interruption) -> Iterator[Iterable[Piece]]:
        texts = [message["content"][-1]["text"] for message in prompt.messages]
        found = _NUMBER.match(texts[-1])
        assert found is not None
        number = int(found[1])
        self.told.append(texts[:-1])
        self.systems.append((number, [block["text"] for block in prompt.system]))
        yield self._events(number, self.scripts[number], interruption)

    def _events(self, number: int, script: Script, interruption: Interruption) -> Iterator[Piece]:
        self._say("is asked", number)
        self.asked[number] += 1
        call = Call(number, "", Usage(1000 + 10 * len(self.calls), 0))
        self.calls.append(call)
        if script.ending == "fails before":
            raise UpstreamError("Claude could not be asked.")
        yield Started(call.usage, MODEL)
        for piece in range(script.pieces):
            self._say("speaks", number)
            if interruption.asked:
                raise Interrupted
            text = f"a{number}.{self.asked[number]}.{piece} "
            call.said += text
            yield Text(text)
        self._say("ends", number)
        if script.ending == "falls silent":
            self._stage.wait(_PATIENCE, ready=lambda: interruption.asked)
            if interruption.asked:
                raise Interrupted
            raise UpstreamError("The connection to Claude's API failed.", retryable=True)
        if script.ending == "fails":
            raise UpstreamError("Claude's stream broke off.", retryable=True)
        if script.ending == "crashes":
            self._stage.acting.invocation.faults += 1
            raise RuntimeError("something that nobody thought of")
        if script.ending == "breaks off":
            return
        call.usage = Usage(call.usage.input_tokens, 3)
        call.whole = script.ending == "completed"
        yield Completed("end_turn" if call.whole else "refusal", call.usage, MODEL)

    def _say(self, what: str, number: int) -> None:
        def failure() -> Exception:
            return UpstreamError("The connection to Claude's API failed.", retryable=True)

        self._wire.call(f"Claude {what}, r{number}", lambda: None, refused=failure, lost=failure)
