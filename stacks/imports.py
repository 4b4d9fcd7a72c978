"""What an environment's settings name that is there already: a key, a network, a name, a topic.

Settings are text; the construct takes CDK's own objects, which need a stack to be imported in. `Imports`
holds the text, checked, and `props` makes the objects.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aws_cdk import Acknowledgment, Annotations, Fn, Stack, Validations
from aws_cdk.aws_certificatemanager import Certificate
from aws_cdk.aws_ec2 import SecurityGroup, Subnet, SubnetSelection, Vpc
from aws_cdk.aws_kms import Key
from aws_cdk.aws_route53 import HostedZone
from aws_cdk.aws_sns import ITopic, Subscription, SubscriptionProtocol, Topic

from claude_context_bridge import BridgeProps, Domain
from claude_context_bridge.limits import Limit, Optional, Several, Text

_REGION = r"[a-z]{2,8}(?:-[a-z]+)+-[0-9]"  # eu-west-1, us-gov-west-1, eusc-de-east-1
_SUBNETS = Several(Text("a subnet's id such as subnet-0123abcd", r"subnet-[0-9a-f]{8,17}"), most=16)
_GROUPS = Several(Text("a security group's id such as sg-0123abcd", r"sg-[0-9a-f]{8,17}"), most=5)

LIMITS: Mapping[str, Limit] = {
    "kms_key_arn": Optional(
        Text(
            "a key's ARN such as arn:aws:kms:eu-west-1:111122223333:key/…, no alias's",
            rf"arn:aws[a-z-]*:kms:{_REGION}:[0-9]{{12}}:key/[A-Za-z0-9-]{{1,64}}",
        )
    ),
    "vpc_id": Optional(Text("a VPC's id such as vpc-0123abcd", r"vpc-[0-9a-f]{8,17}")),
    "subnet_ids": _SUBNETS,
    "security_group_ids": _GROUPS,
    "domain_name": Optional(
        Text(
            "a domain name such as bridge.example.com, in lower case",
            r"(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?",
        )
    ),
    "certificate_arn": Optional(
        Text(
            "a certificate's ARN such as arn:aws:acm:eu-west-1:111122223333:certificate/…",
            rf"arn:aws[a-z-]*:acm:{_REGION}:[0-9]{{12}}:certificate/[A-Za-z0-9-]{{1,64}}",
        )
    ),
    "hosted_zone_id": Optional(Text("a hosted zone's id such as Z0123456789ABCDEFGHIJ", r"Z[A-Z0-9]{1,31}")),
    "alarm_topic_arn": Optional(
        Text(
            "a topic's ARN such as arn:aws:sns:eu-west-1:111122223333:oncall",
            rf"arn:aws[a-z-]*:sns:{_REGION}:[0-9]{{12}}:[A-Za-z0-9_-]{{1,256}}",
        )
    ),
    "alarm_email": Optional(
        Text(
            "an e-mail address",
            r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,63}",
            254,
        )
    ),
}
"""What each of these settings may be, by name."""


@dataclass(frozen=True, kw_only=True)
class Imports:
    """What is there already, by its ids; empty where nothing is."""

    kms_key_arn: str | None = None
    vpc_id: str | None = None
    subnet_ids: tuple[str, ...] = ()
    security_group_ids: tuple[str, ...] = ()
    domain_name: str | None = None
    certificate_arn: str | None = None
    hosted_zone_id: str | None = None
    alarm_topic_arn: str | None = None
    alarm_email: str | None = None

    def check(self, props: BridgeProps, *, recipient_required: bool) -> None:
        """Raise ValueError for what is good by itself and wrong together, or missing."""
        self._check_pairs()
        self._check_recipient(alarms=props.alarms, required=recipient_required)
        if self.kms_key_arn and props.secret_store == "parameter_store":  # noqa: S105 - a service's name
            raise ValueError(
                "kms_key_arn needs secret_store=secrets_manager: parameters are made by `bridge key set`, "
                "which knows no key of yours"
            )

    def _check_pairs(self) -> None:
        for name, needs in (
            ("subnet_ids", "vpc_id"),
            ("security_group_ids", "vpc_id"),
            ("vpc_id", "subnet_ids"),
            ("certificate_arn", "domain_name"),
            ("hosted_zone_id", "domain_name"),
            ("domain_name", "certificate_arn"),
        ):
            if getattr(self, name) and not getattr(self, needs):
                raise ValueError(f"{name} needs {needs}, too: " + _WHY[name])

    def _check_recipient(self, *, alarms: bool, required: bool) -> None:
        if self.alarm_email and self.alarm_topic_arn:
            raise ValueError(
                "alarm_email must be left out with alarm_topic_arn: subscribe the address to that topic"
            )
        told = self.alarm_email or self.alarm_topic_arn
        if required and not (told and alarms):
            raise ValueError(
                "this environment needs somebody whom its alarms tell: -c alarm_email=you@example.com, or "
                "alarm_topic_arn, an SNS topic of yours" + ("" if alarms else "; and alarms must be true")
            )
        if told and not alarms:
            name = "alarm_email" if self.alarm_email else "alarm_topic_arn"
            raise ValueError(f"{name} must be left out with alarms=false: there is no alarm to tell it")

    def props(self, stack: Stack) -> dict[str, Any]:
        """Import what is named into a stack; returns the construct's props that it makes."""
        props: dict[str, Any] = {}
        if self.kms_key_arn:
            props["encryption_key"] = Key.from_key_arn(stack, "Key", self.kms_key_arn)
        if self.vpc_id:
            props |= self._network(stack, self.vpc_id)
        if self.domain_name and self.certificate_arn:
            zone = self.hosted_zone_id
            props["domain"] = Domain(
                name=self.domain_name,
                certificate=Certificate.from_certificate_arn(stack, "Certificate", self.certificate_arn),
                hosted_zone=HostedZone.from_hosted_zone_id(stack, "Zone", zone) if zone else None,
            )
        if topic := self._topic(stack):
            props["alarm_topic"] = topic
        return props

    def _network(self, stack: Stack, vpc_id: str) -> dict[str, Any]:
        # The zones are not asked for: the subnets are named.
        zones = [Fn.select(0, Fn.get_azs())]
        Annotations.of(stack).acknowledge_warning(
            "@aws-cdk/aws-ec2:noSubnetRouteTableId", "Nothing here asks for a subnet's routes."
        )
        subnets = [
            Subnet.from_subnet_id(stack, f"Subnet{number}", subnet)
            for number, subnet in enumerate(self.subnet_ids)
        ]
        network: dict[str, Any] = {
            "vpc": Vpc.from_vpc_attributes(stack, "Vpc", vpc_id=vpc_id, availability_zones=zones),
            "vpc_subnets": SubnetSelection(subnets=subnets),
        }
        if self.security_group_ids:
            network["security_groups"] = [
                SecurityGroup.from_security_group_id(stack, f"SecurityGroup{number}", group)
                for number, group in enumerate(self.security_group_ids)
            ]
        return network

    def _topic(self, stack: Stack) -> ITopic | None:
        if self.alarm_topic_arn:
            return Topic.from_topic_arn(stack, "AlarmTopic", self.alarm_topic_arn)
        if not self.alarm_email:
            return None
        # Not encrypted by a key: AWS's own for SNS lets no alarm in, and it holds no more than what rang.
        # The construct lets alarms tell it.
        topic = Topic(stack, "Alarms", display_name="Claude Context Bridge", enforce_ssl=True)
        email = Subscription(
            topic, "Email", topic=topic, protocol=SubscriptionProtocol.EMAIL, endpoint=self.alarm_email
        )
        unsent = "What cannot be mailed tells nobody from a queue either: the alarm shows in the console."
        Validations.of(email).acknowledge(Acknowledgment(id="Serverless-SNSRedrivePolicy", reason=unsent))
        return topic


_WHY = {
    "subnet_ids": "the network whose subnets these are",
    "security_group_ids": "the network whose security groups these are",
    "vpc_id": "the subnets of it that the functions run in, with a way out",
    "certificate_arn": "the name that it is for",
    "hosted_zone_id": "the name that is to be known there",
    "domain_name": "a certificate for it in the stack's region",
}
