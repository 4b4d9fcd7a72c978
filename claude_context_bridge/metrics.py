"""The `metric_*()` methods of a bridge: its metrics, for alarms and dashboards of one's own."""

from typing import TypedDict, Unpack

from aws_cdk import Duration
from aws_cdk.aws_cloudwatch import MathExpression, Metric

from claude_context_bridge.measures import FUNCTIONS, FunctionName, Measure, Measures, Tokens

_PERIOD_SECONDS = 300  # what CloudWatch's own constructs take, too


class MetricOptions(TypedDict, total=False):
    """What may be told a `metric_*()`, as with CDK's own."""

    period: Duration
    """What one data point covers; five minutes by default."""
    statistic: str
    """How its values become one: `Sum`, `Average`, `Maximum`, `SampleCount`, `p95` …"""
    label: str
    """What a graph calls it."""
    color: str
    """Its colour in a graph, as `#rrggbb`."""


class ExpressionOptions(TypedDict, total=False):
    """What may be told a `metric_*()` that is reckoned from others: their statistic is its own affair."""

    period: Duration
    label: str
    color: str


class Metered:
    """What can be asked of a bridge's metrics. What nobody did leaves no data point: an idle bridge has none.

    Statistics named here are defaults.
    """

    @property
    def measures(self) -> Measures:
        """What CloudWatch calls the metrics."""
        raise NotImplementedError

    def metric_turns(self, **options: Unpack[MetricOptions]) -> Metric:
        """Return the turns that came to an end, failed and cancelled ones included (sum).

        As each of these it takes `period` (a Duration, five minutes by default), `statistic`, `label` and
        `color`; only `metric_cache_hit_share` takes no `statistic`.
        """
        return metric_of(self.measures.turns(), options)

    def metric_failures(
        self, code: str | None = None, **options: Unpack[MetricOptions]
    ) -> Metric | MathExpression:
        """Return the errors (sum): of turns, of refused connections and frames, and of keeping a memory.

        With one of the protocol's codes (`upstream_error`, `internal` …) only those of it. Without, all: that
        is a search, which a graph can show and no alarm can watch.
        """
        if code is not None:
            return metric_of(self.measures.failures(code), options)
        period = options.get("period") or Duration.seconds(_PERIOD_SECONDS)
        search = self.measures.failures_by_code(options.get("statistic", "Sum"), int(period.to_seconds()))
        return MathExpression(
            expression=f"SUM({search})",
            using_metrics={},
            period=period,
            label=options.get("label", "failures"),
            color=options.get("color"),
        )

    def metric_upstream_failures(self, **options: Unpack[MetricOptions]) -> Metric:
        """Return the turns that Claude did not answer (sum); as `Average`, their share of all, 0 to 1."""
        return metric_of(self.measures.upstream_failures(), options)

    def metric_time_to_first_token(self, **options: Unpack[MetricOptions]) -> Metric:
        """Return the time from a message's being accepted to its answer's first text, in ms (p50)."""
        return metric_of(self.measures.time_to_first_token(), options)

    def metric_duration(self, **options: Unpack[MetricOptions]) -> Metric:
        """Return the time that answering a turn took, from its being taken up on, in ms (p50)."""
        return metric_of(self.measures.duration(), options)

    def metric_queue_wait(self, **options: Unpack[MetricOptions]) -> Metric:
        """Return the time that a turn waited for a function, in ms (p50); known when it is taken up."""
        return metric_of(self.measures.queue_wait(), options)

    def metric_tokens(self, kind: Tokens, **options: Unpack[MetricOptions]) -> Metric:
        """Return the tokens of turns (sum), of a kind: `input`, `output`, `cache_write` or `cache_read`.

        `input` is what Claude read anew, neither put into its cache nor taken from there. Raises ValueError
        for another kind.
        """
        return metric_of(self.measures.tokens(kind), options)

    def metric_dollars(self, kind: Tokens | None = None, **options: Unpack[MetricOptions]) -> Metric:
        """Return what turns and summaries cost, in US dollars by the prices in the settings (sum).

        In all or of one kind of tokens; models without a price are not in it. Raises ValueError for another
        kind.
        """
        return metric_of(self.measures.dollars(kind), options)

    def metric_cache_hit_share(self, **options: Unpack[ExpressionOptions]) -> MathExpression:
        """Return how much of what Claude read came from its cache, in percent of the tokens."""
        period = options.get("period") or Duration.seconds(_PERIOD_SECONDS)
        kinds: tuple[Tokens, ...] = ("input", "cache_write", "cache_read")
        return MathExpression(
            expression=CACHE_HIT_SHARE,
            using_metrics={kind: metric_of(self.measures.tokens(kind), {"period": period}) for kind in kinds},
            period=period,
            label=options.get("label", "cache hit share"),
            color=options.get("color"),
        )

    def metric_recall_duration(self, **options: Unpack[MetricOptions]) -> Metric:
        """Return the time that it took to find what Claude is reminded of, in ms (p50)."""
        return metric_of(self.measures.recall_duration(), options)

    def metric_summaries(self, **options: Unpack[MetricOptions]) -> Metric:
        """Return the summaries that were written (sum)."""
        return metric_of(self.measures.summaries(), options)

    def metric_queue_age(self, **options: Unpack[MetricOptions]) -> Metric:
        """Return the age of the oldest turn that is not done, in seconds (maximum), as SQS reports it.

        A turn that is being answered counts.
        """
        return metric_of(self.measures.queue_age(), options)

    def metric_queue_depth(self, **options: Unpack[MetricOptions]) -> Metric:
        """Return the turns that wait for a function (maximum), as SQS reports them."""
        return metric_of(self.measures.queue_depth(), options)

    def metric_dead_letters(self, **options: Unpack[MetricOptions]) -> Metric:
        """Return the turns in the dead-letter queue (maximum). None for hours says nothing: see SQS."""
        return metric_of(self.measures.dead_letters(), options)

    def metric_errors(self, function: FunctionName, **options: Unpack[MetricOptions]) -> Metric:
        """Return the calls of a function that ended without its saying anything (sum): killed, timed out.

        Errors that it expects are not among them, but in `metric_failures`. `function` is `connect`,
        `disconnect`, `message`, `answer` or `remember`; ValueError for another.
        """
        return metric_of(self.measures.function(function, "Errors"), options)

    def metric_throttles(
        self, function: FunctionName | None = None, **options: Unpack[MetricOptions]
    ) -> Metric | MathExpression:
        """Return the calls that Lambda refused for want of concurrency (sum), of a function or of all five.

        Raises ValueError for an unknown function.
        """
        if function is not None:
            return metric_of(self.measures.function(function, "Throttles"), options)
        each = {str(name): self.measures.function(name, "Throttles") for name in FUNCTIONS}
        return _sum(each, "throttles", options)

    def metric_table_throttles(self, **options: Unpack[MetricOptions]) -> MathExpression:
        """Return the reads and writes that DynamoDB refused, of both tables and the index (sum).

        Most of them are tried again and come to nothing.
        """
        its = self.measures
        each = {f"m{number}": it for number, it in enumerate(its.table_throttles() + its.index_throttles())}
        return _sum(each, "table throttles", options)

    def metric_memory_age(self, **options: Unpack[MetricOptions]) -> Metric:
        """Return how far `remember` is behind what was said, in ms (maximum)."""
        return metric_of(self.measures.memory_age(), options)

    def metric_connects(self, **options: Unpack[MetricOptions]) -> Metric:
        """Return the connections that were asked for (sum), refused ones included."""
        return metric_of(self.measures.gateway("ConnectCount", "connects"), options)

    def metric_messages(self, **options: Unpack[MetricOptions]) -> Metric:
        """Return the messages that API Gateway billed (sum): to clients and from them."""
        return metric_of(self.measures.gateway("MessageCount", "messages"), options)


CACHE_HIT_SHARE = "100 * cache_read / (input + cache_write + cache_read)"
"""In percent, of tokens by kind. No turn, no share."""


def metric_of(measure: Measure, options: MetricOptions) -> Metric:
    """Return a metric as CDK knows it."""
    return Metric(
        namespace=measure.namespace,
        metric_name=measure.name,
        dimensions_map=dict(measure.dimensions),
        period=options.get("period"),
        statistic=options.get("statistic", measure.statistic),
        label=options.get("label"),
        color=options.get("color"),
    )


def _sum(measures: dict[str, Measure], label: str, options: MetricOptions) -> MathExpression:
    each = MetricOptions(**options)
    each.pop("label", None)
    each.pop("color", None)
    return MathExpression(
        expression=SUM,
        using_metrics={name: metric_of(measure, each) for name, measure in measures.items()},
        period=options.get("period"),
        label=options.get("label", label),
        color=options.get("color"),
    )


SUM = "SUM(FILL(METRICS(), 0))"
"""Of metrics of which any may have no data: what never happened counts as nothing."""
