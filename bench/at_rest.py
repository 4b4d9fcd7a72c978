"""What an environment costs a month while nobody talks, from its synthesized template."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bench.prices import HOURS_A_MONTH, cost

Resource = Mapping[str, Any]

POLLS_A_MINUTE = 15
"""Lambda asks a queue that is empty with five long polls of 20 s at a time."""

FREE_REQUESTS = 1_000_000
FREE_ALARMS = 10
FREE_DASHBOARDS = 3
FREE_DASHBOARD_METRICS = 50
"""What AWS gives every account each month, for good: dashboards of so many metrics at most."""

_SECONDS_A_MONTH = HOURS_A_MONTH * 3600

# What costs nothing, or nothing until it is used.
_FREE = {
    f"AWS::{kind}"
    for kind in (
        "ApiGatewayV2::Api",
        "ApiGatewayV2::ApiMapping",
        "ApiGatewayV2::DomainName",
        "ApiGatewayV2::Integration",
        "ApiGatewayV2::Route",
        "ApiGatewayV2::RouteResponse",
        "ApiGatewayV2::Stage",
        "CDK::Metadata",
        "CertificateManager::Certificate",
        "DynamoDB::GlobalTable",  # but for what it stores
        "DynamoDB::Table",
        "EC2::SecurityGroup",
        "EC2::SecurityGroupEgress",
        "EC2::SecurityGroupIngress",
        "IAM::ManagedPolicy",
        "IAM::Policy",
        "IAM::Role",
        "Lambda::Alias",
        "Lambda::Function",
        "Lambda::Permission",
        "Logs::LogGroup",
        "Logs::MetricFilter",
        "Logs::QueryDefinition",
        "Route53::RecordSet",
        "SNS::Subscription",
        "SNS::Topic",
        "SNS::TopicPolicy",
        "SQS::Queue",
        "SQS::QueuePolicy",
        "SSM::Parameter",  # of the standard tier
        "SecretsManager::ResourcePolicy",
    )
}


class Unpriced(LookupError):
    """A template holds something of which it is not known what it costs; the message says what to do."""


@dataclass(frozen=True)
class Line:
    """One thing that costs by the month: how many there are, and what they are together, in dollars.

    ``alone`` is what they are in an account with nothing else in it, whose allowances they use.
    """

    what: str
    count: str
    dollars: float
    alone: float


def at_rest(template: Mapping[str, Any]) -> list[Line]:
    """Return what costs by the month in a template; raises Unpriced."""
    resources: Mapping[str, Resource] = template["Resources"]
    for name, resource in resources.items():
        if resource["Type"] not in _FREE | _PRICED:
            raise Unpriced(
                f"{name} is an {resource['Type']}, of which bench/at_rest.py does not know whether it costs "
                "something: put it with what is free, or give it a price in bench/prices.py and a line there"
            )
    return [line for part in _PARTS for line in part(resources)]


def per_gigabyte(template: Mapping[str, Any]) -> float:
    """Return what a GB that is stored in the sessions' table costs a month, its recovery included."""
    tables = [it for it in template["Resources"].values() if it["Type"] == "AWS::DynamoDB::GlobalTable"]
    dearest = 0.0
    for table in tables:
        replica = table["Properties"]["Replicas"][0]
        rare = replica.get("TableClass") == "STANDARD_INFREQUENT_ACCESS"
        recovery = replica.get("PointInTimeRecoverySpecification", {}).get("PointInTimeRecoveryEnabled")
        dollars = cost("dynamodb storage" + (", infrequent access" if rare else ""), 1)
        dearest = max(dearest, dollars + (cost("dynamodb recovery", 1) if recovery else 0))
    return dearest


def runs_elsewhere(template: Mapping[str, Any]) -> bool:
    """Tell whether a template is for a machine of one's own: its functions post to that machine."""
    functions = [it for it in template["Resources"].values() if it["Type"] == "AWS::Lambda::Function"]
    variables = [it["Properties"].get("Environment", {}).get("Variables", {}) for it in functions]
    urls = [str(it.get("CALLBACK_URL", "")) for it in variables]
    return any("//localhost" in url or "//127.0.0.1" in url for url in urls)


def _secrets(resources: Mapping[str, Resource]) -> list[Line]:
    count = len(_of(resources, "SecretsManager::Secret"))
    dollars = cost("secret", count)
    return [Line("secrets", str(count), dollars, dollars)] if count else []


