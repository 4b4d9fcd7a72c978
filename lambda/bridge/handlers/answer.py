"""The queue's consumer: answers one turn after the other, each session's in order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bridge import bootstrap
from bridge.adapters.queue import decode
from bridge.telemetry import logger, put_out_metrics, record_turn

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

bootstrap.prepare(bootstrap.answering, bootstrap.queue, kept=(bootstrap.recall,))


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> None:
    """Answer the turns of a batch (of one). Raising makes the queue deliver it again."""
    for record in event["Records"]:
        with bootstrap.queue().hold(record["receiptHandle"]):
            turn = decode(record["body"])
            logger.set_correlation_id(turn.request_id)
            sent = int(record["attributes"]["SentTimestamp"]) / 1000
            waited = max(0.0, bootstrap.now().timestamp() - sent)
            outcome = bootstrap.answering().answer(turn, context.get_remaining_time_in_millis() / 1000)
        record_turn(turn, outcome, waited)
        put_out_metrics()
