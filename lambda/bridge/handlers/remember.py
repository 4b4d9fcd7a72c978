"""The sessions table's stream: what was said is analysed and summarized, off the reply path.

The events carry keys alone, and serve as a nudge: what there is to do stands in the table, so that an
event that comes twice, late or never does no harm.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

from bridge import bootstrap
from bridge.adapters import items
from bridge.conversation import SessionKey
from bridge.errors import BridgeError
from bridge.telemetry import count_failure, logger, metrics, record_summary

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord
    from aws_lambda_powertools.utilities.typing import LambdaContext

bootstrap.prepare(bootstrap.remembering, bootstrap.summarizing)

# An invocation in which every record failed has reported them all, one by one: it is not an error.
_processor = BatchProcessor(EventType.DynamoDBStreams, raise_on_entire_batch_failure=False)


@metrics.log_metrics
@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Follow a batch of changes; what failed is delivered again."""
    batch = _Batch()
    return process_partial_response(event, batch.follow, _processor, context)


class _Batch:
    """What was done already for the records of one batch: all their changes came before it."""

    def __init__(self) -> None:
        self._owners: set[str] = set()
        self._sessions: set[SessionKey] = set()

    def follow(self, record: DynamoDBRecord) -> None:
        """Do what a change of an item calls for."""
        keys = (record.dynamodb.keys if record.dynamodb else None) or {}
        key = items.session_of(keys.get("session_id"))
        if key is None:
            return
        if key.owner not in self._owners:
            bootstrap.remembering().tend(key.owner)
            self._owners.add(key.owner)
        if key not in self._sessions:
            self._summarize(key)
            self._sessions.add(key)

    @staticmethod
    def _summarize(key: SessionKey) -> None:
        try:
            folded = bootstrap.summarizing().fold(key)
        except BridgeError as error:
            count_failure("summary")
            logger.warning("no summary was written", code=error.code, detail=error.detail)
            raise
        if folded is not None:
            record_summary(folded)
