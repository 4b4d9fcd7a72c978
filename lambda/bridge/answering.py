"""One turn: remember, ask Claude, stream the answer, keep it."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from datetime import datetime

from bridge.conversation import STOP_REASON_ERROR, Exchange, Failure, Session, Turn, Usage
from bridge.errors import (
    BridgeError,
    Conflict,
    Internal,
    Refused,
    SessionForgotten,
    TurnTaken,
    UpstreamError,
    by_code,
)
from bridge.memory import prompt
from bridge.memory.prompt import Parts
from bridge.memory.window import Window
from bridge.outbox import Outbox
from bridge.ports import Claude, Clock, Completed, Gateway, Remembered, Sessions
from bridge.pricing import Prices
from bridge.protocol import frames, original
from bridge.reminding import Reminding

SPARE_SECONDS = 10.0
"""Seconds before its function's time is up at which an answer is ended: enough to keep and tell that."""

MAX_ANSWER_BYTES = 250_000
"""The longest answer that is kept: with the longest message it fits an item's 400 KB."""

MAX_NUMBERINGS = 5
"""How often a turn looks for its number before it gives up: more than once is a rare accident."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the answering of a turn depends on besides the turn: ``context_limit`` in characters."""

    context_limit: int
    system_prompt: str
    prices: Prices


@dataclass(slots=True)
class Outcome:
    """What became of a turn, for the log and the metrics: times in seconds since the start."""

    started: float
    deadline: float
    exchange: Exchange | None = None
    failure: BridgeError | None = None
    repeated: bool = False
    completed: Completed | None = None
    first_text: float | None = None
    duration: float = 0.0
    posts: int = 0
    client_gone: bool = False
    recalled: int = 0
    recall_seconds: float = 0.0
    recall_failure: Exception | None = None
    post_failure: Exception | None = None


class Answering:
    """Answers turns. `answer` is the whole way of one, from the queue to the client."""

    def __init__(
        self,
        sessions: Sessions,
        reminding: Reminding,
        claude: Claude,
        gateway: Gateway,
        settings: Settings,
        clock: Clock,
    ) -> None:
        self._sessions = sessions
        self._reminding = reminding
        self._claude = claude
        self._gateway = gateway
        self._settings = settings
        self._clock = clock

    def answer(self, turn: Turn, delivery: int, seconds: float = math.inf) -> Outcome:
        """Answer ``turn``, which the queue hands over for the ``delivery``-th time.

        A turn that is kept already is not asked again: its client is told once more. One that
        was begun before and not kept was broken off; since its client may have seen some of an
        answer, it is recorded as failed rather than asked, and paid, twice. Raises only where not
        even a failure could be kept: the queue then delivers the turn again.

        ``seconds`` is how long the function may still run: an answer that takes longer is ended in
        time to record and tell it.
        """
        started = time.monotonic()
        outcome = Outcome(started=started, deadline=started + seconds - SPARE_SECONDS)
        with Outbox(self._gateway, turn.connection_id, turn.request_id) as outbox:
            remembered = self._sessions.load(turn.key)
            exchange = _already_kept(remembered, turn)
            # A repeat is told the same as the first time: its own exchange was not in the window.
            before = [e for e in remembered.exchanges if e is not exchange]
            window = Window.of(before, self._settings.context_limit)
            parts = self._parts(turn, remembered, window, outcome, reminded=exchange is None)
            if exchange is None:
                exchange = self._new_exchange(turn, delivery, remembered.session, parts, outbox, outcome)
            else:
                outcome.repeated = True
            kept = self._keep_or_forget(exchange, remembered, turn, outcome)
            outbox.flush()
            # What another delivery kept is not what this one's deltas told.
            told = not outcome.repeated and kept.answer == exchange.answer
            closing = _Closing(turn, parts, outbox.deltas if told else None)
            outbox.send(closing.frame(kept, outcome.failure))
        outcome.duration = time.monotonic() - outcome.started
        self._absorb(turn, (*window.exchanges, kept), outcome)
        outcome.posts = outbox.posts
        outcome.client_gone = outbox.gone
        outcome.post_failure = outbox.failure
        return outcome

    def _parts(
        self, turn: Turn, remembered: Remembered, window: Window, outcome: Outcome, *, reminded: bool
    ) -> Parts:
        """Return what Claude is told. Where the memory fails, Claude is told the rest."""
        parts = Parts(
            system=self._settings.system_prompt,
            window=window,
            message=turn.message,
            now=self._clock(),
            summary=remembered.summary if remembered.summary and remembered.summary.text else None,
        )
        if not reminded or turn.recall == "off":
            return parts
        began = time.monotonic()
        try:
            recalled = self._reminding.recall(turn, remembered.head, window)
        except Exception as failure:  # noqa: BLE001 - whatever it is, the turn is answered without
            outcome.recall_failure = failure
            return parts
        outcome.recall_seconds = time.monotonic() - began
        outcome.recalled = len(recalled)
        return replace(parts, recalled=recalled)

    def _absorb(self, turn: Turn, said: tuple[Exchange, ...], outcome: Outcome) -> None:
        """Keep in mind what was told and answered here, off the reply path, so that it need not be read."""
        try:
            self._reminding.absorb(turn.key, said)
        except Exception as failure:  # noqa: BLE001 - the turn is kept and told
            outcome.recall_failure = failure

    def _new_exchange(
        self, turn: Turn, delivery: int, session: Session, parts: Parts, outbox: Outbox, outcome: Outcome
    ) -> Exchange:
        try:
            if delivery > 1:
                raise Internal(
                    "The bridge was interrupted while it worked on this message. Send it again.",
                    detail=f"delivery {delivery}",
                )
            text, completed = self._ask(turn, parts, outbox, outcome)
        except BridgeError as error:
            outcome.failure = error
            return self._priced(_failed(turn, session, error, self._clock()), outcome.completed)
        return self._priced(_answered(turn, session, text, completed, self._clock()), completed)

    def _priced(self, exchange: Exchange, completed: Completed | None) -> Exchange:
        """Return an exchange with what it took, also where what Claude said is no answer."""
        if completed is None:
            return exchange
        cost = self._settings.prices.cost(completed.model, completed.usage)
        return replace(exchange, usage=completed.usage, cost=cost)

    def _ask(self, turn: Turn, parts: Parts, outbox: Outbox, outcome: Outcome) -> tuple[str, Completed]:
        pieces: list[str] = []
        size = 0
        completed: Completed | None = None
        with self._claude.answer(prompt.build(parts), turn.model) as events:
            for event in events:
                if isinstance(event, Completed):
                    outcome.completed = completed = event
                    continue
                if outcome.first_text is None:
                    outcome.first_text = time.monotonic() - outcome.started
                pieces.append(event.text)
                size += len(event.text.encode())
                _check_limits(size, outcome.deadline)
                if turn.wire == "bridge":
                    outbox.say(event.text)
        if completed is None:
            raise UpstreamError("Claude's answer broke off before its end. Send it again.", retryable=True)
        text = "".join(pieces)
        _check_answer(text, completed.stop_reason)
        return text, completed

    def _keep_or_forget(
        self, exchange: Exchange, remembered: Remembered, turn: Turn, outcome: Outcome
    ) -> Exchange:
        try:
            outcome.exchange = self._keep(exchange, remembered, turn)
        except SessionForgotten:
            outcome.failure = Conflict("The session was forgotten while this message was answered.")
            outcome.exchange = _failed(turn, remembered.session, outcome.failure, self._clock())
        return outcome.exchange

    def _keep(self, exchange: Exchange, remembered: Remembered, turn: Turn) -> Exchange:
        loaded = remembered.head
        for _ in range(MAX_NUMBERINGS):
            try:
                self._sessions.keep(exchange, self._header_after(remembered, exchange), loaded)
            except TurnTaken:
                # Another delivery of this turn, or a function thought dead, came in between.
                remembered = self._sessions.load(turn.key)
                twin = _already_kept(remembered, turn)
                if twin is not None:
                    return twin
                session = remembered.session
                exchange = replace(exchange, turn=session.next_turn, first_turn=session.first_turn)
            else:
                return exchange
        raise TurnTaken(str(turn.key))

    def _header_after(self, remembered: Remembered, exchange: Exchange) -> Session:
        session = remembered.session.caught_up([exchange])
        earlier = (e for e in remembered.exchanges if e.turn < exchange.turn)
        window = Window.of([*earlier, exchange], self._settings.context_limit)
        return replace(session, window_start=window.start(session.next_turn))


