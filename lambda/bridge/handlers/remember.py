"""The sessions table's stream: what was said is analysed and summarized, off the reply path.

The events carry keys alone, and serve as a nudge: what there is to do stands in the table, so that an
event that comes twice, late or never does no harm.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

from bridge import bootstrap
from bridge.adapters import items
from bridge.conversation import SessionKey
from bridge.errors import BridgeError
from bridge.telemetry import count_failure, logger, put_out_metrics, record_summary

if TYPE_CHECKING:
    from collections.abc import Callable

    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord
    from aws_lambda_powertools.utilities.typing import LambdaContext

_Subject = TypeVar("_Subject", str, SessionKey)

bootstrap.prepare(bootstrap.remembering, bootstrap.summarizing)

# An invocation in which every record failed has reported them all, one by one: it is not an error.
_processor = BatchProcessor(EventType.DynamoDBStreams, raise_on_entire_batch_failure=False)


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Follow a batch of changes; what failed is delivered again."""
    try:
        return process_partial_response(event, _Batch().follow, _processor, context)
    finally:
        put_out_metrics()


class _Batch:
    """What was done already for the records of one batch, or failed: all their changes came before it."""

    def __init__(self) -> None:
        self._outcomes: dict[tuple[object, str | SessionKey], Exception | None] = {}

    def follow(self, record: DynamoDBRecord) -> None:
        """Do what a change of an item calls for; raise what went wrong to each that called for it."""
        keys = (record.dynamodb.keys if record.dynamodb else None) or {}
        key = items.session_of(keys.get("session_id"))
        if key is None:
            return
        if keys.get("seq") == items.HEADER_SEQ:
            self._once(key.owner, _tend)
        else:  # an exchange was removed, at the end of its time or by whoever forgot it
            self._once(key.owner, _tend_after_removal)
            self._once(key, _retitle)
        self._once(key, _summarize)

    def _once(self, subject: _Subject, act: Callable[[_Subject], None]) -> None:
        if (act, subject) not in self._outcomes:
            self._outcomes[act, subject] = _failure(act, subject)
        if (failure := self._outcomes[act, subject]) is not None:
            raise failure


def _failure(act: Callable[[_Subject], None], subject: _Subject) -> Exception | None:
    try:
        act(subject)
    except Exception as failure:  # noqa: BLE001 - whatever it is, it is this subject's alone
        return failure
    return None


def _tend(owner: str, *, removed: bool = False) -> None:
    try:
        bootstrap.remembering().tend(owner, removed=removed)
    except Exception:
        count_failure("remember")
        logger.exception("a memory could not be tended")
        raise


def _tend_after_removal(owner: str) -> None:
    _tend(owner, removed=True)


def _retitle(key: SessionKey) -> None:
    try:
        bootstrap.titles().renew(key)
    except Exception:
        count_failure("remember")
        logger.exception("a session's title could not be put right")
        raise


def _summarize(key: SessionKey) -> None:
    try:
        folded = bootstrap.summarizing().fold(key)
    except BridgeError as error:
        count_failure("summary")
        logger.warning(
            "no summary was written",
            code=error.code,
            detail=error.detail,
            claude_request_id=error.claude_request_id,
        )
        if error.retryable:
            raise
        return  # the session's next turn tries again
    except Exception:
        count_failure("summary")
        logger.exception("no summary could be written")
        raise
    if folded is not None:
        record_summary(folded)
