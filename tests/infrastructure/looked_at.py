"""The stacks that the checks look at: every environment, and bridges in stacks of somebody's."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

os.environ.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "20")

from aws_cdk import App, Environment, Stack
from aws_cdk.aws_certificatemanager import Certificate
from aws_cdk.aws_ec2 import SecurityGroup, Vpc
from aws_cdk.aws_kms import Key
from aws_cdk.aws_route53 import HostedZone
from aws_cdk.aws_secretsmanager import Secret
from aws_cdk.aws_sns import Topic

from bench.environments import context_of, names
from claude_context_bridge import BridgeProps, ContextBridge, Domain
from stacks.bridge_stack import BridgeStack
from stacks.settings import read
from tests.infrastructure.conftest import NO_BUNDLING

ACCOUNT = "123456789012"
REGION = "eu-central-1"
UUID = "01234567-89ab-cdef-0123-456789abcdef"


BRIDGES: Mapping[str, Mapping[str, Any]] = {
    "Bare": {},
    "Signed": {"auth": "iam"},
    "Open": {"auth": "none"},
    "Bedrock": {
        "provider": "bedrock",
        "model": "global.anthropic.claude-sonnet-5-5",
        "summary_model": "eu.anthropic.claude-haiku-5-5",
        "secret_store": "parameter_store",
    },
}
"""Stacks of somebody's, and the props of the bridge in each; `Brought` brings everything along."""


def build(*only: str, **more: Any) -> App:
    """Return an app with a stack of each environment, and others that hold a bridge; not synthesized yet.

    `only` names some of the others, where not all are wanted. Whatever else is told goes to the app.
    """
    app = App(context=NO_BUNDLING, **more)
    for environment in () if only else names():
        BridgeStack(app, read(context_of(environment)))
    for stack, told in BRIDGES.items():
        if not only or stack in only:
            ContextBridge(Stack(app, stack), "Bridge", BridgeProps(**told))
    if not only or "Brought" in only:
        _bring_everything(Stack(app, "Brought", env=Environment(account=ACCOUNT, region=REGION)))
    return app


def _bring_everything(stack: Stack) -> None:
    vpc = Vpc.from_vpc_attributes(
        stack,
        "Network",
        vpc_id="vpc-0123456789abcdef0",
        availability_zones=[f"{REGION}a", f"{REGION}b"],
        private_subnet_ids=["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
    )
    ContextBridge(
        stack,
        "Bridge",
        BridgeProps(
            encryption_key=Key.from_key_arn(stack, "Key", f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{UUID}"),
            vpc=vpc,
            security_groups=[SecurityGroup.from_security_group_id(stack, "Group", "sg-0123456789abcdef0")],
            domain=Domain(
                name="bridge.example.com",
                certificate=Certificate.from_certificate_arn(
                    stack, "Certificate", f"arn:aws:acm:{REGION}:{ACCOUNT}:certificate/{UUID}"
                ),
                hosted_zone=HostedZone.from_hosted_zone_attributes(
                    stack, "Zone", hosted_zone_id="Z0123456789ABCDEFGHIJ", zone_name="example.com"
                ),
            ),
            anthropic_secret=Secret.from_secret_name_v2(stack, "Anthropic", "team/anthropic"),
            alarm_topic=Topic.from_topic_arn(stack, "OnCall", f"arn:aws:sns:{REGION}:{ACCOUNT}:on-call"),
            point_in_time_recovery=True,
            deletion_protection=True,
            snap_start=True,
            max_read_units=1000,
            max_write_units=1000,
            daily_tokens=100_000,
            owner_rate=60,
        ),
    )


def templates_of(app: App) -> Mapping[str, Mapping[str, Any]]:
    """Synthesize; return each stack's template by its file's path."""
    assembly = app.synth()
    paths = (artifact.template_full_path for artifact in assembly.stacks)
    return {path: json.loads(Path(path).read_text()) for path in paths}
