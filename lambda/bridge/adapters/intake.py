"""Taking a turn in once: Powertools' idempotency before the queue."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from aws_lambda_powertools.utilities.idempotency.exceptions import (
    IdempotencyAlreadyInProgressError,
    IdempotencyValidationError,
)

from bridge.conversation import Turn
from bridge.errors import Conflict
from bridge.ports import TurnQueue

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


class IdempotentIntake:
    """Queues a turn once per owner, session and request id, and takes every repeat for the same.

    A turn on the original's wire has no request id of its client's: it is never taken for a
    repeat, since people do say "yes" twice.
    """

    def __init__(self, queue: TurnQueue, client: Any, table: str, remember_for: timedelta) -> None:
        self._queue = queue
        self._config = IdempotencyConfig(
            event_key_jmespath="[owner, session_id, request_id]",
            payload_validation_jmespath="[message, model]",
            expires_after_seconds=int(remember_for.total_seconds()),
        )
        self._once = idempotent_function(
            self._take_in,
            data_keyword_argument="request",
            config=self._config,
            persistence_store=DynamoDBPersistenceLayer(
                table_name=table,
                key_attr="hash",
                expiry_attr="ttl",
                in_progress_expiry_attr="in_progress_until",
                boto3_client=client,
            ),
            key_prefix="query",
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
        }
        try:
            self._once(request=request, turn=turn)
        except IdempotencyAlreadyInProgressError as error:
            raise Conflict(
                "This request is being taken in already. Wait for its answer.", retryable=True, retry_after=1
            ) from error
        except IdempotencyValidationError as error:
            raise Conflict("This request_id belongs to another message. Use a new one.") from error

    def _take_in(self, *, request: dict[str, str], turn: Turn) -> None:
        self._queue.send(turn)
