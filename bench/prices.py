"""AWS's list prices in us-east-1, in dollars, without free tiers.

AWS's pages fill their tables in by script, so that each price is what AWS's page is known to say, and
`confirmed` is where and when somebody else was seen to quote the same; where it is empty, nobody was. Check
them against AWS's before you rely on them.
"""

from __future__ import annotations

from dataclasses import dataclass

HOURS_A_MONTH = 730
"""As AWS counts months."""


@dataclass(frozen=True)
class Price:
    """Dollars for one unit."""

    unit: str
    dollars: float
    page: str
    confirmed: str = ""

    def each(self) -> str:
        """Return the price as one reads it: of a million where one costs next to nothing."""
        if self.dollars < 0.00001 and "GB" not in self.unit:
            return f"${self.dollars * 1e6:.3g} a million"
        whole, _, part = f"{self.dollars:.10f}".partition(".")
        return f"${whole}.{part.rstrip('0').ljust(2, '0')}"


_LAMBDA = "aws.amazon.com/lambda/pricing"
_GATEWAY = "aws.amazon.com/api-gateway/pricing"
_DYNAMODB = "aws.amazon.com/dynamodb/pricing/on-demand"
_SQS = "aws.amazon.com/sqs/pricing"
_CLOUDWATCH = "aws.amazon.com/cloudwatch/pricing"
_SECRETS = "aws.amazon.com/secrets-manager/pricing"

_ON_CLOUDWATCH = "cloudburn.io, February 2026"
_ON_SNAPSTART = "awsnegotiations.com, May 2026"
_ON_DYNAMODB = "airbyte.com, July 2025"
_ON_SQS = "cloudburn.io, March 2026"

PRICES = {
    "lambda arm64": Price("GB-second", 0.0000133334, _LAMBDA),
    "lambda x86_64": Price("GB-second", 0.0000166667, _LAMBDA),
    "lambda request": Price("request", 0.20e-6, _LAMBDA),
    "snapstart cache": Price("GB-second", 0.0000015046, _LAMBDA, _ON_SNAPSTART),
    "snapstart restore": Price("GB restored", 0.0001397998, _LAMBDA, _ON_SNAPSTART),
    "gateway message": Price("message of up to 32 KB", 1.00e-6, _GATEWAY),
    "gateway minute": Price("connection and minute", 0.25e-6, _GATEWAY, "repost.aws"),
    "transfer out": Price("GB", 0.09, "aws.amazon.com/ec2/pricing/on-demand"),
    "dynamodb write": Price("write unit", 0.625e-6, _DYNAMODB, _ON_DYNAMODB),
    "dynamodb read": Price("read unit", 0.125e-6, _DYNAMODB, _ON_DYNAMODB),
    "dynamodb write, infrequent access": Price("write unit", 0.78e-6, _DYNAMODB),
    "dynamodb read, infrequent access": Price("read unit", 0.155e-6, _DYNAMODB),
    "dynamodb storage": Price("GB and month", 0.25, _DYNAMODB),
    "dynamodb storage, infrequent access": Price("GB and month", 0.10, _DYNAMODB),
    "dynamodb recovery": Price("GB and month", 0.20, _DYNAMODB),
    "sqs fifo": Price("request of up to 64 KB", 0.50e-6, _SQS, _ON_SQS),
    "sqs": Price("request of up to 64 KB", 0.40e-6, _SQS, _ON_SQS),
    "logs": Price("GB taken in", 0.50, _CLOUDWATCH, _ON_CLOUDWATCH),
    "logs kept": Price("GB and month", 0.03, _CLOUDWATCH),
    "metric": Price("metric and month", 0.30, _CLOUDWATCH, "signoz.io, February 2026"),
    "alarm": Price("metric of an alarm and month", 0.10, _CLOUDWATCH, _ON_CLOUDWATCH),
    "fast alarm": Price("metric of an alarm and month", 0.30, _CLOUDWATCH),
    "composite alarm": Price("alarm and month", 0.50, _CLOUDWATCH),
    "dashboard": Price("dashboard and month", 3.00, _CLOUDWATCH, "factualminds.com, June 2026"),
    "secret": Price("secret and month", 0.40, _SECRETS, "webuildup.live, May 2026"),
    "secret call": Price("call", 5.0e-6, _SECRETS),
    "kms key": Price("key and month", 1.00, "aws.amazon.com/kms/pricing"),
    "hosted zone": Price("zone and month", 0.50, "aws.amazon.com/route53/pricing"),
}


def cost(name: str, units: float) -> float:
    """Return what so many units cost, in dollars."""
    return PRICES[name].dollars * units
