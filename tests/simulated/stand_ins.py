"""What takes the place of the clock, the threads and boto3's clients in the bridge's modules."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any
from unittest import mock

from aws_lambda_powertools.utilities.idempotency import base as idempotency_base
from aws_lambda_powertools.utilities.idempotency.persistence import base as persistence_base
from aws_lambda_powertools.utilities.idempotency.persistence import datarecord
from aws_lambda_powertools.utilities.idempotency.persistence import dynamodb as persistence
from botocore.exceptions import ClientError

from bridge import answering, asking, bootstrap, forgetting, interruption, outbox, telemetry, watching
from bridge.adapters import aws, batches, conflicts, intake
from bridge.adapters import queue as queue_adapter
from bridge.adapters.queue import decode
from bridge.handlers import answer as answer_handler
from bridge.handlers import message as message_handler
from bridge.settings import Settings
from tests.fakes import MODEL
from tests.simulated.claude import Claude
from tests.simulated.facts import DAY, HASHES, SESSIONS, Facts
from tests.simulated.line import Lines
from tests.simulated.remote import Client, Wire
from tests.simulated.strands import Stage
from tests.simulated.table import Exceptions
from tests.simulated.told import Frame

TURNS, DEAD = "https://sqs/turns.fifo", "https://sqs/dead.fifo"

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

logging.getLogger("aws_lambda_powertools").setLevel(logging.CRITICAL)


class GoneException(ClientError):  # type: ignore[misc]
    """The connection is closed."""


class StandIns(contextlib.ExitStack):
    """A context in which the bridge runs in a world: ``post`` takes what it tells its clients."""

    def __init__(
        self,
        facts: Facts,
        stage: Stage,
        wire: Wire,
        claude: Claude,
        post: Callable[[str, Frame], None],
        context_limit: int,
    ) -> None:
        super().__init__()
        self._facts = facts
        self._stage = stage
        self._wire = wire
        self._claude = claude
        self._post = post
        budget = {} if facts.daily_tokens is None else {"DAILY_TOKENS": str(facts.daily_tokens)}
        self._settings = Settings(_ENVIRONMENT | budget | {"CONTEXT_LIMIT": str(context_limit)})

    def __enter__(self) -> StandIns:
        self.callback(_forget_parts)
        _forget_parts()
        for target, name, stand_in in self._all():
            self.enter_context(mock.patch.object(target, name, stand_in))
        return self

    def _client(self, service: str, **_: object) -> Client:
        lines = Lines({TURNS: self._facts.line, DEAD: self._facts.dead})
        if service == "dynamodb":
            return Client(self._wire, self._facts.table, Exceptions, _brief_table)
        if service == "sqs":
            return Client(self._wire, lines, None, _brief_queue)
        assert service == "apigatewaymanagementapi", service
        gateway = SimpleNamespace(post_to_connection=self._post_to_connection)
        return Client(self._wire, gateway, SimpleNamespace(GoneException=GoneException), _brief_post)

    def _post_to_connection(self, ConnectionId: str, Data: bytes) -> None:  # noqa: N803
        try:
            self._post(ConnectionId, json.loads(Data))
        except LookupError as gone:
            raise GoneException({"Error": {"Code": "GoneException"}}, "PostToConnection") from gone

    def _all(self) -> list[tuple[Any, str, Any]]:
        facts, threads, time = self._facts, self._stage.threads, self._stage.time

        class Now(datetime):
            @classmethod
            def now(cls, tz: Any = None) -> Any:
                return facts.now() if tz else facts.now().astimezone().replace(tzinfo=None)

        moments = SimpleNamespace(datetime=Now, timedelta=timedelta)
        timed = (answering, asking, outbox, conflicts, batches, intake, forgetting)
        return [
            *((module, "threading", threads) for module in (outbox, watching, interruption, queue_adapter)),
            *((module, "time", time) for module in timed),
            *(
                (module, "dt", moments)
                for module in (persistence, persistence_base, datarecord, idempotency_base)
            ),
            (watching, "INTERVAL", 0.005),
            (outbox, "INTERVAL", 0),
            (outbox, "FIRST_WAIT", 0),
            (bootstrap, "now", facts.now),
            (bootstrap, "settings", lambda: self._settings),
            (bootstrap, "_claude", lambda _: self._claude),
            (aws, "client", self._client),
            (answer_handler, "record_turn", lambda *_: None),
            (message_handler, "count_failure", lambda _: None),
            *(
                (telemetry.logger, level, lambda *_, **__: None)
                for level in ("info", "warning", "error", "exception")
            ),
        ]


def _forget_parts() -> None:
    for part in vars(bootstrap).values():
        if hasattr(part, "cache_clear"):
            part.cache_clear()


def brief(frame: Frame) -> str:
    """Return what of a frame is worth a place in the trace."""
    named = ("request_id", "seq", "text", "code", "stop_reason", "turn", "deltas")
    return " ".join([frame["type"], *(str(frame[name]) for name in named if frame.get(name) is not None)])


def _brief_post(_: str, request: dict[str, Any]) -> str:
    return f"posts {brief(json.loads(request['Data']))} to {request['ConnectionId']}"


def _brief_queue(operation: str, request: dict[str, Any]) -> str:
    if operation == "send_message":
        return f"queues {decode(request['MessageBody']).request_id}"
    return operation.replace("_", " ")


def _brief_table(operation: str, request: dict[str, Any]) -> str:
    words = [operation.replace("_", " ")]
    for each in (request, *(part for entry in request.get("TransactItems", ()) for part in entry.values())):
        key = each.get("Key") or each.get("Item") or {}
        words += [str(*key[name].values()) for name in ("session_id", "seq", "hash") if name in key]
        words.append(each.get("UpdateExpression", "")[:MOST_WRITTEN])
    return " ".join(filter(None, words))
