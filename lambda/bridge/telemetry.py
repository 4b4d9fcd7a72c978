"""What the functions tell their operators: JSON logs, and metrics in the embedded metric format.

A log line names sessions' turns, codes and times; never a message's text, a token or a key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit, single_metric

from bridge.conversation import STOP_REASON_CANCELLED
from bridge.errors import UpstreamError, UpstreamOverloaded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.conversation import Exchange, Turn
    from bridge.outcome import Outcome
    from bridge.pricing import Bill
    from bridge.summarizing import Folded

logger = Logger()
metrics = Metrics()


def count_failure(code: str) -> None:
    """Count an error by its code."""
    with single_metric(
        name="Failures", unit=MetricUnit.Count, value=1, namespace=metrics.namespace
    ) as metric:
        metric.add_dimension(name="service", value=metrics.service)
        metric.add_dimension(name="code", value=code)


def _count_dollars(bill: Bill) -> None:
    """Count what a call cost, and that by kind."""
    metrics.add_metric(name="Dollars", unit=MetricUnit.NoUnit, value=bill.cost.nanodollars / 1e9)
    for kind, dollars in bill.dollars().items():
        metrics.add_metric(name=f"Dollars{_capitalized(kind)}", unit=MetricUnit.NoUnit, value=dollars)


def _capitalized(kind: str) -> str:
    return "".join(word.capitalize() for word in kind.split("_"))


def record_turn(turn: Turn, outcome: Outcome, waited: float) -> None:
    """Log and measure a turn; ``waited`` is how long it stood in the queue, in seconds."""
    assert outcome.exchange is not None  # noqa: S101 - a turn without one raised
    exchange = outcome.exchange
    metrics.add_metric(name="Turns", unit=MetricUnit.Count, value=1)
    # 0 for every other turn: its average is the share that an alarm watches.
    by_claude = isinstance(outcome.failure, UpstreamError | UpstreamOverloaded)
    metrics.add_metric(name="UpstreamFailures", unit=MetricUnit.Count, value=int(by_claude))
    metrics.add_metric(name="QueueWait", unit=MetricUnit.Milliseconds, value=waited * 1000)
    metrics.add_metric(name="Duration", unit=MetricUnit.Milliseconds, value=outcome.duration * 1000)
    metrics.add_metric(name="Posts", unit=MetricUnit.Count, value=outcome.posts)
    if outcome.first_text is not None:
        first_token = (waited + outcome.first_text) * 1000
        metrics.add_metric(name="TimeToFirstToken", unit=MetricUnit.Milliseconds, value=first_token)
    if not outcome.repeated:
        for kind, tokens in exchange.usage.as_dict().items():
            metrics.add_metric(name=_capitalized(kind), unit=MetricUnit.Count, value=tokens)
        if outcome.bill is not None:
            _count_dollars(outcome.bill)
    if turn.recall != "off" and not outcome.repeated:
        metrics.add_metric(name="Recalled", unit=MetricUnit.Count, value=outcome.recalled)
        metrics.add_metric(
            name="RecallDuration", unit=MetricUnit.Milliseconds, value=outcome.recall_seconds * 1000
        )
    if outcome.recall_failure is not None:
        logger.warning("nothing could be recalled", exc_info=outcome.recall_failure)
        count_failure("recall")
    if outcome.failure is not None:
        count_failure(outcome.failure.code)
    if outcome.watch_failure is not None:
        logger.warning("could not see whether the turn was resumed", exc_info=outcome.watch_failure)
    if outcome.post_failure is not None:
        logger.warning("the client could not be posted to", exc_info=outcome.post_failure)
    logger.info(
        _outcome_of(exchange),
        turn=exchange.turn,
        model=exchange.model,
        stop_reason=exchange.stop_reason,
        code=exchange.failure.code if exchange.failure else None,
        detail=outcome.failure.detail if outcome.failure else None,
        claude_request_id=outcome.claude_request_id,
        usage=exchange.usage.as_dict(),
        dollars=outcome.bill.dollars() if outcome.bill else None,
        wire=turn.wire,
        connection_id=turn.connection_id,
        repeated=outcome.repeated,
        client_gone=outcome.client_gone,
        recalled=outcome.recalled,
        recall_ms=round(outcome.recall_seconds * 1000),
        posts=outcome.posts,
        waited_ms=round(waited * 1000),
        first_token_ms=None if outcome.first_text is None else round((waited + outcome.first_text) * 1000),
        duration_ms=round(outcome.duration * 1000),
    )


def _outcome_of(exchange: Exchange) -> str:
    if exchange.failure is not None:
        return "turn failed"
    return "turn cancelled" if exchange.stop_reason == STOP_REASON_CANCELLED else "turn answered"


def record_summary(folded: Folded) -> None:
    """Log and measure a summary that was written."""
    usage = folded.taken.usage
    metrics.add_metric(name="Summaries", unit=MetricUnit.Count, value=1)
    metrics.add_metric(name="SummaryInputTokens", unit=MetricUnit.Count, value=usage.input_tokens)
    metrics.add_metric(name="SummaryOutputTokens", unit=MetricUnit.Count, value=usage.output_tokens)
    if folded.bill is not None:
        _count_dollars(folded.bill)
    logger.info(
        "summary written" if folded.kept else "summary came too late",
        turns=folded.turns,
        characters=folded.characters,
        usage=usage.as_dict(),
        dollars=folded.bill.dollars() if folded.bill else None,
        request_ids=folded.request_ids,
        claude_request_ids=folded.claude_request_ids,
    )


def record_taken_in(request_ids: Sequence[str]) -> None:
    """Log which turns came into their owner's memory, so that each can be followed to its end."""
    logger.info("exchanges taken into a memory", exchanges=len(request_ids), request_ids=request_ids)


def record_lost_memories(segments: int, exchanges: int) -> None:
    """Log and count segments of a memory that could not be read: what they named is not recalled any more."""
    count_failure("remember")
    logger.error("a part of a memory could not be read and was given up", segments=segments, lost=exchanges)
