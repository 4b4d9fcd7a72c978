"""The bridge's functions in a world that does what it likes: the real handlers, over AWS in this process.

Nothing of the bridge is replaced but the clock, the threads and boto3's clients. What happens when is said
from outside: which frame comes, which message is delivered, which function goes on for how many calls, and
what becomes of the last of them.
"""

from __future__ import annotations

import contextlib
import inspect
import json
import logging
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from unittest import mock

from aws_lambda_powertools.utilities.idempotency import base as idempotency_base
from aws_lambda_powertools.utilities.idempotency.persistence import base as persistence_base
from aws_lambda_powertools.utilities.idempotency.persistence import datarecord
from aws_lambda_powertools.utilities.idempotency.persistence import dynamodb as persistence
from botocore.exceptions import ClientError

from bridge import answering, asking, bootstrap, forgetting, interruption, outbox, telemetry, watching
from bridge.adapters import aws, batches, conflicts, intake, items
from bridge.adapters import queue as queue_adapter
from bridge.adapters.queue import decode
from bridge.conversation import Exchange, SessionKey, Turn
from bridge.handlers import answer as answer_handler
from bridge.handlers import message as message_handler
from bridge.memory.head import EVERYTHING, mark_of
from bridge.ports import Connection
from bridge.settings import Settings
from tests.fakes import MODEL, START, request_id
from tests.simulated.claude import Claude, Script
from tests.simulated.line import Line, Lines, Message
from tests.simulated.remote import Client, Wire
from tests.simulated.strands import Clock, Invocation, Stage
from tests.simulated.table import Exceptions, Table
from tests.simulated.told import Asked, Frame

SESSIONS, HASHES = "sessions", "hashes"
TURNS, DEAD = "https://sqs/turns.fifo", "https://sqs/dead.fifo"
DAY = 24 * 3600
ANSWER_SECONDS, MESSAGE_SECONDS = 900, 20
"""The functions' timeouts, as the construct has them."""

CONNECTION_SECONDS = 2 * 3600
"""How long API Gateway keeps a connection."""

_ENVIRONMENT = {
    "CONTEXT_TABLE": SESSIONS,
    "HASH_TABLE": HASHES,
    "QUEUE_URL": TURNS,
    "DEAD_LETTER_URL": DEAD,
    "CALLBACK_URL": "https://gateway",
    "SESSION_TTL": str(DAY),
    "MEMORY_TTL": str(30 * DAY),
    "MODEL": MODEL,
    "ALLOWED_MODELS": MODEL,
    "MAX_MESSAGE_LENGTH": "1000",
    "RECALL": "off",
    "RECALL_TOKENS": "100",
    "MAX_OUTPUT_TOKENS": "100",
    "PRICES": f"{MODEL}=2/10",
    "AUTH": "none",
}
MOST_WRITTEN = 50
"""Characters of an update that are worth a place in the trace."""

_REQUEST_ID = re.compile(r"00000000-0000-4000-8000-0*(\d+)")

_answer: Callable[..., None] = inspect.unwrap(answer_handler.handler)
_receive: Callable[..., dict[str, Any]] = inspect.unwrap(message_handler.handler)


class GoneException(ClientError):  # type: ignore[misc]
    """The connection is closed."""


