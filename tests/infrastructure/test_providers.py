"""Claude on Bedrock, and secrets in Parameter Store: what there is then, and what the roles may do."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from aws_cdk import App, Environment, Stack, Stage
from aws_cdk.assertions import Template
from aws_cdk.aws_iam import Role, ServicePrincipal

from claude_context_bridge import BridgeProps, ContextBridge
from tests.infrastructure.conftest import NO_BUNDLING, Json, Synthesized, synthesize

HAIKU, SONNET = "anthropic.claude-haiku-5-5-v1:0", "anthropic.claude-sonnet-5-5-v1:0"
HERE = "arn:aws:bedrock:eu-central-1:123456789012:"
INVOKE = "bedrock:InvokeModelWithResponseStream"


def deployed(
    name: str = "Bridge", stack_name: str = "Somebodys", **props: Any
) -> tuple[ContextBridge, Synthesized]:
    """Put a bridge into a stack whose account and region are known."""
    here = Environment(account="123456789012", region="eu-central-1")
    stack = Stack(App(context=NO_BUNDLING), stack_name, env=here)
    bridge = ContextBridge(stack, name, BridgeProps(**props))
    return bridge, Synthesized(Template.from_stack(stack).to_json())


def flat(value: Any) -> Any:
    """Return a value with its joins joined; the partition is AWS's usual one."""
    match value:
        case {"Fn::Join": ["", pieces]}:
            return "".join(map(flat, pieces))
        case {"Ref": "AWS::Partition"}:
            return "aws"
        case {"Ref": name}:
            return f"<{name}>"
        case Mapping():
            return {key: flat(each) for key, each in value.items()}
        case list():
            return [flat(each) for each in value]
    return value


def statements(stack: Synthesized, function: str, service: str) -> list[Json]:
    """Return what a function's role may do with a service, flat."""
    policy = stack.one("IAM::Policy", f"Functions/{function}")["PolicyDocument"]["Statement"]
    return [flat(it) for it in policy if f'"{service}:' in json.dumps(it["Action"])]


def allowed(stack: Synthesized, function: str) -> list[tuple[list[str], str | None]]:
    """Return which models a function may ask, and by way of which profile alone."""
    found = []
    for it in statements(stack, function, "bedrock"):
        assert (it["Effect"], it["Action"]) == ("Allow", INVOKE)
        resources = it["Resource"] if isinstance(it["Resource"], list) else [it["Resource"]]
        by = it.get("Condition", {}).get("StringEquals", {}).get("bedrock:InferenceProfileArn")
        found.append((resources, by))
    return found


def variables(stack: Synthesized, function: str) -> Json:
    told: Json = stack.function(function)["Environment"]["Variables"]
    return told


def test_on_bedrock_there_is_no_key_and_nothing_told_of_one() -> None:
    bridge, stack = deployed(provider="bedrock", model=SONNET)
    assert bridge.anthropic_secret is None
    assert bridge.signing_secret is not None
    assert len(stack.of_type("SecretsManager::Secret")) == 1
    for function in ("answer", "remember"):
        told = variables(stack, function)
        assert told["PROVIDER"] == "bedrock"
        assert not [name for name in told if name.startswith("ANTHROPIC")]
        assert not statements(stack, function.capitalize(), "secretsmanager")
    assert not [name for name in bridge.outputs if name.startswith("Anthropic")]
    assert bridge.outputs["Provider"] == "bedrock"


def test_a_model_of_this_region_is_all_that_may_be_asked() -> None:
    _, stack = deployed(provider="bedrock", model=SONNET, summary_model=HAIKU)
    assert allowed(stack, "Answer") == [([f"arn:aws:bedrock:eu-central-1::foundation-model/{SONNET}"], None)]
    assert allowed(stack, "Remember") == [([f"arn:aws:bedrock:eu-central-1::foundation-model/{HAIKU}"], None)]


def test_every_model_that_a_query_may_name_may_be_asked_and_those_alone() -> None:
    _, stack = deployed(provider="bedrock", model=SONNET, allowed_models=[HAIKU], summary_model=HAIKU)
    asked = {resource for resources, _ in allowed(stack, "Answer") for resource in resources}
    assert asked == {f"arn:aws:bedrock:eu-central-1::foundation-model/{model}" for model in (SONNET, HAIKU)}
    for function in ("Connect", "Disconnect", "Message"):
        assert allowed(stack, function) == []


