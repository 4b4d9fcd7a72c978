"""The alarms: what each watches, whom it tells, and that somebody has written down what to do."""

import re
from collections.abc import Callable
from typing import Any, get_args

import pytest
from aws_cdk import App, Duration, Stack
from aws_cdk.assertions import Template
from aws_cdk.aws_sns import Topic

from claude_context_bridge import BridgeProps, ContextBridge
from claude_context_bridge.monitoring import AlarmName
from claude_context_bridge.storage import SESSIONS_BY_OWNER
from tests.infrastructure.conftest import NO_BUNDLING, ROOT, Synthesized, synthesize

Build = Callable[..., tuple[ContextBridge, Synthesized]]
Json = dict[str, Any]

TELL_THAT_IT_IS_OVER = {"QueueAge", "UpstreamFailures", "MemoryAge"}


def alarms_of(stack: Synthesized) -> dict[str, Json]:
    """Return the alarms' properties by the last part of their path."""
    return {
        it["Metadata"]["aws:cdk:path"].split("/")[-2]: it["Properties"]
        for it in stack.of_type("CloudWatch::Alarm").values()
    }


@pytest.fixture(scope="module")
def told() -> dict[str, Json]:
    """Return the alarms of a bridge with a topic, by name."""
    stack = Stack(App(context=NO_BUNDLING), "Somebodys")
    ContextBridge(stack, "Bridge", BridgeProps(alarm_topic=Topic(stack, "OnCall")))
    return alarms_of(Synthesized(Template.from_stack(stack).to_json()))


@pytest.mark.parametrize("environment", ["staging", "prod"])
def test_one_dead_letter_rings(environment: str) -> None:
    stack = synthesize(environment)
    alarm = alarms_of(stack)["DeadLetters"]
    dead_letters = stack.id_of("SQS::Queue", "Queue/DeadLetters")
    assert alarm["Namespace"] == "AWS/SQS"
    assert alarm["MetricName"] == "ApproximateNumberOfMessagesVisible"
    assert alarm["Dimensions"] == [
        {"Name": "QueueName", "Value": {"Fn::GetAtt": [dead_letters, "QueueName"]}}
    ]
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("GreaterThanOrEqualToThreshold", 1)
    # An average over the five minutes would be below 1 where the turn came at their end.
    assert (alarm["Statistic"], alarm["Period"], alarm["EvaluationPeriods"]) == ("Maximum", 300, 1)


def test_the_dead_letter_alarm_keeps_its_logical_id(prod: Synthesized) -> None:
    assert "BridgeMonitoringDeadLetters91CB2AC9" in prod.of_type("CloudWatch::Alarm")


def test_an_idle_bridge_does_not_ring(told: dict[str, Json]) -> None:
    # `ignore` keeps what was: an alarm that never rang does not for want of numbers.
    kept = {name for name, alarm in told.items() if alarm["TreatMissingData"] == "ignore"}
    assert kept == {"UpstreamFailures", "MemoryAge"}
    assert {alarm["TreatMissingData"] for name, alarm in told.items() if name not in kept} == {"notBreaching"}


def test_turns_wait_when_one_is_older_than_the_longest_answer(with_props: Build) -> None:
    _, stack = with_props(answer_timeout=Duration.minutes(5))
    alarm = alarms_of(stack)["QueueAge"]
    assert (alarm["Threshold"], alarm["Statistic"]) == (300, "Maximum")


def test_a_single_turn_that_claude_failed_rings_nobody(told: dict[str, Json]) -> None:
    (share, *watched) = told["UpstreamFailures"]["Metrics"]
    assert share["Expression"] == "IF(turns >= 4, 100 * share, 0)"
    # Of one metric: where there is one, there is the other.
    assert {it["MetricStat"]["Metric"]["MetricName"] for it in watched} == {"UpstreamFailures"}
    assert {it["Id"]: it["MetricStat"]["Stat"] for it in watched} == {
        "turns": "SampleCount",
        "share": "Average",
    }


def test_what_never_happened_counts_as_nothing_in_a_sum(told: dict[str, Json]) -> None:
    sums = {name: alarm["Metrics"][0]["Expression"] for name, alarm in told.items() if "Metrics" in alarm}
    sums.pop("UpstreamFailures")
    assert sums == dict.fromkeys(["AnswerErrors", "Entrance", "TableThrottles"], "SUM(FILL(METRICS(), 0))")


def test_what_the_index_refuses_rings_too(told: dict[str, Json]) -> None:
    """A table's numbers leave out its indexes', whose refusals fail the table's writes."""
    watched = [it["MetricStat"]["Metric"] for it in told["TableThrottles"]["Metrics"] if "MetricStat" in it]
    of_the_index = {
        it["MetricName"]
        for it in watched
        for dimension in it["Dimensions"]
        if dimension == {"Name": "GlobalSecondaryIndexName", "Value": SESSIONS_BY_OWNER}
    }
    assert of_the_index == {"ReadThrottleEvents", "WriteThrottleEvents"}


