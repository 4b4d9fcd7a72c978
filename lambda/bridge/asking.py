"""One call to Claude for a turn: its pieces go to the client as they come, its end is a reply."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from bridge.conversation import STOP_REASON_CANCELLED, STOP_REASON_ERROR, Usage
from bridge.errors import BridgeError, Refused, UpstreamError
from bridge.interruption import Interrupted, Interruption
from bridge.memory.prompt import Prompt
from bridge.ports.claude import Claude, Completed, Piece, Started

MAX_ANSWER_BYTES = 250_000
"""The longest answer that is kept: with the longest message it fits an item's 400 KB."""

_CHARACTERS_PER_TOKEN = 4
"""Of English, about: what is said before Claude counted it is estimated by this."""


_NO_USAGE = Usage()


@dataclass(frozen=True, slots=True)
class Reply:
    """What a turn ends with. ``text`` is None where nothing is kept of what was said.

    ``first_text`` is when the first piece came, in seconds of the monotonic clock; ``claude_request_id`` the
    name under which whoever was asked knows the call.
    """

    text: str | None
    stop_reason: str
    model: str
    usage: Usage = _NO_USAGE
    failure: BridgeError | None = None
    first_text: float | None = None
    claude_request_id: str | None = None


def failed(error: BridgeError, model: str) -> Reply:
    """Return the reply of a turn that failed before Claude was asked."""
    return Reply(None, STOP_REASON_ERROR, model, failure=error)


def cancelled(model: str) -> Reply:
    """Return the reply of a turn that was cancelled before Claude was asked."""
    return Reply(None, STOP_REASON_CANCELLED, model)


@dataclass(slots=True)
class Asking:
    """A call. ``say`` gets each piece of text; ``deadline`` is when it is ended (monotonic, seconds).

    ``prompt_tokens`` is about what the prompt takes: it counts for a call that was broken off before Claude
    said how much it is.
    """

    model: str
    prompt_tokens: int
    say: Callable[[str], None]
    interruption: Interruption
    deadline: float = math.inf
    _pieces: list[str] = field(default_factory=list)
    _bytes: int = 0
    _started: Started | None = None
    _completed: Completed | None = None
    _first_text: float | None = None
    _late: bool = False

    def ask(self, claude: Claude, prompt: Prompt) -> Reply:
        """Ask Claude, and return what it came to. Whatever fails is in the reply.

        What was said before an interruption is kept: Claude said it. What was said before a failure is
        not: the client is told to drop it.
        """
        try:
            with self._in_time(), claude.answer(prompt, self.model, self.interruption) as events:
                for event in events:
                    self._take(event)
            return self._complete()
        except Interrupted:
            return self._interrupted()
        except BridgeError as error:
            if self.interruption.asked:
                return self._interrupted()
            return self._ended(STOP_REASON_ERROR, None, error)

    @contextmanager
    def _in_time(self) -> Iterator[None]:
        """Break the call off at the deadline, also while nothing comes of it."""
        left = self.deadline - time.monotonic()
        if left == math.inf:
            yield
            return
        timer = threading.Timer(max(0.0, left), self._end_late)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _end_late(self) -> None:
        self._late = True
        self.interruption.ask()

    def _interrupted(self) -> Reply:
        if self._late:
            return self._ended(STOP_REASON_ERROR, None, _too_late())
        return self._ended(STOP_REASON_CANCELLED, self._said if self._said.strip() else None)

    @property
    def _said(self) -> str:
        return "".join(self._pieces)

    def _take(self, event: Piece) -> None:
        if isinstance(event, Completed):
            self._completed = event
        elif isinstance(event, Started):
            self._started = event
        else:
            if self._first_text is None:
                self._first_text = time.monotonic()
            self._pieces.append(event.text)
            self._bytes += len(event.text.encode())
            if self._bytes > MAX_ANSWER_BYTES:
                raise UpstreamError("Claude's answer got too long to be kept. Ask for less at once.")
            self.say(event.text)

    def _complete(self) -> Reply:
        if self._completed is None:
            raise UpstreamError("Claude's answer broke off before its end. Send it again.", retryable=True)
        _check_answer(self._said, self._completed.stop_reason)
        return self._ended(self._completed.stop_reason, self._said)

    def _ended(self, stop_reason: str, text: str | None, failure: BridgeError | None = None) -> Reply:
        model = (self._completed or self._started or self).model
        request_id = failure.claude_request_id if failure else None
        if request_id is None and self._started is not None:
            request_id = self._started.request_id
        return Reply(text, stop_reason, model, self._usage(), failure, self._first_text, request_id)

    def _usage(self) -> Usage:
        """Return what the call took; of an answer without its end, what it must have taken at least."""
        if self._completed is not None:
            return self._completed.usage
        if self._started is None:
            return Usage(self.prompt_tokens if self.interruption.asked else 0)
        said = math.ceil(sum(map(len, self._pieces)) / _CHARACTERS_PER_TOKEN)
        return replace(self._started.usage, output_tokens=max(self._started.usage.output_tokens, said))


def _too_late() -> UpstreamError:
    return UpstreamError(
        "Claude's answer took longer than the bridge may wait. Ask for less at once,"
        " or raise the setting answer_timeout_seconds."
    )


def _check_answer(text: str, stop_reason: str) -> None:
    if stop_reason == "refusal":
        raise Refused("Claude declined to answer this message.", detail=stop_reason)
    if text.strip():
        return
    if stop_reason == "max_tokens":
        raise UpstreamError(
            "Claude spent its whole output limit on thinking. Raise the setting max_output_tokens.",
            detail=stop_reason,
        )
    raise UpstreamError("Claude ended its answer without a word.", retryable=True, detail=stop_reason)