@pytest.mark.parametrize(
    ("model", "profile", "behind"),
    [
        (
            f"eu.{HAIKU}",
            f"{HERE}inference-profile/eu.{HAIKU}",
            [f"arn:aws:bedrock:*::foundation-model/{HAIKU}"],
        ),
        (
            f"us-gov.{HAIKU}",
            f"{HERE}inference-profile/us-gov.{HAIKU}",
            [f"arn:aws:bedrock:*::foundation-model/{HAIKU}"],
        ),
        (
            f"global.{HAIKU}",
            f"{HERE}inference-profile/global.{HAIKU}",
            [f"arn:aws:bedrock:*::foundation-model/{HAIKU}", f"arn:aws:bedrock:::foundation-model/{HAIKU}"],
        ),
        (
            f"arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.{HAIKU}",
            f"arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.{HAIKU}",
            [f"arn:aws:bedrock:*::foundation-model/{HAIKU}"],
        ),
        (
            f"{HERE}application-inference-profile/abc123",
            f"{HERE}application-inference-profile/abc123",
            [
                "arn:aws:bedrock:*::foundation-model/anthropic.claude-*",
                "arn:aws:bedrock:::foundation-model/anthropic.claude-*",
            ],
        ),
    ],
)
def test_a_profile_may_be_asked_and_its_model_by_way_of_it_alone(
    model: str, profile: str, behind: list[str]
) -> None:
    _, stack = deployed(provider="bedrock", model=model)
    assert allowed(stack, "Answer") == allowed(stack, "Remember") == [([profile], None), (behind, profile)]


def test_a_models_arn_is_taken_as_it_is() -> None:
    arn = f"arn:aws:bedrock:us-west-2::foundation-model/{HAIKU}"
    _, stack = deployed(provider="bedrock", model=arn)
    assert allowed(stack, "Answer") == [([arn], None)]


PATH = "/Somebodys/Bridge/"
PARAMETER = f"arn:aws:ssm:eu-central-1:123456789012:parameter{PATH}"


def test_secrets_in_parameter_store_are_named_and_not_made() -> None:
    bridge, stack = deployed(secret_store="parameter_store")
    assert not stack.of_type("SecretsManager::Secret")
    assert not stack.of_type("SSM::Parameter")
    assert (bridge.anthropic_secret, bridge.signing_secret) == (None, None)
    assert flat(variables(stack, "answer")["ANTHROPIC_SECRET_ARN"]) == f"{PARAMETER}anthropic"
    assert flat(variables(stack, "connect")["SIGNING_SECRET_ARN"]) == f"{PARAMETER}signing"
    resolve = Stack.of(bridge).resolve
    assert flat(resolve(bridge.outputs["AnthropicSecretArn"])) == f"{PARAMETER}anthropic"
    assert flat(resolve(bridge.outputs["SigningSecretArn"])) == f"{PARAMETER}signing"


@pytest.mark.parametrize(
    ("function", "name"), [("Answer", "anthropic"), ("Remember", "anthropic"), ("Connect", "signing")]
)
def test_who_needs_a_parameter_reads_that_one_and_no_other(function: str, name: str) -> None:
    _, stack = deployed(secret_store="parameter_store")
    (statement,) = statements(stack, function, "ssm")
    assert statement == {"Action": "ssm:GetParameter", "Effect": "Allow", "Resource": f"{PARAMETER}{name}"}
    assert not statements(stack, function, "secretsmanager")
    assert not statements(stack, function, "kms")


def test_two_bridges_and_a_stages_stack_have_parameters_of_their_own() -> None:
    app = App(context=NO_BUNDLING)
    stage = Stage(app, "Prod")
    stack = Stack(stage, "Chat")
    props = BridgeProps(secret_store="parameter_store")
    arns = [ContextBridge(stack, name, props).outputs["AnthropicSecretArn"] for name in ("One", "Two")]
    ends = [flat(stack.resolve(arn)).partition(":parameter")[2] for arn in arns]
    assert ends == ["/Prod-Chat/One/anthropic", "/Prod-Chat/Two/anthropic"]


def test_whoever_mints_tokens_may_read_the_signing_parameter() -> None:
    here = Environment(account="123456789012", region="eu-central-1")
    stack = Stack(App(context=NO_BUNDLING), "Somebodys", env=here)
    bridge = ContextBridge(stack, "Bridge", BridgeProps(secret_store="parameter_store"))
    bridge.grant_mint_tokens(Role(stack, "Minter", assumed_by=ServicePrincipal("ec2.amazonaws.com")))
    template = Synthesized(Template.from_stack(stack).to_json())
    (policy,) = (it for name, it in template.of_type("IAM::Policy").items() if name.startswith("Minter"))
    (statement,) = flat(policy["Properties"]["PolicyDocument"]["Statement"])
    assert (statement["Action"], statement["Resource"]) == ("ssm:GetParameter", f"{PARAMETER}signing")


@pytest.mark.parametrize(("name", "stack_name"), [("My bridge", "Somebodys"), ("Bridge", "aws-chat")])
def test_a_path_that_makes_no_parameters_name_is_refused(name: str, stack_name: str) -> None:
    with pytest.raises(ValueError, match="secret_store='parameter_store'"):
        deployed(name, stack_name, secret_store="parameter_store")


def test_dev_keeps_its_secrets_where_they_cost_nothing() -> None:
    assert not synthesize("dev").of_type("SecretsManager::Secret")
    for environment in ("staging", "prod", "local"):
        assert len(synthesize(environment).of_type("SecretsManager::Secret")) == 2