class World:
    """Everything there is besides the code; ``wrongs`` is what no client, and no table, may ever show."""

    def __init__(self, *, context_limit: int = 8000, daily_tokens: int | None = None) -> None:
        self.clock = Clock(START.timestamp())
        self.stage = Stage(self.clock)
        self.trace: list[str] = []
        self.wrongs: list[str] = []
        self.wire = Wire(self.stage, self.note)
        self.buried: set[int] = set()
        self.refusals: dict[str, str] = {}
        self.table = Table(**{SESSIONS: ("session_id", "seq"), HASHES: ("hash",)})
        self.dead = Line(self.clock, ANSWER_SECONDS)
        self.line = Line(self.clock, ANSWER_SECONDS, self.dead)
        self.line.on_send = self._queued
        self.claude = Claude(self.wire, self.stage)
        self.connections: dict[str, str] = {}
        self.opened: dict[str, float] = {}
        self.asked: list[Asked] = []
        self.queued: dict[tuple[str, int], list[Turn]] = {}
        self.places: dict[tuple[str, int], list[int]] = {}
        self.forgot: dict[tuple[str, str], int] = {}
        self.invocations: list[Invocation] = []
        self.daily_tokens = daily_tokens
        budget = {} if daily_tokens is None else {"DAILY_TOKENS": str(daily_tokens)}
        self._settings = Settings(_ENVIRONMENT | budget | {"CONTEXT_LIMIT": str(context_limit)})
        self._patches = contextlib.ExitStack()
        self._replies: dict[int, Any] = {}
        self._names = 0

    def __enter__(self) -> World:
        for part in vars(bootstrap).values():
            if hasattr(part, "cache_clear"):
                part.cache_clear()
        for target, name, stand_in in self._stand_ins():
            self._patches.enter_context(mock.patch.object(target, name, stand_in))
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
        self._patches.close()
        for part in vars(bootstrap).values():
            if hasattr(part, "cache_clear"):
                part.cache_clear()

    def note(self, line: str) -> None:
        """Write down what happened."""
        short = _REQUEST_ID.sub(r"r\1", line)
        self.trace.append(f"{self.clock() - START.timestamp():.3f} s: {short}")

    # What the clients do

    def connect(self, owner: str) -> str:
        """Open a connection."""
        name = f"{owner}-{1 + sum(each.startswith(owner) for each in self.opened)}"
        self.connections[name], self.opened[name] = owner, self.clock()
        item = items.connection_item(Connection(name, owner, None), self.now())
        self.table.put_item(SESSIONS, item)
        return name

    def hang_up(self, connection: str) -> None:
        """Close a connection."""
        self.note(f"{connection} hangs up")
        del self.connections[connection]

    def ask(self, connection: str, session: str, script: Script) -> Invocation:
        """Send a new message."""
        number = len(self.asked) + 1
        self.claude.scripts[number] = script
        asked = Asked(self.connections[connection], number, session, f"r{number}?")
        self.asked.append(asked)
        return self.query(connection, asked)

    def query(self, connection: str, asked: Asked) -> Invocation:
        """Send a message, perhaps again."""
        frame = {"action": "query", "session_id": asked.session, "message": asked.message}
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
        self._names += 1
        what = f"r{asked.number}" if asked else f"{frame.get('session_id', 'everything')}"
        name = f"{frame['action']}-{self._names} {what} of {connection}"

        def work() -> None:
            invocation = self.stage.acting.invocation
            text = _receive(event, self._context(invocation, MESSAGE_SECONDS)).get("body")
            if text is not None:
                told = json.loads(text)
                self.wire.call(
                    f"replies {_brief(told)}",
                    lambda: self._reply(connection, asked, told, invocation, frame["action"]),
                    refused=ConnectionError,
                    lost=ConnectionError,
                    repeatable=False,
                )

        self.note(f"{name} is sent")
        return self._begin(name, work)

    # What AWS does

    def deliver(self, message: Message) -> Invocation | None:
        """Have a function answer the turn of a message."""
        received = self.line.receive(message)
        number = _number(message.body)
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
        self._names += 1
        name = f"answer-{self._names} r{number}"

        def work() -> None:
            invocation = self.stage.acting.invocation
            try:
                _answer({"Records": [record]}, self._context(invocation, ANSWER_SECONDS))
            except Exception as failure:
                self.note(f"{invocation.name}: raises {type(failure).__name__}: {failure}")
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

    def tend(self, owner: str) -> Invocation:
        """Have the remember function look after an owner's memory."""
        self._names += 1
        return self._begin(f"remember-{self._names} {owner}", lambda: bootstrap.remembering().tend(owner))

    def redrive(self) -> None:
        """Put the dead letters back into the line."""
        self.note("the dead letters are put back")
        self.buried |= {_number(message.body) for message in self.dead.messages}
        before = len(self.line.messages)
        self.dead.redrive(self.line)
        for message in self.line.messages[before:]:
            self._placed(message)

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
            name for name in self.connections if self.clock() - self.opened[name] > CONNECTION_SECONDS
        ]:
            self.hang_up(name)

    # What whoever looks on knows

    @property
    def alive(self) -> list[Invocation]:
        """The functions that are at work."""
        return [invocation for invocation in self.invocations if not invocation.over]

    def now(self) -> datetime:
        """Return the time as the functions read it."""
        return datetime.fromtimestamp(self.clock(), UTC)

    def exchanges(self, key: SessionKey) -> list[Exchange]:
        """Return what is kept of a session and not forgotten, in the order of its numbers."""
        found = [items.exchange_of(item) for item in self.rows(str(key)) if int(item["seq"]["N"]) > 0]
        forgot = self.forgotten_until(key)
        return sorted((each for each in found if _milliseconds(each.at) > forgot), key=lambda each: each.turn)

    def rows(self, partition: str) -> list[items.Item]:
        """Return what is in a partition of the sessions table."""
        return [item for item in self.table.items(SESSIONS) if item["session_id"]["S"] == partition]

    def record(self, asked: Asked) -> dict[str, Any]:
        """Return the record of a turn."""
        rows = self.rows(f"turn#{asked.owner}/{request_id(asked.number)}")
        return items.from_item(rows[0]) if rows else {}

    def forgotten_until(self, key: SessionKey) -> int:
        """Return up to when a session was ever forgotten."""
        for item in self.rows(f"memory#{key.owner}"):
            for tombstone in item.get("forgotten", {}).get("SS", ()):
                mark, _, until = tombstone.rpartition("#")
                known = self.forgot.get((key.owner, mark), -1)
                self.forgot[key.owner, mark] = max(known, int(until))
        marks = (mark_of(key.name), EVERYTHING)
        return max(self.forgot.get((key.owner, mark), -1) for mark in marks)

    def lives(self, asked: Asked) -> list[Turn]:
        """Return the first turn of each time that a request was taken in as a new one.

        It is new again once its session was forgotten, or its record is past its time.
        """
        forgot = self.forgotten_until(SessionKey(asked.owner, asked.session))
        lives: list[Turn] = []
        for turn in self.queued.get((asked.owner, asked.number), ()):
            before = lives[-1].accepted if lives else None
            if before is None or before <= forgot < turn.accepted or turn.accepted > before + DAY * 1000:
                lives.append(turn)
        return lives

    def _begin(self, name: str, work: Callable[[], object]) -> Invocation:
        invocation = Invocation(self.stage, name, work)
        self.invocations.append(invocation)
        return invocation

    def _queued(self, message: Message) -> None:
        turn = decode(message.body)
        number = _number(message.body)
        self.queued.setdefault((turn.key.owner, number), []).append(turn)
        self._placed(message)

    def _placed(self, message: Message) -> None:
        turn = decode(message.body)
        self.places.setdefault((turn.key.owner, _number(message.body)), []).append(message.place)

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

    def _post(self, ConnectionId: str, Data: bytes) -> None:  # noqa: N803
        if ConnectionId not in self.connections:
            raise GoneException({"Error": {"Code": "GoneException"}}, "PostToConnection")
        self._tell(ConnectionId, json.loads(Data))

    def _tell(self, connection: str, frame: Frame) -> None:
        """Let a client have a frame, and look whether it may."""
        found = _REQUEST_ID.fullmatch(frame["request_id"])
        assert found is not None
        asked = self.asked[int(found[1]) - 1]
        if self.connections[connection] != asked.owner:
            self.wrongs.append(f"{connection} is told of {asked.owner}'s r{asked.number}: {frame}")
        lives = self.lives(asked)
        key = SessionKey(asked.owner, asked.session)
        forgotten = not lives or lives[-1].accepted <= self.forgotten_until(key)
        if forgotten and frame["type"] == "error" and frame["code"] == "conflict":
            asked.dropped.append(connection)
        if len(lives) > 1 or forgotten:
            # Of an earlier life, or of one that is over: what it was told stands nowhere any more.
            return
        wrong = asked.take(connection, frame)
        if wrong is None and frame["type"] in ("answer", "error"):
            wrong = self._unfounded(asked, key, frame)
        if wrong is not None:
            self.wrongs.append(f"r{asked.number}: {wrong}")

    def _unfounded(self, asked: Asked, key: SessionKey, frame: Frame) -> str | None:
        """Tell whether a turn's last frame says something else than is kept."""
        kept = [each for each in self.exchanges(key) if each.request_id == request_id(asked.number)]
        if len(kept) != 1:
            return f"told of, but kept {len(kept)} times: {frame}"
        (exchange,) = kept
        if frame["type"] == "error":
            failure = exchange.failure
            same = failure is not None and (frame["code"], frame["message"]) == (
                failure.code,
                failure.message,
            )
            return None if same else f"kept otherwise than told: {exchange} and {frame}"
        if exchange.failure is not None or (
            exchange.turn,
            exchange.stop_reason,
            exchange.usage.as_dict(),
        ) != (
            frame["turn"],
            frame["stop_reason"],
            frame["usage"],
        ):
            return f"kept otherwise than told: {exchange} and {frame}"
        told = None if frame["deltas"] is None else asked.text(frame["deltas"])
        if told is not None and told != (exchange.answer or ""):
            return f"the deltas are {told!r}, kept is {exchange.answer!r}"
        return None

    def _client(self, service: str, **_: object) -> Client:
        if service == "dynamodb":
            return Client(self.wire, self.table, Exceptions, _brief_call)
        if service == "sqs":
            return Client(self.wire, Lines({TURNS: self.line, DEAD: self.dead}), None, _brief_sqs)
        assert service == "apigatewaymanagementapi", service
        gateway = SimpleNamespace(post_to_connection=self._post)
        return Client(
            self.wire,
            gateway,
            SimpleNamespace(GoneException=GoneException),
            lambda _, request: f"posts {_brief(json.loads(request['Data']))} to {request['ConnectionId']}",
        )

    def _stand_ins(self) -> list[tuple[Any, str, Any]]:
        threads, time = self.stage.threads, self.stage.time
        clock = self

        class Now(datetime):
            @classmethod
            def now(cls, tz: Any = None) -> Any:
                return clock.now() if tz else clock.now().astimezone().replace(tzinfo=None)

        moments = SimpleNamespace(datetime=Now, timedelta=timedelta)
        return [
            *((module, "threading", threads) for module in (outbox, watching, interruption, queue_adapter)),
            *(
                (module, "time", time)
                for module in (answering, asking, outbox, conflicts, batches, intake, forgetting)
            ),
            *(
                (module, "dt", moments)
                for module in (persistence, persistence_base, datarecord, idempotency_base)
            ),
            (watching, "INTERVAL", 0.005),
            (outbox, "INTERVAL", 0),
            (outbox, "FIRST_WAIT", 0),
            (bootstrap, "now", self.now),
            (bootstrap, "settings", lambda: self._settings),
            (bootstrap, "_claude", lambda _: self.claude),
            (aws, "client", self._client),
            (answer_handler, "record_turn", lambda *_: None),
            (message_handler, "count_failure", lambda _: None),
            (telemetry.logger, "info", lambda *_, **__: None),
            (telemetry.logger, "warning", lambda *_, **__: None),
            (telemetry.logger, "error", lambda *_, **__: None),
            (telemetry.logger, "exception", lambda *_, **__: None),
        ]


def _number(body: str) -> int:
    found = _REQUEST_ID.search(decode(body).request_id)
    assert found is not None
    return int(found[1])


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def _brief(frame: Frame) -> str:
    named = ("request_id", "seq", "text", "code", "stop_reason", "turn", "deltas")
    return " ".join([frame["type"], *(str(frame[name]) for name in named if frame.get(name) is not None)])


def _brief_sqs(operation: str, request: dict[str, Any]) -> str:
    if operation == "send_message":
        return f"queues {decode(request['MessageBody']).request_id}"
    return operation.replace("_", " ")


def _brief_call(operation: str, request: dict[str, Any]) -> str:
    words = [operation.replace("_", " ")]
    for each in (request, *(entry["Update"] for entry in request.get("TransactItems", ()))):
        for key in (each.get("Key"), each.get("Item")):
            words += (
                [str(next(iter(key[name].values()))) for name in ("session_id", "seq", "hash") if name in key]
                if key
                else []
            )
        words += [each["UpdateExpression"][:MOST_WRITTEN] for _ in (1,) if "UpdateExpression" in each]
    return " ".join(words)


logging.getLogger("aws_lambda_powertools").setLevel(logging.CRITICAL)