def _already_kept(remembered: Remembered, turn: Turn) -> Exchange | None:
    for exchange in remembered.exchanges:
        if exchange.request_id == turn.request_id:
            return exchange
    return None


def _answered(turn: Turn, session: Session, text: str, completed: Completed, now: datetime) -> Exchange:
    return Exchange(
        turn=session.next_turn,
        first_turn=session.first_turn,
        at=now,
        request_id=turn.request_id,
        question=turn.message,
        answer=text,
        model=completed.model,
        stop_reason=completed.stop_reason,
        usage=completed.usage,
    )


def _failed(turn: Turn, session: Session, error: BridgeError, now: datetime) -> Exchange:
    unanswered = _answered(turn, session, "", Completed(STOP_REASON_ERROR, Usage(), turn.model), now)
    return replace(unanswered, answer=None, failure=Failure(error.code, error.message))


def _check_limits(size: int, deadline: float) -> None:
    if size > MAX_ANSWER_BYTES:
        raise UpstreamError("Claude's answer got too long to be kept. Ask for less at once.")
    if time.monotonic() > deadline:
        raise UpstreamError(
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


@dataclass(frozen=True, slots=True)
class _Closing:
    """What a turn ends with, besides its exchange. ``deltas`` is None where it is told once more."""

    turn: Turn
    parts: Parts
    deltas: int | None

    def frame(self, exchange: Exchange, failure: BridgeError | None) -> frames.Frame:
        """Return the last frame of a turn."""
        turn, session_id = self.turn, self.turn.key.name
        if exchange.failure is not None:
            told = failure or by_code(exchange.failure.code, exchange.failure.message)
            return original.error(told) if turn.wire == "original" else frames.error(told, turn.request_id)
        if turn.wire == "original":
            return original.answer(exchange, session_id, self.parts.window.messages)
        memory = frames.memory(self.parts, turn.recall, retold=self.deltas is None)
        return frames.answer(exchange, session_id, memory, self.deltas)
