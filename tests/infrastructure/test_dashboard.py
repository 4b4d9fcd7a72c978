"""The dashboard's body: well-formed, small enough, and made of metrics that there are."""

import json
import re
from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any

import pytest
from aws_cdk import App, Duration, Stack
from aws_cdk.assertions import Template
from aws_cdk.aws_cloudwatch import MathExpression, Metric

from claude_context_bridge import BridgeProps, ContextBridge
from claude_context_bridge.storage import SESSIONS_BY_OWNER
from tests.infrastructure.conftest import NO_BUNDLING, Synthesized, synthesize
from tests.measured import AWS, MEASURED

Build = Callable[..., tuple[ContextBridge, Synthesized]]
Json = dict[str, Any]

NAMESPACE = "Somebodys/Metrics"
MOST_BYTES = 100_000
"""CloudWatch refuses a larger body [doc]; what stands for CloudFormation's names is at most 50 longer."""


def body_of(dashboard: Json) -> Json:
    """Read a dashboard's body; the names that CloudFormation gives stand in it as `<id>`."""
    separator, parts = dashboard["Properties"]["DashboardBody"]["Fn::Join"]
    read: Json = json.loads(separator.join(it if isinstance(it, str) else _name(it) for it in parts))
    return read


def _name(reference: Json) -> str:
    ((_, target),) = reference.items()
    return f"<{target if isinstance(target, str) else target[0]}>"


@pytest.fixture(scope="module")
def two() -> dict[str, Json]:
    """Return the bodies of two bridges in one stack, by their construct's id."""
    stack = Stack(App(context=NO_BUNDLING), "Somebodys")
    for name in ("First", "Second"):
        ContextBridge(stack, name, BridgeProps(metrics_namespace=NAMESPACE))
    found = Synthesized(Template.from_stack(stack).to_json()).of_type("CloudWatch::Dashboard")
    # CloudFormation names them.
    assert not any("DashboardName" in it["Properties"] for it in found.values())
    return {it["Metadata"]["aws:cdk:path"].split("/")[1]: body_of(it) for it in found.values()}


@pytest.fixture(scope="module")
def body(two: dict[str, Json]) -> Json:
    """Return the body of one."""
    return two["First"]


def graphs_of(body: Json) -> dict[str, list[Any]]:
    """Return the lines of each graph by its title."""
    return {
        it["properties"]["title"]: it["properties"]["metrics"]
        for it in body["widgets"]
        if it["type"] == "metric"
    }