def _alarms(resources: Mapping[str, Resource]) -> list[Line]:
    slow, fast = 0, 0
    for alarm in _of(resources, "CloudWatch::Alarm"):
        for period in _periods(alarm["Properties"]):
            slow, fast = (slow, fast + 1) if period < 60 else (slow + 1, fast)
    lines = []
    if slow:
        free = min(slow, FREE_ALARMS)
        lines.append(Line("metrics of alarms", str(slow), cost("alarm", slow), cost("alarm", slow - free)))
    if fast:
        dollars = cost("fast alarm", fast)
        lines.append(Line("metrics of alarms, by the second", str(fast), dollars, dollars))
    if composite := len(_of(resources, "CloudWatch::CompositeAlarm")):
        dollars = cost("composite alarm", composite)
        lines.append(Line("composite alarms", str(composite), dollars, dollars))
    return lines


def _periods(alarm: Mapping[str, Any]) -> list[int]:
    """Return the period of each metric that an alarm reads: each is paid."""
    if "Metrics" not in alarm:
        return [int(alarm["Period"])]
    return [int(it["MetricStat"]["Period"]) for it in alarm["Metrics"] if "MetricStat" in it]


def _dashboards(resources: Mapping[str, Resource]) -> list[Line]:
    shown = [_shown(it["Properties"]["DashboardBody"]) for it in _of(resources, "CloudWatch::Dashboard")]
    if not shown:
        return []
    large = sum(metrics > FREE_DASHBOARD_METRICS for metrics in shown)
    paid = large + max(0, len(shown) - large - FREE_DASHBOARDS)
    return [Line("dashboards", str(len(shown)), cost("dashboard", len(shown)), cost("dashboard", paid))]


def _shown(body: Any) -> int:
    """Return how many metrics a dashboard shows; what CloudFormation fills in is a name in its text."""
    if not isinstance(body, str):
        body = "".join(part if isinstance(part, str) else "filled-in" for part in body["Fn::Join"][1])
    widgets = json.loads(body)["widgets"]
    rows = [row for widget in widgets for row in widget["properties"].get("metrics", [])]
    return sum(isinstance(row[0], str) for row in rows)  # the others are expressions of them


def _polling(resources: Mapping[str, Resource]) -> list[Line]:
    """Count the requests by which Lambda looks for messages; looking at a table's stream is free."""
    lines = []
    for mapping in _of(resources, "Lambda::EventSourceMapping"):
        properties = mapping["Properties"]
        source = resources.get(properties["EventSourceArn"].get("Fn::GetAtt", [""])[0], {})
        if properties.get("Enabled") is False or source.get("Type") != "AWS::SQS::Queue":
            continue
        requests = POLLS_A_MINUTE * 60 * HOURS_A_MONTH
        price = "sqs fifo" if source["Properties"].get("FifoQueue") else "sqs"
        beyond = cost(price, max(0, requests - FREE_REQUESTS))
        lines.append(Line("requests to an idle queue", f"{requests:,}", cost(price, requests), beyond))
    return lines


def _snapshots(resources: Mapping[str, Resource]) -> list[Line]:
    """Count the memory of the functions whose published version is kept as a snapshot."""
    published = [it["Properties"]["FunctionName"].get("Ref") for it in _of(resources, "Lambda::Version")]
    megabytes = 0
    for name in published:
        function = resources[name]["Properties"]
        if function.get("SnapStart", {}).get("ApplyOn") == "PublishedVersions":
            megabytes += int(function.get("MemorySize", 128))
    dollars = cost("snapstart cache", megabytes / 1024 * _SECONDS_A_MONTH)
    return [Line("SnapStart's snapshots", f"{megabytes:,} MB", dollars, dollars)] if megabytes else []


def _counted(kind: str, what: str, price: str) -> Callable[[Mapping[str, Resource]], list[Line]]:
    def lines(resources: Mapping[str, Resource]) -> list[Line]:
        count = len(_of(resources, kind))
        return [Line(what, str(count), cost(price, count), cost(price, count))] if count else []

    return lines


def _of(resources: Mapping[str, Resource], kind: str) -> list[Resource]:
    return [it for it in resources.values() if it["Type"] == f"AWS::{kind}"]


_PARTS = (
    _secrets,
    _alarms,
    _dashboards,
    _counted("KMS::Key", "KMS keys", "kms key"),
    _counted("Route53::HostedZone", "hosted zones", "hosted zone"),
    _snapshots,
    _polling,
)
_PRICED = {
    f"AWS::{kind}"
    for kind in (
        "SecretsManager::Secret",
        "CloudWatch::Alarm",
        "CloudWatch::CompositeAlarm",
        "CloudWatch::Dashboard",
        "KMS::Key",
        "KMS::Alias",
        "Route53::HostedZone",
        "Lambda::Version",
        "Lambda::EventSourceMapping",
    )
}