def test_the_alarms_cost_what_the_docs_say(told: dict[str, Json]) -> None:
    # CloudWatch bills the metrics that are watched, and not the expression over them.
    watched = sum(
        1 if "MetricName" in alarm else sum("MetricStat" in it for it in alarm["Metrics"])
        for alarm in told.values()
    )
    assert (len(told), watched) == (len(get_args(AlarmName)), 17)
    # CloudWatch takes ten in an alarm.
    assert max(len(alarm.get("Metrics", ())) for alarm in told.values()) <= 10
    assert "seven alarms on 17 metrics" in (ROOT / "claude_context_bridge/props/watching.py").read_text()
    assert "17 metrics" in (ROOT / "docs/operations.md").read_text()


@pytest.mark.parametrize("environment", ["dev", "local"])
def test_where_one_looks_anyway_nothing_rings(environment: str) -> None:
    assert synthesize(environment).of_type("CloudWatch::Alarm") == {}


def test_they_can_be_asked_for_where_they_are_not() -> None:
    assert len(synthesize("local", alarms="true").of_type("CloudWatch::Alarm")) == 7


def test_a_topic_is_told_when_it_rings(told: dict[str, Json]) -> None:
    assert all(len(alarm["AlarmActions"]) == 1 for alarm in told.values())
    assert not any("InsufficientDataActions" in alarm for alarm in told.values())


@pytest.mark.parametrize("with_a_policy", [True, False])
def test_a_topic_with_a_policy_lets_alarms_tell_it_and_others_keep_awss(with_a_policy: bool) -> None:
    """A policy that only refuses what is not encrypted takes the place of AWS's, which lets alarms in."""
    stack = Stack(App(context=NO_BUNDLING), "Somebodys")
    topic = Topic(stack, "OnCall", enforce_ssl=with_a_policy)
    ContextBridge(stack, "Bridge", BridgeProps(alarm_topic=topic))
    policies = Synthesized(Template.from_stack(stack).to_json()).of_type("SNS::TopicPolicy").values()
    allowed = [
        (it["Principal"], it["Action"], it["Condition"])
        for policy in policies
        for it in policy["Properties"]["PolicyDocument"]["Statement"]
        if it["Effect"] == "Allow"
    ]
    only_its_own = {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    whom = {"Service": "cloudwatch.amazonaws.com"}
    assert allowed == ([(whom, "sns:Publish", only_its_own)] if with_a_policy else [])


def test_that_it_is_over_is_told_only_where_it_is_known(told: dict[str, Json]) -> None:
    assert {name for name, alarm in told.items() if "OKActions" in alarm} == TELL_THAT_IT_IS_OVER


def test_without_a_topic_they_show_in_the_console(with_props: Build) -> None:
    bridge, stack = with_props()
    assert set(bridge.alarms) == set(get_args(AlarmName))
    assert not any("AlarmActions" in alarm for alarm in alarms_of(stack).values())


def test_the_alarms_are_there_for_what_else_should_ring(with_props: Build) -> None:
    bridge, stack = with_props()
    assert bridge.dead_letter_alarm is bridge.alarms["dead_letters"]
    (ref,) = (name for name in stack.of_type("CloudWatch::Alarm") if "DeadLetters" in name)
    assert Stack.of(bridge).resolve(bridge.alarms["dead_letters"].alarm_name) == {"Ref": ref}
    without, silent = with_props(alarms=False)
    assert (without.dead_letter_alarm, dict(without.alarms)) == (None, {})
    assert silent.of_type("CloudWatch::Alarm") == {}


@pytest.fixture(scope="module")
def operations() -> str:
    """Return the page for whoever is rung."""
    return (ROOT / "docs" / "operations.md").read_text()


@pytest.mark.parametrize("name", get_args(AlarmName))
def test_whoever_is_rung_finds_what_to_do(name: str, told: dict[str, Json], operations: str) -> None:
    title = name.replace("_", " ").capitalize()
    construct_id = name.title().replace("_", "")
    section = re.search(rf"^### {title}\n(.*?)(?=^##|\Z)", operations, re.MULTILINE | re.DOTALL)
    assert section is not None, f"docs/operations.md needs a section on {title}"
    for part in ("**It means**", "**Look**", "**Do**"):
        assert part in section.group(1), f"{title} does not say: {part}"
    assert f"`{construct_id}`" in section.group(1), "an alarm's name in the console ends otherwise"
    # Who is rung at night sees this first; CloudWatch cuts nothing off below 1,024 characters.
    assert 80 < len(told[construct_id]["AlarmDescription"]) < 1024


def test_no_section_is_of_an_alarm_that_is_gone(operations: str) -> None:
    (sections,) = re.findall(r"^## The alarms\n(.*?)(?=^## )", operations, re.MULTILINE | re.DOTALL)
    titles = re.findall(r"^### (.*)$", sections, re.MULTILINE)
    assert titles == [name.replace("_", " ").capitalize() for name in get_args(AlarmName)]


@pytest.mark.parametrize("command", ["dead-letters list", "dead-letters redrive"])
def test_the_dead_letter_alarm_names_the_commands(command: str, told: dict[str, Json]) -> None:
    assert f"`bridge {command}`" in told["DeadLetters"]["AlarmDescription"]
