"""One turn: remember, ask Claude, stream the answer, keep it."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace

from bridge import asking, instructing
from bridge.asking import Asking, Reply
from bridge.closing import closing_frame
from bridge.conversation import Exchange, Failure, Session, Turn
from bridge.errors import Conflict, Internal, QuotaExceeded, SessionForgotten
from bridge.interruption import Interruption
from bridge.keeping import Keeping, already_kept
from bridge.memory import prompt
from bridge.memory.prompt import Parts
from bridge.memory.window import Window
from bridge.outbox import Outbox
from bridge.outcome import Outcome
from bridge.ports.claude import Claude
from bridge.ports.sessions import Remembered, Sessions
from bridge.ports.speaking import Clock
from bridge.ports.turns import Gateway, Requests, Standing, Turns
from bridge.pricing import Prices
from bridge.protocol.frames import Frame
from bridge.reminding import Reminding
from bridge.watching import Watch

SPARE_SECONDS = 10.0
"""Seconds before its function's time is up at which an answer is ended: enough to keep and tell that."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the answering of a turn depends on besides the turn.

    ``context_limit`` is in characters; ``max_output_tokens`` are set aside for an answer, where an
    owner's days have a budget.
    """

    context_limit: int
    system_prompt: str
    prices: Prices
    max_output_tokens: int


class Answering:
    """Answers turns. `answer` is the whole way of one, from the queue to the client."""

    def __init__(
        self,
        requests: Requests,
        turns: Turns,
        sessions: Sessions,
        reminding: Reminding,
        claude: Claude,
        gateway: Gateway,
        settings: Settings,
        clock: Clock,
    ) -> None:
        self._requests = requests
        self._turns = turns
        self._sessions = sessions
        self._reminding = reminding
        self._claude = claude
        self._gateway = gateway
        self._keeping = Keeping(sessions, settings.context_limit)
        self._settings = settings
        self._clock = clock

    def answer(self, turn: Turn, seconds: float = math.inf) -> Outcome:
        """Answer ``turn``, however often the queue hands it over.

        A turn that is kept already is not asked again: its client is told once more. One that
        was begun before and not kept was broken off; since its client may have seen some of an
        answer, it is recorded as failed rather than asked, and paid, twice. Raises only where not
        even a failure could be kept: the queue then delivers the turn again.

        ``seconds`` is how long the function may still run: an answer that takes longer is ended in
        time to record and tell it.
        """
        now = time.monotonic()
        outcome = Outcome(started=now, deadline=now + seconds - SPARE_SECONDS)
        with Outbox(self._gateway, turn.connection_id, turn.request_id) as outbox:
            remembered = self._sessions.load(turn.key)
            if turn.accepted <= remembered.head.forgot(turn.key.name):
                self._drop(turn, remembered.session, outbox, outcome)
            else:
                said = self._work(turn, remembered, outbox, outcome)
                outcome.duration = time.monotonic() - outcome.started
                self._absorb(turn, said, outcome)
        outcome.posts = outbox.posts
        outcome.client_gone = outbox.gone
        outcome.post_failure = outbox.failure
        return outcome

    def _work(
        self, turn: Turn, remembered: Remembered, outbox: Outbox, outcome: Outcome
    ) -> tuple[Exchange, ...]:
        """Take a turn to its end; return what was said in its window and in it."""
        exchange = already_kept(remembered, turn)
        # A repeat is told the same as the first time: its own exchange was not in the window.
        before = [e for e in remembered.exchanges if e is not exchange]
        window = Window.of(before, self._settings.context_limit)
        parts = self._parts(turn, remembered, window, outcome, reminded=exchange is None)
        standing, first = self._begin(turn, parts, remembered.session, outcome)
        in_window = exchange is not None
        if not in_window and (not first or standing.turn is not None):
            exchange = self._kept_before(turn, standing)
        interruption = Interruption()
        watch = Watch(
            self._turns,
            turn,
            resumed=lambda now: outbox.point(now.connection_id or turn.connection_id, now.last_seq),
            cancelled=interruption.ask,
            forgotten=lambda: self._reminding.forgot(turn.key, remembered.head),
        )
        watch.notice(standing)
        outcome.repeated = exchange is not None
        if exchange is None:
            if first:
                reply = self._ask(turn, parts, outbox, watch, interruption, outcome)
            else:
                reply = asking.failed(_interrupted(), turn.model)
            instructed = instructing.changed(turn, remembered.session, parts.instructions)
            exchange = self._exchange(turn, remembered.session, reply, outcome, instructed)
        if outcome.repeated and not in_window:  # other turns came after it: its header knows of it
            kept = outcome.exchange = exchange
        else:
            kept = self._keep(exchange, remembered, turn, outcome)
        outbox.flush()
        # What was begun and not ended by another keeps what was set aside for it: more is not known.
        spent = exchange.usage.total if first or outcome.repeated else standing.reserved
        ended = self._turns.end(turn, standing, kept.turn, outbox.lengths, spent)
        watch.notice(ended)
        outcome.watch_failure = watch.failure
        if outcome.forgotten:
            self._let_go(turn)
        elif standing.began and not ended.began:  # whoever forgot the session just now had removed it
            self._turns.drop(turn.key.owner, turn.request_id)
        outbox.flush()
        # What another delivery kept is not what this one's deltas told.
        told = not outcome.repeated and kept.answer == exchange.answer
        deltas = len(outbox.lengths) if told else None
        frame = closing_frame(turn, kept, parts, deltas=deltas, failure=outcome.failure)
        _tell(frame, outbox, watch.seen)
        return (*window.exchanges, kept)

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
            instructions=instructing.in_force(turn, remembered.session, self._sessions),
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

    def _kept_before(self, turn: Turn, standing: Standing) -> Exchange | None:
        """Return what was kept of a turn that is not among its session's newest ones."""
        number = standing.number if standing.turn is None else standing.turn
        exchange = None if number is None else self._sessions.exchange(turn.key, number)
        # A session that was forgotten has others under the same numbers.
        return exchange if exchange is not None and exchange.request_id == turn.request_id else None

    def _begin(self, turn: Turn, parts: Parts, session: Session, outcome: Outcome) -> tuple[Standing, bool]:
        tokens = sum(parts.tokens().values()) + self._settings.max_output_tokens
        try:
            return self._turns.begin(turn, tokens, session.next_turn)
        except QuotaExceeded as exceeded:
            outcome.failure = exceeded
            return Standing(), True

    def _ask(
        self,
        turn: Turn,
        parts: Parts,
        outbox: Outbox,
        watch: Watch,
        interruption: Interruption,
        outcome: Outcome,
    ) -> Reply:
        if outcome.failure is not None:
            return asking.failed(outcome.failure, turn.model)
        if interruption.asked:
            return asking.cancelled(turn.model)
        tokens = sum(parts.tokens().values())
        if turn.wire == "original":  # whose client knows no name by which it could resume or cancel
            call = Asking(turn.model, tokens, _silent, interruption, outcome.deadline)
            return call.ask(self._claude, prompt.build(parts))
        with watch:
            call = Asking(turn.model, tokens, outbox.say, interruption, outcome.deadline)
            return call.ask(self._claude, prompt.build(parts))

    def _exchange(
        self, turn: Turn, session: Session, reply: Reply, outcome: Outcome, instructed: bool | None = None
    ) -> Exchange:
        """Return the exchange that a reply makes of a turn, with what it took."""
        if reply.first_text is not None:
            outcome.first_text = reply.first_text - outcome.started
        outcome.failure = failure = reply.failure
        outcome.claude_request_id = reply.claude_request_id
        bill = self._settings.prices.bill(reply.model, reply.usage) if reply.usage.total else None
        outcome.bill = bill
        return Exchange(
            turn=session.next_turn,
            first_turn=session.first_turn,
            at=self._clock(),
            request_id=turn.request_id,
            question=turn.message,
            answer=reply.text,
            model=reply.model,
            stop_reason=reply.stop_reason,
            usage=reply.usage,
            failure=Failure(failure.code, failure.message, failure.retryable) if failure else None,
            cost=bill.cost if bill else None,
            instructed=instructed,
        )

    def _keep(self, exchange: Exchange, remembered: Remembered, turn: Turn, outcome: Outcome) -> Exchange:
        try:
            kept = outcome.exchange = self._keeping.keep(exchange, remembered, turn)
        except SessionForgotten:
            kept = self._forgotten(turn, remembered.session, outcome)
        return kept

    def _drop(self, turn: Turn, session: Session, outbox: Outbox, outcome: Outcome) -> None:
        """Let a turn go whose session was forgotten while it waited, and tell its client.

        A request that was sent again meanwhile is a new one, which gets its own answer: of the old one
        nothing is told.
        """
        exchange = self._forgotten(turn, session, outcome)
        standing = self._turns.look(turn)
        if not self._let_go(turn):
            return
        nothing = Parts(system="", window=Window(), message="", now=self._clock(), summary=None)
        if standing.connection_id is not None:
            outbox.point(standing.connection_id, standing.last_seq)
        _tell(closing_frame(turn, exchange, nothing, deltas=None, failure=outcome.failure), outbox, standing)

    def _let_go(self, turn: Turn) -> bool:
        """Forget a turn whose session was forgotten; return False where its request is a new one by now."""
        if not self._requests.release(turn):
            return False
        self._turns.drop(turn.key.owner, turn.request_id)
        return True

    def _forgotten(self, turn: Turn, session: Session, outcome: Outcome) -> Exchange:
        forgotten = Conflict("The session was forgotten while this message waited or was answered.")
        reply = asking.failed(forgotten, turn.model)
        outcome.exchange = self._exchange(turn, session, reply, outcome)
        outcome.forgotten = True
        return outcome.exchange

    def _absorb(self, turn: Turn, said: tuple[Exchange, ...], outcome: Outcome) -> None:
        """Keep in mind what was told and answered here, off the reply path, so that it need not be read."""
        try:
            self._reminding.absorb(turn.key, said)
        except Exception as failure:  # noqa: BLE001 - the turn is kept and told
            outcome.recall_failure = failure


def _tell(frame: Frame, outbox: Outbox, standing: Standing) -> None:
    """Send a turn's last frame to its client, and to whoever ended it elsewhere."""
    outbox.send(frame)
    if standing.cancelled_by not in (None, outbox.connection_id):
        outbox.send(frame, standing.cancelled_by)


def _interrupted() -> Internal:
    return Internal("The bridge was interrupted while it worked on this message. Send it again.")


def _silent(_: str) -> None:
    """Tell nobody: clients of the original get the answer in one frame."""