def metrics_of(body: Json) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Yield the namespace, name and dimensions of each metric, those that are searched included."""
    for line in (line for lines in graphs_of(body).values() for line in lines):
        if isinstance(line[0], str):
            namespace, name, *dimensions = line[:-1]
            yield namespace, name, dict(zip(dimensions[::2], dimensions[1::2], strict=True))
        elif found := re.fullmatch(
            r"""SEARCH\('\{"?([^,}"]+)"?,([^}]+)\} (.*)', 'Sum', 300\)""", line[0]["expression"]
        ):
            told = dict(re.findall(r'(\w+)="([^"]*)"', found[3]))
            yield found[1], told.pop("MetricName"), dict.fromkeys(found[2].split(","), "*") | told


def test_widgets_lie_in_the_grid_and_not_over_each_other(body: Json) -> None:
    for it in body["widgets"]:
        assert it["x"] >= 0
        assert it["x"] + it["width"] <= 24
    for one, other in combinations(body["widgets"], 2):
        apart = (
            one["x"] + one["width"] <= other["x"]
            or other["x"] + other["width"] <= one["x"]
            or one["y"] + one["height"] <= other["y"]
            or other["y"] + other["height"] <= one["y"]
        )
        assert apart, (one["properties"], other["properties"])


def test_it_is_small_enough(body: Json) -> None:
    names = json.dumps(body).count("<")
    assert len(json.dumps(body)) + 50 * names < MOST_BYTES
    assert len(body["widgets"]) <= 500


def test_every_metric_of_a_function_is_one_that_it_writes(body: Json) -> None:
    own = {(name, frozenset(told)) for namespace, name, told in metrics_of(body) if namespace == NAMESPACE}
    assert own <= MEASURED
    assert ("Failures", frozenset({"service", "code"})) in own


def test_every_metric_of_aws_is_one_that_it_documents(body: Json) -> None:
    others = {
        (namespace, name, frozenset(told))
        for namespace, name, told in metrics_of(body)
        if namespace != NAMESPACE
    }
    assert {namespace for namespace, _, _ in others} == set(AWS)
    for namespace, name, dimensions in others:
        assert name in AWS[namespace][dimensions], f"{namespace} has no {name} by {sorted(dimensions)}"


def test_a_namespace_that_is_no_word_is_searched_in_quotes(with_props: Build) -> None:
    """CloudWatch takes none without where anything but letters and digits is in it [doc]."""
    bridge, _ = with_props(metrics_namespace="Our-Team/Bridge#1")
    every = bridge.metric_failures()
    assert isinstance(every, MathExpression)
    assert every.expression.startswith('SUM(SEARCH(\'{"Our-Team/Bridge#1",code,service} ')


def test_the_functions_write_under_the_dashboards_namespace_and_service(with_props: Build) -> None:
    bridge, stack = with_props(metrics_namespace=NAMESPACE)
    assert bridge.dashboard is not None
    (dashboard,) = stack.of_type("CloudWatch::Dashboard").values()
    services = {told["service"] for ns, _, told in metrics_of(body_of(dashboard)) if ns == NAMESPACE}
    written = [
        it["Properties"]["Environment"]["Variables"] for it in stack.of_type("Lambda::Function").values()
    ]
    assert {it["POWERTOOLS_SERVICE_NAME"] for it in written} == services == {"Somebodys/Bridge"}
    assert {it["POWERTOOLS_METRICS_NAMESPACE"] for it in written} == {NAMESPACE}


def test_two_bridges_show_nothing_of_each_other(two: dict[str, Json]) -> None:
    first, second = (
        {(ns, value) for ns, _, told in metrics_of(body) for value in told.values()} - {(NAMESPACE, "*")}
        for body in two.values()
    )
    # All that both have is the stage's name, which is beside the API's, and the index's, beside the table's.
    assert first & second <= {
        ("AWS/ApiGateway", "live"),
        ("AWS/DynamoDB", "*"),
        ("AWS/DynamoDB", SESSIONS_BY_OWNER),
    }


@pytest.mark.parametrize(
    ("title", "lines"),
    [
        ("Turns", 2),
        ("Time to first token", 2),
        ("Duration of an answer", 2),
        ("Errors by code", 1),
        ("Tokens by kind", 4),
        ("Dollars by kind", 4),
        ("Cache hit share", 4),
        ("Finding what to recall", 2),
        ("Age of the oldest turn", 1),
        ("Waiting turns, dead letters", 2),
        ("Functions: throttles", 5),
        ("Tables: throttles and errors", 8),
    ],
)
def test_what_people_ask_first_is_there(body: Json, title: str, lines: int) -> None:
    assert len(graphs_of(body)[title]) == lines


def test_expressions_name_the_lines_beside_them(body: Json) -> None:
    for lines in graphs_of(body).values():
        for line in lines:
            if "expression" in line[0] and not line[0]["expression"].startswith("SEARCH("):
                ids = {it[-1]["id"] for it in lines if "id" in it[-1]}
                assert set(re.findall(r"[a-z_]+", line[0]["expression"])) == ids


def test_it_says_where_to_look_next(body: Json) -> None:
    (text,) = (it["properties"]["markdown"] for it in body["widgets"] if it["type"] == "text")
    for words in ("`bridge logs REQUEST_ID`", "`bridge top`", "docs/operations.md"):
        assert words in text


def test_a_construct_of_any_name_is_found(with_props: Build) -> None:
    stack = Stack(App(context=NO_BUNDLING), "Somebodys")
    bridge = ContextBridge(stack, 'The "best"')
    assert 'service="Somebodys/The \\"best\\""' in bridge.measures.failures_by_code("Sum", 300)
    assert bridge.dashboard is not None
    template = Synthesized(Template.from_stack(stack).to_json())
    (dashboard,) = template.of_type("CloudWatch::Dashboard").values()
    assert body_of(dashboard)["widgets"]


@pytest.mark.parametrize("environment", ["dev", "local"])
def test_what_costs_nothing_has_none(environment: str) -> None:
    assert synthesize(environment).of_type("CloudWatch::Dashboard") == {}


def test_without_a_dashboard_there_is_none(with_props: Build) -> None:
    bridge, stack = with_props(dashboard=False)
    assert bridge.dashboard is None
    assert stack.of_type("CloudWatch::Dashboard") == {}


@pytest.fixture(scope="module")
def bridge() -> ContextBridge:
    """Return a bridge to ask for metrics."""
    return ContextBridge(Stack(App(context=NO_BUNDLING), "Somebodys"), "Bridge")


OWN = {
    "metric_turns": "Turns",
    "metric_upstream_failures": "UpstreamFailures",
    "metric_time_to_first_token": "TimeToFirstToken",
    "metric_duration": "Duration",
    "metric_queue_wait": "QueueWait",
    "metric_dollars": "Dollars",
    "metric_recall_duration": "RecallDuration",
    "metric_summaries": "Summaries",
}
OF_AWS = {
    "metric_queue_age": ("AWS/SQS", "ApproximateAgeOfOldestMessage"),
    "metric_queue_depth": ("AWS/SQS", "ApproximateNumberOfMessagesVisible"),
    "metric_dead_letters": ("AWS/SQS", "ApproximateNumberOfMessagesVisible"),
    "metric_memory_age": ("AWS/Lambda", "IteratorAge"),
    "metric_connects": ("AWS/ApiGateway", "ConnectCount"),
    "metric_messages": ("AWS/ApiGateway", "MessageCount"),
}


@pytest.mark.parametrize("method", OWN)
def test_a_metric_of_the_functions(bridge: ContextBridge, method: str) -> None:
    metric: Metric = getattr(bridge, method)()
    assert (metric.namespace, metric.metric_name) == ("ClaudeContextBridge", OWN[method])
    assert metric.dimensions == {"service": "Somebodys/Bridge"}
    assert (OWN[method], frozenset({"service"})) in MEASURED


@pytest.mark.parametrize("method", OF_AWS)
def test_a_metric_of_aws(bridge: ContextBridge, method: str) -> None:
    metric: Metric = getattr(bridge, method)()
    assert (metric.namespace, metric.metric_name) == OF_AWS[method]
    assert metric.dimensions is not None
    assert metric.metric_name in AWS[metric.namespace][frozenset(metric.dimensions)]


def test_a_metric_takes_cdks_options(bridge: ContextBridge) -> None:
    metric = bridge.metric_duration(
        period=Duration.minutes(1), statistic="p99", label="slow", color="#ff0000"
    )
    assert metric.period.to_seconds() == 60
    assert (metric.statistic, metric.label, metric.color) == ("p99", "slow", "#ff0000")


def test_kinds_and_codes_are_metrics_of_their_own(bridge: ContextBridge) -> None:
    assert bridge.metric_tokens("cache_read").metric_name == "CacheReadInputTokens"
    assert bridge.metric_dollars("cache_write").metric_name == "DollarsCacheWrite"
    failures = bridge.metric_failures("internal")
    assert isinstance(failures, Metric)
    assert failures.dimensions == {"service": "Somebodys/Bridge", "code": "internal"}
    assert bridge.metric_errors("answer").metric_name == "Errors"
    throttles = bridge.metric_throttles("answer")
    assert isinstance(throttles, Metric)
    assert throttles.metric_name == "Throttles"


def test_what_is_reckoned_has_the_period_that_was_asked_for(bridge: ContextBridge) -> None:
    minute = Duration.minutes(1)
    for metric in (
        bridge.metric_cache_hit_share(period=minute),
        bridge.metric_table_throttles(period=minute),
        bridge.metric_throttles(period=minute),
    ):
        assert isinstance(metric, MathExpression)
        watched = metric.using_metrics.values()
        assert {it.period.to_seconds() for it in watched if isinstance(it, Metric)} == {60}
    failures = bridge.metric_failures(period=minute)
    assert isinstance(failures, MathExpression)
    assert failures.expression.endswith("'Sum', 60))")


def test_a_metric_that_there_is_not_is_refused_by_name(bridge: ContextBridge) -> None:
    with pytest.raises(ValueError, match="kind must be one of input, output, cache_write, cache_read"):
        bridge.metric_tokens("thinking")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="kind must be one of"):
        bridge.metric_dollars("thinking")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="function must be one of connect, disconnect, message"):
        bridge.metric_errors("reply")  # type: ignore[arg-type]
