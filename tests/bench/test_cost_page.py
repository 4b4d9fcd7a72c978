"""docs/cost.md holds what the environments' templates and the prices give now, and the sums are right."""

from typing import Any

import pytest

from bench.at_rest import Unpriced, at_rest, runs_elsewhere
from bench.aws_cost import PAGE, filled, price_table, rest_table
from bench.environments import names, template_of


def test_the_page_says_what_the_templates_cost_at_rest() -> None:
    templates = {name: template_of(name) for name in names()}
    templates = {name: template for name, template in templates.items() if not runs_elsewhere(template)}
    page = PAGE.read_text()
    blocks = {"at-rest": rest_table(templates), "prices": price_table()}
    assert page == filled(page, blocks), "run: python -m bench.aws_cost --at-rest --write"
    for name, template in templates.items():
        dollars = sum(line.dollars for line in at_rest(template))
        assert f"| {name} | ${dollars:.2f} |" in page, "run: python -m bench.aws_cost --write"


def _template(**resources: dict[str, Any]) -> dict[str, Any]:
    return {"Resources": resources}


def _dollars(template: dict[str, Any]) -> dict[str, float]:
    return {line.what: round(line.dollars, 2) for line in at_rest(template)}


def test_an_alarm_is_paid_for_each_metric_that_it_reads() -> None:
    share = {
        "Metrics": [
            {"Expression": "a / b"},
            {"MetricStat": {"Period": 300}},
            {"MetricStat": {"Period": 300}},
        ]
    }
    alarms = {
        "Share": {"Type": "AWS::CloudWatch::Alarm", "Properties": share},
        "One": {"Type": "AWS::CloudWatch::Alarm", "Properties": {"Period": 60}},
        "Fast": {"Type": "AWS::CloudWatch::Alarm", "Properties": {"Period": 10}},
    }
    assert _dollars(_template(**alarms)) == {
        "metrics of alarms": 0.3,
        "metrics of alarms, by the second": 0.3,
    }


def test_a_snapshot_is_paid_by_the_memory_of_each_published_function() -> None:
    def function(memory: int, *, snapshot: bool) -> dict[str, Any]:
        snap = {"SnapStart": {"ApplyOn": "PublishedVersions"}} if snapshot else {}
        return {"Type": "AWS::Lambda::Function", "Properties": {"MemorySize": memory, **snap}}

    def version(name: str) -> dict[str, Any]:
        return {"Type": "AWS::Lambda::Version", "Properties": {"FunctionName": {"Ref": name}}}

    template = _template(
        A=function(512, snapshot=True),
        B=function(1024, snapshot=False),
        VersionA=version("A"),
        VersionB=version("B"),
    )
    assert _dollars(template) == {"SnapStart's snapshots": 1.98}  # 0.5 GB for 2,628,000 s


@pytest.mark.parametrize(("enabled", "lines"), [(True, 1), (False, 0)])
def test_only_a_queue_that_lambda_looks_into_is_asked_while_idle(enabled: bool, lines: int) -> None:
    def mapping(source: str) -> dict[str, Any]:
        properties = {"EventSourceArn": {"Fn::GetAtt": [source, "Arn"]}, "Enabled": enabled}
        return {"Type": "AWS::Lambda::EventSourceMapping", "Properties": properties}

    template = _template(
        Queue={"Type": "AWS::SQS::Queue", "Properties": {"FifoQueue": True}},
        Table={"Type": "AWS::DynamoDB::GlobalTable", "Properties": {}},
        FromQueue=mapping("Queue"),
        FromTable=mapping("Table"),
    )
    assert len(at_rest(template)) == lines


def test_what_has_no_price_is_named() -> None:
    with pytest.raises(Unpriced, match=r"Gateway is an AWS::EC2::NatGateway"):
        at_rest(_template(Gateway={"Type": "AWS::EC2::NatGateway", "Properties": {}}))
