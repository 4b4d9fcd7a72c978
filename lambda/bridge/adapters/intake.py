"""Taking a turn in once: Powertools' idempotency before the queue."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from aws_lambda_powertools.utilities.idempotency.exceptions import (
    IdempotencyAlreadyInProgressError,
    IdempotencyItemNotFoundError,
    IdempotencyValidationError,
)

from bridge.adapters import hashes
from bridge.conversation import Turn
from bridge.errors import Conflict
from bridge.ports.turns import TurnQueue

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

Forgot = Callable[[str, str], int]
"""Returns up to when a session of an owner's was forgotten, in milliseconds since the epoch; else -1."""

_COMPLETED, _IN_PROGRESS = "COMPLETED", "INPROGRESS"


class _Request(NamedTuple):
    """What is known of a request that was taken in: its session, when that was, and its record's text."""

    session: str
    accepted: int
    text: str


class IdempotentIntake:
    """Queues a turn once per owner and request id, and takes every repeat for the same.

    The same request is one of the same session, message, model and instructions; what it is to be reminded
    of and the connection it comes by may be others. Where its session was forgotten since, it counts as new.

    A turn on the original's wire has no request id of its client's: it is never taken for a
    repeat, since people do say "yes" twice.
    """

    def __init__(
        self, queue: TurnQueue, client: Any, table: str, remember_for: timedelta, forgot: Forgot
    ) -> None:
        self._queue = queue
        self._client = client
        self._table = table
        self._forgot = forgot
        self._config = IdempotencyConfig(
            event_key_jmespath=hashes.EVENT_KEY,
            # With the id, which the table does not have: else its hash would bear out who guesses. What is
            # null is left out, so that a request without instructions has the hash that it always had.
            payload_validation_jmespath="[request_id, session_id, message, model, system][?@ != `null`]",
            expires_after_seconds=int(remember_for.total_seconds()),
        )
        self._once = idempotent_function(
            self._take_in,
            data_keyword_argument="request",
            config=self._config,
            persistence_store=self._store(),
            key_prefix=hashes.PREFIX,
        )
        # Whoever looks a request up does not know its message, which Powertools would compare.
        self._look_ups = self._store()
        self._look_ups.configure(
            IdempotencyConfig(event_key_jmespath=hashes.EVENT_KEY), key_prefix=hashes.PREFIX
        )

    def register(self, context: LambdaContext) -> None:
        """Tell how long this invocation may take: after that an unfinished repeat is taken in anew."""
        self._config.register_lambda_context(context)

    def __call__(self, turn: Turn) -> None:
        """Queue the turn unless its request was queued before."""
        if turn.wire == "original":
            self._queue.send(turn)
            return
        request = {
            "owner": turn.key.owner,
            "session_id": turn.key.name,
            "request_id": turn.request_id,
            "message": turn.message,
            "model": turn.model,
            "system": turn.system,
        }
        if not self._queued(request, turn) and not self._queued(request, turn):
            raise _being_taken_in()

    def session_of(self, owner: str, request_id: str) -> str | None:
        """Return the session of a request that was taken in; None where it is not known any more.

        Raises `Conflict`, retryable, while it is being taken in.
        """
        found = self._look_up(owner, request_id)
        if found is None or self._forgot(owner, found.session) >= found.accepted:
            return None
        return found.session

    def _queued(self, request: dict[str, str | None], turn: Turn) -> bool:
        """Queue the turn once; return False where a record was in its way that is forgotten, and gone now."""
        try:
            accepted: int = self._once(request=request, turn=turn)["accepted"]
        except IdempotencyAlreadyInProgressError as error:
            raise _being_taken_in() from error
        except IdempotencyValidationError as error:
            if self._made_way(turn):
                return False
            raise Conflict(
                "This request_id belongs to another message, session or system prompt. Use a new one."
            ) from error
        return accepted == turn.accepted or not self._made_way(turn)

    def _take_in(self, *, request: dict[str, str | None], turn: Turn) -> dict[str, object]:
        self._queue.send(turn)
        sealed = hashes.seal(turn.key.name, turn.key.owner, turn.request_id)
        return {"session": sealed, "accepted": turn.accepted}  # sorted, as JSON: see `DynamoHashes.release`

    def _look_up(self, owner: str, request_id: str) -> _Request | None:
        try:
            record = self._look_ups.get_record({"owner": owner, "request_id": request_id})
        except IdempotencyItemNotFoundError:
            return None
        if record is None or record.status not in (_COMPLETED, _IN_PROGRESS):  # past its time
            return None
        if record.status == _IN_PROGRESS:
            if (record.in_progress_expiry_timestamp or 0) > time.time() * 1000:
                raise _being_taken_in()
            return None  # whoever took it in died: it is taken in anew where it comes again
        kept = json.loads(record.response_data)
        session = hashes.unseal(kept["session"], owner, request_id)
        return _Request(session, kept["accepted"], record.response_data)

    def _made_way(self, turn: Turn) -> bool:
        """Remove the record of a request whose session was forgotten since; tell whether it was."""
        owner = turn.key.owner
        found = self._look_up(owner, turn.request_id)
        if found is None:
            return True
        if self._forgot(owner, found.session) < found.accepted:
            return False
        with contextlib.suppress(self._client.exceptions.ConditionalCheckFailedException):
            self._client.delete_item(
                TableName=self._table,
                Key=hashes.key_of(owner, turn.request_id),
                ConditionExpression="#data = :read",  # another repeat may have been taken in just now
                ExpressionAttributeNames={"#data": "data"},
                ExpressionAttributeValues={":read": {"S": found.text}},
            )
        return True

    def _store(self) -> DynamoDBPersistenceLayer:
        return DynamoDBPersistenceLayer(
            table_name=self._table,
            key_attr=hashes.KEY_ATTRIBUTE,
            expiry_attr="ttl",
            in_progress_expiry_attr="in_progress_until",
            boto3_client=self._client,
        )


def _being_taken_in() -> Conflict:
    return Conflict(
        "This request is being taken in already. Wait for its answer.", retryable=True, retry_after=1
    )
