"""What is seen of a bridge at a glance.

One resource whose body is made here: CDK's widgets would take some eighty calls to jsii for the same JSON.
"""

import json
from typing import Any

from aws_cdk.aws_cloudwatch import CfnDashboard
from constructs import Construct

from claude_context_bridge.measures import FUNCTIONS, TOKENS, Measure, Measures
from claude_context_bridge.metrics import CACHE_HIT_SHARE

_PERIOD_SECONDS = 300
_COLUMNS = 24  # of CloudWatch's grid
_WIDTH, _HEIGHT = 8, 6

Json = dict[str, Any]

_TEXT = """\
### {service}
Times are for a turn: *time to first token* is what people wait for, the wait in the queue included.

**Where to look next:** `bridge top` shows what happens now; `bridge logs REQUEST_ID` follows one turn \
through all functions, up to Claude's own request id; `bridge dead-letters list` names turns that nobody \
answered. docs/operations.md says for each alarm what it means and what to do.
"""


class Dashboard(Construct):
    """`resource`: a dashboard that CloudFormation names, so that two bridges fit an account."""

    def __init__(self, scope: Construct, construct_id: str, measures: Measures) -> None:
        super().__init__(scope, construct_id)
        # Names that CloudFormation gives stand in the body as CDK's tokens: they need no quoting.
        self.resource = CfnDashboard(self, "Resource", dashboard_body=json.dumps(body(measures)))


def body(measures: Measures) -> Json:
    """Return the dashboard's body: its text on top, below it graphs, three in a row."""
    text: Json = {
        "type": "text",
        "x": 0,
        "y": 0,
        "width": _COLUMNS,
        "height": 3,
        "properties": {"markdown": _TEXT.format(service=measures.service)},
    }
    across = _COLUMNS // _WIDTH
    graphs = [
        {
            "type": "metric",
            "x": number % across * _WIDTH,
            "y": text["height"] + number // across * _HEIGHT,
            "width": _WIDTH,
            "height": _HEIGHT,
            "properties": {
                "region": measures.region,
                "period": _PERIOD_SECONDS,
                "view": "timeSeries",
                **graph,
            },
        }
        for number, graph in enumerate(_graphs(measures))
    ]
    return {"periodOverride": "inherit", "widgets": [text, *graphs]}


def _graphs(its: Measures) -> list[Json]:
    """Return the graphs' properties, the most asked for first."""
    codes = its.failures_by_code("Sum", _PERIOD_SECONDS)
    share = [_line(its.tokens(kind), id=kind, visible=False) for kind in TOKENS if kind != "output"]
    sessions, hashes = (
        its.table_errors(table, "Sum", _PERIOD_SECONDS) for table in (its.sessions_table, its.hashes_table)
    )
    return [
        _graph("Turns", "turns", _line(its.turns()), _line(its.upstream_failures())),
        _graph("Time to first token", "ms", *_percentiles(its.time_to_first_token())),
        _graph("Duration of an answer", "ms", *_percentiles(its.duration())),
        _graph("Errors by code", "errors", _found(codes, "${PROP('Dim.code')}")),
        _graph("Tokens by kind", "tokens", *(_line(its.tokens(kind)) for kind in TOKENS), stacked=True),
        _graph("Dollars by kind", "US$", *(_line(its.dollars(kind)) for kind in TOKENS), stacked=True),
        _graph("Cache hit share", "%", _found(CACHE_HIT_SHARE, "read from the cache"), *share, most=100),
        _graph("Finding what to recall", "ms", *_percentiles(its.recall_duration())),
        _graph("Wait in the queue", "ms", *_percentiles(its.queue_wait())),
        _graph("Age of the oldest turn", "s", _line(its.queue_age())),
        _graph("Waiting turns, dead letters", "turns", _line(its.queue_depth()), _line(its.dead_letters())),
        _graph("Age of what is not in the memory yet", "ms", _line(its.memory_age())),
        _graph("Functions: throttles", "calls", *(_line(its.function(it, "Throttles")) for it in FUNCTIONS)),
        _graph("Functions: errors", "calls", *(_line(its.function(it, "Errors")) for it in FUNCTIONS)),
        _graph(
            "Functions: at a time",
            "calls",
            *(_line(its.function(it, "ConcurrentExecutions", "Maximum")) for it in FUNCTIONS),
        ),
        _graph(
            "Tables: throttles and errors",
            "requests",
            *map(_line, its.table_throttles()),
            # Searched, not named: with more than 50 metrics a dashboard is never one of the free ones.
            *(_found(*it) for it in its.index_throttles_found("Sum", _PERIOD_SECONDS)),
            _found(sessions, "sessions ${PROP('Dim.Operation')} failed"),
            _found(hashes, "hashes ${PROP('Dim.Operation')} failed"),
        ),
        _graph(
            "Connections and messages",
            "",
            _line(its.gateway("ConnectCount", "connects")),
            _line(its.gateway("MessageCount", "messages")),
        ),
        _graph(
            "Gateway: errors",
            "requests",
            _line(its.gateway("ClientError", "client")),
            _line(its.gateway("IntegrationError", "a function refused or failed")),
            _line(its.gateway("ExecutionError", "a function could not be called")),
            _line(its.gateway("IntegrationLatency", "latency p95, ms", "p95"), yAxis="right"),
        ),
    ]


def _graph(title: str, unit: str, *lines: list[Any], stacked: bool = False, most: int | None = None) -> Json:
    axis: Json = {"min": 0, "label": unit, "showUnits": False}
    if most is not None:
        axis["max"] = most
    return {
        "title": title,
        "view": "timeSeries",
        "metrics": list(lines),
        "stacked": stacked,
        "yAxis": {"left": axis},
    }


def _line(measure: Measure, **options: object) -> list[Any]:
    dimensions = [part for dimension in measure.dimensions for part in dimension]
    told = {"label": measure.label, "stat": measure.statistic, **options}
    return [measure.namespace, measure.name, *dimensions, told]


def _percentiles(measure: Measure) -> list[list[Any]]:
    return [_line(measure, stat=stat, label=stat) for stat in ("p50", "p95")]


def _found(expression: str, label: str) -> list[Any]:
    return [{"expression": expression, "label": label}]
