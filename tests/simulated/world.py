"""The bridge's functions in a world that does what it likes: the real handlers, over AWS in this process.

Nothing of the bridge is replaced but the clock, the threads and boto3's clients. What happens when is said
from outside: which frame comes, which message is delivered, which function goes on for how many calls, and
what becomes of the last of them.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, Self

from bridge import bootstrap
from bridge.adapters import items
from bridge.adapters.queue import RETRY_SECONDS
from bridge.conversation import Instructions, Session, SessionKey
from bridge.handlers import answer as answer_handler
from bridge.handlers import message as message_handler
from bridge.ports.sessions import Remembered
from bridge.ports.speaking import Connection
from tests.fakes import request_id
from tests.simulated.claude import Claude, Script
from tests.simulated.facts import ANSWER_SECONDS, MESSAGE_SECONDS, SESSIONS, Facts, number_of
from tests.simulated.line import Lines, Message
from tests.simulated.remote import Wire
from tests.simulated.stand_ins import TURNS, StandIns, brief
from tests.simulated.strands import Invocation, Stage
from tests.simulated.told import Asked, Frame

CONNECTION_SECONDS = 2 * 3600
"""How long API Gateway keeps a connection."""

_answer: Callable[..., None] = inspect.unwrap(answer_handler.handler)
_receive: Callable[..., dict[str, Any]] = inspect.unwrap(message_handler.handler)


class World(Facts):
    """Everything there is besides the code: clients, AWS and Claude.

    ``connections`` are those that are open, with their owners; ``refusals`` the code of the last error
    with which a frame of a connection was refused.
    """

    def __init__(self, *, context_limit: int = 8000, daily_tokens: int | None = None) -> None:
        super().__init__(daily_tokens)
        self.context_limit = context_limit
        self.stage = Stage(self.clock)
        self.wire = Wire(self.stage, self.note)
        self.claude = Claude(self.wire, self.stage)
        self.connections: dict[str, str] = {}
        self.refusals: dict[str, str] = {}
        self.asked: list[Asked] = []
        self.invocations: list[Invocation] = []
        self._opened: dict[str, float] = {}
        self._replies: dict[int, Any] = {}
        self._stand_ins = StandIns(self, self.stage, self.wire, self.claude, self._tell, context_limit)

    def __enter__(self) -> Self:
        self._stand_ins.__enter__()
        reception = bootstrap.reception()
        receive = reception.receive

        def received(connection_id: str, body: str, **how: Any) -> Any:
            reply = receive(connection_id, body, **how)
            self._replies[id(self.stage.acting.invocation)] = reply
            return reply

        reception.receive = received  # type: ignore[method-assign]
        return self

    def __exit__(self, *_: object) -> None:
        for invocation in self.invocations:
            invocation.kill()
        self._stand_ins.close()

    @property
    def alive(self) -> list[Invocation]:
        """The functions that are at work."""
        return [invocation for invocation in self.invocations if not invocation.over]

    def connect(self, owner: str) -> str:
        """Open a connection."""
        name = f"{owner}-{1 + sum(each.startswith(owner) for each in self._opened)}"
        self.connections[name], self._opened[name] = owner, self.clock()
        item = items.connection_item(Connection(name, owner, None), self.now())
        self.table.put_item(TableName=SESSIONS, Item=item)
        return name

    def hang_up(self, connection: str) -> None:
        """Close a connection."""
        self.note(f"{connection} hangs up")
        del self.connections[connection]

    def ask(self, connection: str, session: str, script: Script, system: str | None = None) -> Invocation:
        """Send a new message, perhaps with instructions for its session."""
        number = len(self.asked) + 1
        self.claude.scripts[number] = script
        asked = Asked(self.connections[connection], number, session, f"r{number}?", system=system)
        self.asked.append(asked)
        return self.query(connection, asked)

    def query(self, connection: str, asked: Asked) -> Invocation:
        """Send a message, perhaps again."""
        frame: Frame = {"action": "query", "session_id": asked.session, "message": asked.message}
        if asked.system is not None:
            frame["system"] = asked.system
        return self._send(connection, frame, asked)

    def resume(self, connection: str, asked: Asked, last_seq: int) -> Invocation:
        """Have a turn go on on a connection."""
        asked.home = None
        asked.promised.clear()
        invocation = self._send(connection, {"action": "resume", "last_seq": last_seq}, asked)
        asked.resumes.append(invocation)
        return invocation

    def cancel(self, connection: str, asked: Asked) -> Invocation:
        """Have a turn end."""
        asked.cancellers.append(connection)
        return self._send(connection, {"action": "cancel"}, asked)

    def forget(self, connection: str, session: str | None) -> Invocation:
        """Forget a session, or everything."""
        what: Frame = {"everything": True} if session is None else {"session_id": session}
        return self._send(connection, {"action": "forget"} | what, None)

    def _send(self, connection: str, frame: Frame, asked: Asked | None) -> Invocation:
        number = None if asked is None else request_id(asked.number)
        body = json.dumps(frame | {"request_id": number})
        event = {
            "requestContext": {"connectionId": connection, "routeKey": "$default", "requestId": "x"},
            "body": body,
            "isBase64Encoded": False,
        }
        what = f"r{asked.number}" if asked else f"{frame.get('session_id', 'everything')}"
        name = f"{frame['action']}-{self._next} {what} of {connection}"

        def work() -> None:
            invocation = self.stage.acting.invocation
            text = _receive(event, self._context(invocation, MESSAGE_SECONDS)).get("body")
            if text is not None:
                told = json.loads(text)
                self.wire.call(
                    f"replies {brief(told)}",
                    lambda: self._reply(connection, asked, told, invocation, frame["action"]),
                    refused=ConnectionError,
                    lost=ConnectionError,
                    repeatable=False,
                )

        self.note(f"{name} is sent")
        return self._begin(name, work)

    def deliver(self, message: Message) -> Invocation | None:
        """Have a function answer the turn of a message."""
        received = self.line.receive(message)
        number = number_of(message.body)
        if received is None:
            self.note(f"r{number} goes to the dead letters")
            self.buried.add(number)
            return None
        handle = received.handle
        record = {
            "receiptHandle": handle,
            "body": message.body,
            "attributes": {"SentTimestamp": str(int(message.sent * 1000))},
        }
        name = f"answer-{self._next} r{number}"

        def work() -> None:
            invocation = self.stage.acting.invocation
            try:
                _answer({"Records": [record]}, self._context(invocation, ANSWER_SECONDS))
            except Exception as failure:
                self.note(f"{invocation.name}: raises {type(failure).__name__}: {failure}")
                self._shows_up_soon(message, handle)
                if not invocation.faults:
                    self.wrongs.append(f"{invocation.name} failed by itself: {failure!r}")
                raise
            self.wire.call(
                "the queue removes the message",
                lambda: Lines({TURNS: self.line}).delete_message(TURNS, str(handle)),
                refused=ConnectionError,
                lost=ConnectionError,
                repeatable=False,
            )

        self.note(f"r{number} is delivered to {name}, the {message.receives}. time")
        return self._begin(name, work)

    def _shows_up_soon(self, message: Message, handle: str | None) -> None:
        faulted = any("visibility" in what for what in self.wire.faulted)
        if message.handle == handle and message.visible > self.clock() + RETRY_SECONDS and not faulted:
            self.wrongs.append(f"a turn that failed stays hidden: {message}")

    def tend(self, owner: str) -> Invocation:
        """Have the remember function look after an owner's memory."""
        return self._begin(f"remember-{self._next} {owner}", lambda: bootstrap.remembering().tend(owner))

    def load(self, key: SessionKey) -> Remembered:
        """Return a session as its next turn would find it."""
        found: list[Remembered] = []
        name = f"look-{self._next} {key}"
        self._begin(name, lambda: found.append(bootstrap._sessions().load(key))).go(1000)
        return found[0]

    def instructions(self, session: Session) -> str | None:
        """Return the instructions that a session's next turn would find."""
        found: list[Instructions | None] = []
        name = f"look-{self._next} {session.key}"
        self._begin(name, lambda: found.append(bootstrap._sessions().instructions(session))).go(1000)
        return found[0].text if found[0] else None

    def redrive(self) -> None:
        """Put the dead letters back into the line."""
        self.note("the dead letters are put back")
        self.buried |= {number_of(message.body) for message in self.dead.messages}
        before = len(self.line.messages)
        self.dead.redrive(self.line)
        for message in self.line.messages[before:]:
            self.placed(message)

    def wait(self, seconds: float, *, renewing: bool) -> None:
        """Let time pass; who is not ``renewing`` loses the messages that are held."""
        self.note(f"{seconds} seconds pass" + ("" if renewing else ", and nobody renews anything"))
        until = self.clock() + seconds
        while self.clock() < until:
            step = min(10.0, until - self.clock()) if renewing else until - self.clock()
            self.clock.pass_by(step)
            if renewing:
                for invocation in self.alive:
                    for strand in invocation.strands:
                        if strand.name == "hold" and strand.runnable:
                            invocation.go(1, "hold")
        for invocation in self.alive:
            limit = ANSWER_SECONDS if invocation.name.startswith("answer") else MESSAGE_SECONDS
            if self.clock() - invocation.began > limit:
                self.note(f"{invocation.name}: times out")
                invocation.kill()
        for name in [
            name for name in self.connections if self.clock() - self._opened[name] > CONNECTION_SECONDS
        ]:
            self.hang_up(name)

    @property
    def _next(self) -> int:
        return len(self.invocations) + 1

    def _begin(self, name: str, work: Callable[[], object]) -> Invocation:
        invocation = Invocation(self.stage, name, work)
        self.invocations.append(invocation)
        return invocation

    def _context(self, invocation: Invocation, seconds: float) -> Any:
        def left() -> int:
            return int(1000 * (invocation.began + seconds - self.clock()))

        return SimpleNamespace(get_remaining_time_in_millis=left)

    def _reply(
        self, connection: str, asked: Asked | None, frame: Frame, invocation: Invocation, action: str
    ) -> None:
        if connection not in self.connections or asked is None:
            return
        if self._replies[id(invocation)].error is not None:
            self.refusals[connection] = frame["code"]
            if action == "query" and frame["code"] == "conflict" and not frame["retryable"]:
                self.wrongs.append(f"r{asked.number} is taken for another: {frame}")
            return
        if frame["type"] != "accepted":
            self._tell(connection, frame)
            return
        if not self.lives(asked):
            self.wrongs.append(f"r{asked.number} is accepted, and was never queued")
        asked.accepted = True
        match action:
            case "query" if asked.home is None and not asked.resumes:
                asked.home = self.lives(asked)[0].connection_id if self.lives(asked) else None
            case "resume" if not any(each is not invocation and not each.over for each in asked.resumes):
                if asked.resumes[-1] is invocation:
                    asked.home = connection
            case "cancel":
                asked.promised.add(connection)
                asked.cancelled_waiting |= "began" not in self.record(asked)

    def _tell(self, connection: str, frame: Frame) -> None:
        """Let a client have a frame, and look whether it may. Raises KeyError where it is gone."""
        asked = self.asked[number_of(frame["request_id"]) - 1]
        if self.connections[connection] != asked.owner:
            self.wrongs.append(f"{connection} is told of {asked.owner}'s r{asked.number}: {frame}")
        lives = self.lives(asked)
        forgotten = not self.lasting(asked)
        if forgotten and frame["type"] in ("answer", "error"):
            asked.dropped.append(connection)
        if len(lives) > 1 or forgotten:
            # Of an earlier life, or of one that is over: what it was told stands nowhere any more.
            return
        wrong = asked.take(connection, frame)
        if wrong is None and frame["type"] in ("answer", "error"):
            wrong = self.unfounded(asked, frame)
        if wrong is not None:
            self.wrongs.append(f"r{asked.number}: {wrong}")
