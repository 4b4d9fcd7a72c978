"""What a role has to be allowed to ask a model of Claude's on Amazon Bedrock: that model, and no other.

A model's own id names one of this region. An inference profile (`eu.anthropic.…`, `global.anthropic.…`) is a
resource of this account's, which sends a question to the same model in some region of its part of the world;
IAM asks for a right on both. The one on the model holds only by way of that profile.
"""

import re

from aws_cdk import Stack
from aws_cdk.aws_iam import PolicyStatement
from constructs import Construct

ACTION = "bedrock:InvokeModelWithResponseStream"

_PROFILE = re.compile(r"(?P<where>[a-z-]+)\.(?P<model>anthropic\..+)")
_PROFILES_ARN = re.compile(r"arn:(?P<partition>[^:]+):bedrock:[^:]*:[^:]*:(?P<kind>[a-z-]+)/(?P<name>.+)")
_ANY_CLAUDE = "anthropic.claude-*"


def model_statements(scope: Construct, models: tuple[str, ...]) -> list[PolicyStatement]:
    """Return the statements that let a role of a construct's ask these models."""
    return [statement for model in models for statement in _statements(Stack.of(scope), model)]


def _statements(stack: Stack, model: str) -> list[PolicyStatement]:
    partition, profile = stack.partition, model
    if given := _PROFILES_ARN.fullmatch(model):
        if given["kind"] == "foundation-model":
            return [_allow([model])]
        partition, arn, profile = given["partition"], model, given["name"]
    elif _PROFILE.fullmatch(model):
        arn = f"arn:{partition}:bedrock:{stack.region}:{stack.account}:inference-profile/{model}"
    else:
        return [_allow([f"arn:{partition}:bedrock:{stack.region}::foundation-model/{model}"])]
    # A profile of the account's own (application-inference-profile) does not say which model it is of.
    named = _PROFILE.fullmatch(profile)
    behind = named["model"] if named else _ANY_CLAUDE
    regions = ["*"] if named and named["where"] != "global" else ["*", ""]  # no region: anywhere in the world
    models = [f"arn:{partition}:bedrock:{region}::foundation-model/{behind}" for region in regions]
    return [_allow([arn]), _allow(models, only_by=arn)]


def _allow(resources: list[str], only_by: str | None = None) -> PolicyStatement:
    conditions = {"StringEquals": {"bedrock:InferenceProfileArn": only_by}} if only_by else None
    return PolicyStatement(actions=[ACTION], resources=resources, conditions=conditions)
