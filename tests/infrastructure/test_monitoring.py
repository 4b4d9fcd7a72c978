"""The alarm on the dead-letter queue, and whom it tells."""

from collections.abc import Callable

import pytest
from aws_cdk import App, Stack
from aws_cdk.assertions import Template
from aws_cdk.aws_sns import Topic

from claude_context_bridge import BridgeProps, ContextBridge
from tests.infrastructure.conftest import NO_BUNDLING, Synthesized, synthesize

Build = Callable[..., tuple[ContextBridge, Synthesized]]


@pytest.mark.parametrize("environment", ["staging", "prod"])
def test_one_dead_letter_rings(environment: str) -> None:
    stack = synthesize(environment)
    alarm = stack.one("CloudWatch::Alarm", "Monitoring")
    dead_letters = stack.id_of("SQS::Queue", "Queue/DeadLetters")
    assert alarm["Namespace"] == "AWS/SQS"
    assert alarm["MetricName"] == "ApproximateNumberOfMessagesVisible"
    assert alarm["Dimensions"] == [
        {"Name": "QueueName", "Value": {"Fn::GetAtt": [dead_letters, "QueueName"]}}
    ]
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("GreaterThanOrEqualToThreshold", 1)
    # An average over the five minutes would be below 1 where the turn came at their end.
    assert (alarm["Statistic"], alarm["Period"], alarm["EvaluationPeriods"]) == ("Maximum", 300, 1)


def test_a_queue_without_numbers_does_not_ring(prod: Synthesized) -> None:
    assert prod.one("CloudWatch::Alarm", "Monitoring")["TreatMissingData"] == "notBreaching"


def test_whoever_is_rung_reads_what_to_do(prod: Synthesized) -> None:
    says = prod.one("CloudWatch::Alarm", "Monitoring")["AlarmDescription"]
    assert "`bridge dead-letters list`" in says
    assert "`bridge dead-letters redrive`" in says


@pytest.mark.parametrize("environment", ["dev", "local"])
def test_where_one_looks_anyway_nothing_rings(environment: str) -> None:
    assert synthesize(environment).of_type("CloudWatch::Alarm") == {}
    assert len(synthesize(environment, alarms="true").of_type("CloudWatch::Alarm")) == 1


def test_a_topic_is_told_when_it_rings_and_not_when_it_seems_over() -> None:
    stack = Stack(App(context=NO_BUNDLING), "Somebodys")
    topic = Topic(stack, "OnCall")
    ContextBridge(stack, "Bridge", BridgeProps(alarm_topic=topic))
    (alarm,) = Template.from_stack(stack).find_resources("AWS::CloudWatch::Alarm").values()
    assert alarm["Properties"]["AlarmActions"] == [stack.resolve(topic.topic_arn)]
    assert not alarm["Properties"].keys() & {"OKActions", "InsufficientDataActions"}


def test_the_alarm_is_there_for_what_else_should_ring(with_props: Build) -> None:
    bridge, stack = with_props()
    assert bridge.dead_letter_alarm is not None
    ref = {"Ref": stack.id_of("CloudWatch::Alarm", "Monitoring")}
    assert Stack.of(bridge).resolve(bridge.dead_letter_alarm.alarm_name) == ref
    assert "AlarmActions" not in stack.one("CloudWatch::Alarm", "Monitoring")
    without, silent = with_props(alarms=False)
    assert without.dead_letter_alarm is None
    assert silent.of_type("CloudWatch::Alarm") == {}
