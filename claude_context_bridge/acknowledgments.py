"""What cdk-nag finds in the construct, and why it is right as it is: acknowledged here, one by one.

So whoever runs it (AwsSolutions, Serverless) over a stack of their own that holds a bridge sees their own
findings only. Nothing of it is in the template, and cdk-nag need not be installed. What cfn-lint and checkov
find, which know a template only, is in tests/infrastructure/acknowledged.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from aws_cdk import Acknowledgment, Stack, Validations
from constructs import IConstruct

from claude_context_bridge.bedrock import model_statements

if TYPE_CHECKING:
    from claude_context_bridge.construct import ContextBridge

Reasons = dict[str, str]
"""Why, by the finding's id."""

_FUNCTIONS: Reasons = {
    "AwsSolutions-L1": "The asset's compiled packages are for the runtime that it is bundled and tested for.",
    "Serverless-LambdaLatestVersion": "As AwsSolutions-L1.",
    "Serverless-LambdaDLQ": (
        "Lambda uses it for asynchronous calls only. API Gateway waits for three of the functions, and the "
        "queue and the stream keep what the other two fail to do."
    ),
    "Serverless-LambdaTracing": (
        "A turn is followed by its correlation id through the logs of all functions (`bridge logs`); X-Ray "
        "would bill each trace and needs a permission on every resource."
    ),
}
_ANSWERED_TURNS: Reasons = {
    "Serverless-LambdaEventSourceMappingDestination": (
        "SQS has no such destination: after three deliveries the queue itself moves a turn to its "
        "dead-letter queue."
    )
}
_CHANGES: Reasons = {
    "Serverless-LambdaEventSourceMappingDestination": (
        "What is given up is only a change's key. The memory finds by itself what the stream has missed, "
        "and its being late rings an alarm."
    )
}
_DEAD_LETTERS: Reasons = {
    "Serverless-SQSRedrivePolicy": "It is the dead-letter queue, and an alarm watches it."
}
_ANTHROPIC_KEY: Reasons = {
    "AwsSolutions-SMG4": (
        "Anthropic gives the key; nothing in AWS can make another. `bridge key set` puts a new one."
    )
}
_SIGNING_KEY: Reasons = {
    "AwsSolutions-SMG4": (
        "With a new key every token that was given out is void, so a person decides when: docs/operations.md."
    )
}
_CONNECT: Reasons = {
    "AwsSolutions-APIG4": (
        "The connect function checks the client's token itself: an authorizer of Lambda's would be a second "
        "function to wait for. With auth='iam' API Gateway asks IAM; auth='none' was asked for, and warns."
    )
}
_OTHER_ROUTES: Reasons = {
    "AwsSolutions-APIG4": (
        "API Gateway authorizes a WebSocket on $connect only; frames come from who was let in."
    )
}
_STAGE: Reasons = {
    "AwsSolutions-APIG1": (
        "A WebSocket's access log needs a role that is set for the whole account and region, which is not a "
        "construct's to set. The message function logs every frame with its connection and request."
    ),
    "Serverless-APIGWAccessLogging": "As AwsSolutions-APIG1.",
}
_POSTS = "A connection has no name before it is there: those of one stage are as few as can be named."
_INTERFACES = (
    "Lambda makes a function's network interfaces in the VPC, which have no names before; and EC2 lets "
    "nobody name one in a policy for describing them."
)
_PROFILES = (
    "An inference profile asks the model in whichever region has room; the condition beside it lets it be "
    "asked by way of that profile only."
)


def acknowledge(bridge: ContextBridge) -> None:
    """Acknowledge what cdk-nag finds in a bridge, which has to be complete."""
    for construct, reasons in findings(bridge):
        Validations.of(construct).acknowledge(
            *(Acknowledgment(id=name, reason=reason) for name, reason in reasons.items())
        )


def findings(bridge: ContextBridge) -> Iterator[tuple[IConstruct, Reasons]]:
    """Yield the constructs of a bridge in which something is found, and why each of that is right."""
    functions, api = bridge.functions, bridge.websocket.api
    yield functions, _FUNCTIONS | _wildcards(bridge)
    yield functions.answer.node.find_child("Turns"), _ANSWERED_TURNS
    yield functions.remember.node.find_child("Changes"), _CHANGES
    yield bridge.dead_letter_queue, _DEAD_LETTERS
    # Those that were passed in, or are parameters, are none of the construct's resources.
    if bridge.props.anthropic_secret is None and bridge.anthropic_secret is not None:
        yield bridge.anthropic_secret, _ANTHROPIC_KEY
    if bridge.props.signing_secret is None and bridge.signing_secret is not None:
        yield bridge.signing_secret, _SIGNING_KEY
    if bridge.props.auth != "iam":
        yield api.node.find_child("$connect-Route"), _CONNECT
    for route in ("$disconnect-Route", "$default-Route", "query-Route"):
        if (found := api.node.try_find_child(route)) is not None:
            yield found, _OTHER_ROUTES
    yield bridge.websocket.stage, _STAGE


def _wildcards(bridge: ContextBridge) -> Reasons:
    """Return the reasons for resources that the functions' policies name by a pattern, each by its own."""
    props = bridge.props
    patterns = {bridge.websocket.posts_arn: _POSTS}
    if props.vpc is not None:
        patterns["*"] = _INTERFACES
    if props.provider == "bedrock":
        for statement in model_statements(bridge, tuple({*props.models, props.summary_model})):
            patterns |= {arn: _PROFILES for arn in statement.resources if "*" in arn}
    resolved = Stack.of(bridge).resolve(list(patterns))
    return {
        f"AwsSolutions-IAM5[Resource::{_as_cdk_nag_writes(arn)}]": reason
        for arn, reason in zip(resolved, patterns.values(), strict=True)
    }


def _as_cdk_nag_writes(resolved: Any) -> str:
    """Return what cdk-nag calls a resource: references stand in it as `<id>`."""
    match resolved:
        case str():
            return resolved
        case {"Ref": name}:
            return f"<{name}>"
        case {"Fn::GetAtt": [name, attribute]}:
            return f"<{name}.{attribute}>"
        case {"Fn::Join": [separator, parts]}:
            return str(separator).join(map(_as_cdk_nag_writes, parts))
    raise ValueError(f"cdk-nag's name of {resolved!r} is not known")
