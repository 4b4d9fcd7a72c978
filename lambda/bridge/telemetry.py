"""What the functions tell their operators: JSON logs, and metrics in the embedded metric format.

A log line names sessions' turns, codes and times; never a message's text, a token or a key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit, single_metric
from aws_lambda_powertools.metrics.functions import is_metrics_disabled

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


def _measure(name: str, value: float, unit: MetricUnit = MetricUnit.Count) -> None:
    # Powertools would gather them also where it is told to put out none.
    if not is_metrics_disabled():
        metrics.add_metric(name=name, unit=unit, value=value)


def put_out_metrics() -> None:
    """Write what was measured since the last time, if anything was."""
    if metrics.provider.metric_set:
        metrics.flush_metrics()


def count_failure(code: str) -> None:
    """Count an error by its code."""
    if is_metrics_disabled():
        return
    with single_metric(
        name="Failures", unit=MetricUnit.Count, value=1, namespace=metrics.namespace
    ) as metric:
        metric.add_dimension(name="service", value=metrics.service)
        metric.add_dimension(name="code", value=code)


def _count_dollars(bill: Bill) -> None:
    """Count what a call cost, and that by kind."""
    _measure("Dollars", bill.cost.nanodollars / 1e9, MetricUnit.NoUnit)
    for kind, dollars in bill.dollars().items():
        _measure(f"Dollars{_capitalized(kind)}", dollars, MetricUnit.NoUnit)


def _capitalized(kind: str) -> str:
    return "".join(word.capitalize() for word in kind.split("_"))


def record_turn(turn: Turn, outcome: Outcome, waited: float) -> None:
    """Log and measure a turn; ``waited`` is how long it stood in the queue, in seconds."""
    assert outcome.exchange is not None  # noqa: S101 - a turn without one raised
    exchange = outcome.exchange
    _measure("Turns", 1)
    # 0 for every other turn: its average is the share that an alarm watches.
    by_claude = isinstance(outcome.failure, UpstreamError | UpstreamOverloaded)
    _measure("UpstreamFailures", int(by_claude))
    _measure("QueueWait", waited * 1000, MetricUnit.Milliseconds)
    _measure("Duration", outcome.duration * 1000, MetricUnit.Milliseconds)
    _measure("Posts", outcome.posts)
    if outcome.first_text is not None:
        first_token = (waited + outcome.first_text) * 1000
        _measure("TimeToFirstToken", first_token, MetricUnit.Milliseconds)
    if not outcome.repeated:
        for kind, tokens in exchange.usage.as_dict().items():
            _measure(_capitalized(kind), tokens)
        if outcome.bill is not None:
            _count_dollars(outcome.bill)
    if turn.recall != "off" and not outcome.repeated:
        _measure("Recalled", outcome.recalled)
        _measure("RecallDuration", outcome.recall_seconds * 1000, MetricUnit.Milliseconds)
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
    _measure("Summaries", 1)
    _measure("SummaryInputTokens", usage.input_tokens)
    _measure("SummaryOutputTokens", usage.output_tokens)
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
