"""`auth: iam`: API Gateway asks IAM who may connect, and nobody reads a signing key."""

import json
from collections.abc import Callable

import pytest
from aws_cdk import App, Stack
from aws_cdk.assertions import Annotations, Match, Template
from aws_cdk.aws_iam import User

from claude_context_bridge import BridgeProps, ContextBridge
from tests.infrastructure.conftest import NO_BUNDLING, Synthesized, synthesize

Build = Callable[..., tuple[ContextBridge, Synthesized]]


def _authorization(stack: Synthesized) -> dict[str, str]:
    routes = [it["Properties"] for it in stack.of_type("ApiGatewayV2::Route").values()]
    return {it["RouteKey"]: it["AuthorizationType"] for it in routes}


def test_the_handshake_is_signed_and_nothing_after_it() -> None:
    assert _authorization(synthesize("prod", auth="iam")) == {
        "$connect": "AWS_IAM",
        "$disconnect": "NONE",
        "$default": "NONE",
    }


@pytest.mark.parametrize("auth", ["token", "none"])
def test_otherwise_the_connect_function_alone_says_who_comes_in(auth: str) -> None:
    assert set(_authorization(synthesize("prod", auth=auth)).values()) == {"NONE"}


def test_there_is_no_signing_key_and_the_function_knows_who_asked() -> None:
    stack = synthesize("prod", auth="iam")
    connect = stack.function("connect")["Environment"]["Variables"]
    assert connect["AUTH"] == "iam"
    assert "SIGNING_SECRET_ARN" not in connect
    assert list(stack.under("Secrets")) == [stack.id_of("SecretsManager::Secret", "Secrets/Anthropic")]
    policy = stack.one("IAM::Policy", "Functions/Connect")
    assert "secretsmanager" not in json.dumps(policy)
    assert stack.template["Outputs"]["Auth"]["Value"] == "iam"
    assert "SigningSecretArn" not in stack.template["Outputs"]


def test_whoever_is_let_in_may_connect_to_this_stage_and_do_nothing_else() -> None:
    stack = Stack(App(context=NO_BUNDLING), "Somebodys")
    bridge = ContextBridge(stack, "Bridge", BridgeProps(auth="iam", stage_name="v1"))
    ada = User(stack, "Ada")
    grant = bridge.grant_connect(ada)
    assert grant.success
    template = Template.from_stack(stack)
    (api,) = template.find_resources("AWS::ApiGatewayV2::Api")
    template.has_resource_properties(
        "AWS::IAM::Policy",
        {
            "Users": [stack.resolve(ada.user_name)],
            "PolicyDocument": {
                "Statement": [
                    {
                        "Action": "execute-api:Invoke",
                        "Effect": "Allow",
                        "Resource": {"Fn::Join": ["", Match.array_with([{"Ref": api}, "/v1/$connect"])]},
                    }
                ]
            },
        },
    )


@pytest.mark.parametrize("auth", ["token", "none"])
def test_where_iam_is_not_asked_it_lets_nobody_in(auth: str, with_props: Build) -> None:
    bridge, _ = with_props(auth=auth)
    with pytest.raises(ValueError, match=f"auth is {auth}, not iam"):
        bridge.grant_connect(bridge.functions.connect)


def test_there_are_no_tokens_to_mint_and_nothing_to_warn_of(with_props: Build) -> None:
    bridge, _ = with_props(auth="iam")
    assert bridge.signing_secret is None
    with pytest.raises(ValueError, match="no tokens to mint: auth is iam"):
        bridge.grant_mint_tokens(bridge.functions.connect)
    Annotations.from_stack(Stack.of(bridge)).has_no_warning("*", Match.any_value())


def test_clients_of_the_original_cannot_sign_and_have_no_route() -> None:
    assert "query" not in _authorization(synthesize("prod", auth="iam"))
