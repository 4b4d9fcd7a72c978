"""The construct in somebody else's stack."""

from collections.abc import Callable
from typing import Any

import pytest
from aws_cdk import App, Duration, RemovalPolicy, Stack, Token
from aws_cdk.assertions import Annotations, Match, Template
from aws_cdk.aws_certificatemanager import Certificate
from aws_cdk.aws_ec2 import Vpc
from aws_cdk.aws_iam import Role, ServicePrincipal
from aws_cdk.aws_kms import Key
from aws_cdk.aws_secretsmanager import Secret
from aws_cdk.aws_sns import Topic

from claude_context_bridge import BridgeProps, ContextBridge, Domain
from tests.infrastructure.conftest import NO_BUNDLING, Synthesized

Build = Callable[..., tuple[ContextBridge, Synthesized]]


def test_it_names_nothing_and_outputs_nothing(with_props: Build) -> None:
    _, stack = with_props()
    assert "Outputs" not in stack.template
    named = {"TableName", "QueueName", "FunctionName", "RoleName", "LogGroupName"}
    for name, resource in stack.resources.items():
        if resource["Type"] not in {"AWS::Lambda::Permission", "AWS::Lambda::EventSourceMapping"}:
            assert not named & set(resource["Properties"]), name


@pytest.mark.parametrize("construct_id", ["Brücke", "B" * 250])
def test_a_path_that_no_metric_may_go_by_is_refused_by_name(construct_id: str) -> None:
    stack = Stack(App(context=NO_BUNDLING), "Somebodys")
    with pytest.raises(ValueError, match=f"path, 'Somebodys/{construct_id}', must be at most 255 .*ASCII"):
        ContextBridge(stack, construct_id, BridgeProps(dashboard=False, alarms=False))


def test_two_bridges_fit_one_stack() -> None:
    stack = Stack(App(context=NO_BUNDLING), "Somebodys")
    first, second = ContextBridge(stack, "First"), ContextBridge(stack, "Second")
    assert stack.resolve(first.url) != stack.resolve(second.url)
    Template.from_stack(stack).resource_count_is("AWS::Lambda::Function", 10)


def test_two_bridges_with_everything_of_ones_own_fit_one_stack() -> None:
    stack = Stack(App(context=NO_BUNDLING), "Somebodys")
    key = Key(stack, "Key")
    vpc = Vpc(stack, "Vpc", max_azs=1, nat_gateways=1)
    certificate = Certificate.from_certificate_arn(
        stack, "Certificate", "arn:aws:acm:eu-west-1:111122223333:certificate/1234abcd"
    )
    for name in ("first", "second"):
        domain = Domain(name=f"{name}.example.com", certificate=certificate)
        props = BridgeProps(encryption_key=key, vpc=vpc, domain=domain, snap_start=True, auth="iam")
        bridge = ContextBridge(stack, name.capitalize(), props)
        assert bridge.url == f"wss://{name}.example.com"
    template = Template.from_stack(stack)
    template.resource_count_is("AWS::ApiGatewayV2::ApiMapping", 2)
    functions = template.find_resources(
        "AWS::Lambda::Function", {"Properties": {"Handler": "bridge.handlers.connect.handler"}}
    )
    services = {
        it["Properties"]["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"] for it in functions.values()
    }
    assert services == {"Somebodys/First", "Somebodys/Second"}


def test_its_functions_are_there_by_name(with_props: Build) -> None:
    bridge, stack = with_props(snap_start=True)
    for name in ("connect", "disconnect", "message", "answer", "remember"):
        function = getattr(bridge.functions, name)
        logical_id = stack.id_of("Lambda::Function", f"Functions/{name.capitalize()}")
        assert Stack.of(bridge).resolve(function.function_name) == {"Ref": logical_id}


def test_by_default_memory_outlives_the_stack(with_props: Build) -> None:
    _, stack = with_props()
    for kind in ("DynamoDB::GlobalTable", "SecretsManager::Secret"):
        assert {it["DeletionPolicy"] for it in stack.of_type(kind).values()} == {"Retain"}
    _, stack = with_props(removal_policy=RemovalPolicy.DESTROY)
    assert {it["DeletionPolicy"] for it in stack.of_type("DynamoDB::GlobalTable").values()} == {"Delete"}


def test_it_exposes_what_it_is_made_of(with_props: Build) -> None:
    bridge, stack = with_props()
    resolve = Stack.of(bridge).resolve
    sessions = stack.id_of("DynamoDB::GlobalTable", "Storage/Sessions")
    assert resolve(bridge.sessions_table.table_name) == {"Ref": sessions}
    hashes = stack.id_of("DynamoDB::GlobalTable", "Storage/Hashes")
    assert resolve(bridge.hashes_table.table_name) == {"Ref": hashes}
    assert resolve(bridge.queue.queue_url) == {"Ref": stack.id_of("SQS::Queue", "Queue/Turns")}
    dead_letters = stack.id_of("SQS::Queue", "Queue/DeadLetters")
    assert resolve(bridge.dead_letter_queue.queue_url) == {"Ref": dead_letters}
    answer = stack.id_of("Lambda::Function", "Functions/Answer")
    assert resolve(bridge.functions.answer.function_name) == {"Ref": answer}
    assert resolve(bridge.url)["Fn::Join"][1][0] == "wss://"
    assert resolve(bridge.callback_url)["Fn::Join"][1][0] == "https://"
    assert resolve(bridge.url)["Fn::Join"][1][-1] == "/live"
    assert bridge.anthropic_secret
    assert bridge.signing_secret


def test_secrets_of_ones_own_are_used_and_not_created() -> None:
    stack = Stack(App(context=NO_BUNDLING), "Somebodys")
    anthropic = Secret.from_secret_name_v2(stack, "Key", "team/anthropic")
    signing = Secret(stack, "Own")
    ContextBridge(stack, "Bridge", BridgeProps(anthropic_secret=anthropic, signing_secret=signing))
    template = Template.from_stack(stack)
    template.resource_count_is("AWS::SecretsManager::Secret", 1)
    template.has_resource_properties(
        "AWS::IAM::Policy",
        {
            "PolicyName": Match.string_like_regexp("Answer"),
            "PolicyDocument": {
                "Statement": Match.array_with(
                    [
                        Match.object_like(
                            {
                                "Action": Match.array_with(["secretsmanager:GetSecretValue"]),
                                "Resource": {
                                    "Fn::Join": [
                                        "",
                                        Match.array_with(
                                            [Match.string_like_regexp(r":secret:team/anthropic-\?{6}")]
                                        ),
                                    ]
                                },
                            }
                        )
                    ]
                )
            },
        },
    )


def test_who_mints_tokens_may_read_the_signing_key_only() -> None:
    stack = Stack(App(context=NO_BUNDLING), "Somebodys")
    bridge = ContextBridge(stack, "Bridge")
    minter = Role(stack, "Minter", assumed_by=ServicePrincipal("lambda.amazonaws.com"))
    bridge.grant_mint_tokens(minter)
    assert bridge.signing_secret is not None
    Template.from_stack(stack).has_resource_properties(
        "AWS::IAM::Policy",
        {
            "PolicyName": Match.string_like_regexp("^Minter"),
            "PolicyDocument": {
                "Statement": [
                    {
                        "Action": "secretsmanager:GetSecretValue",
                        "Effect": "Allow",
                        "Resource": stack.resolve(bridge.signing_secret.secret_arn),
                    }
                ]
            },
        },
    )


def test_without_tokens_there_are_none_to_mint_and_a_warning_says_so(with_props: Build) -> None:
    bridge, _ = with_props(auth="none")
    stack = Stack.of(bridge)
    Annotations.from_stack(stack).has_warning("*", Match.string_like_regexp("auth is none"))
    with pytest.raises(ValueError, match="auth is none"):
        bridge.grant_mint_tokens(bridge.functions.connect)


def test_with_tokens_there_is_no_warning(with_props: Build) -> None:
    bridge, _ = with_props()
    Annotations.from_stack(Stack.of(bridge)).has_no_warning("*", Match.any_value())


@pytest.mark.parametrize(
    ("prop", "value", "allowed"),
    [
        ("auth", "password", "token, iam, none"),
        ("auth", None, "token, iam, none"),
        ("daily_tokens", -1, "0 to 1000000000000"),
        ("owner_rate", 100_001, "0 is no limit"),
        ("hold_seconds", 9, "10 to 110"),
        ("hold_seconds", Duration.seconds(90), "10 to 110"),
        ("alarms", "off", "true or false"),
        ("alarm_topic", "arn:aws:sns:eu-west-1:111122223333:oncall", "Topic.from_topic_arn"),
        ("model", "", "model's name"),
        ("allowed_models", "claude-opus-5-5", "list"),
        ("allowed_models", ["a,b"], "model's name"),
        ("max_output_tokens", 0, "1 to 32000"),
        ("max_output_tokens", True, "1 to 32000"),
        ("max_output_tokens", 8192.5, "1 to 32000"),
        ("system_prompt", "ß" * 1001, "2,000 bytes"),
        ("anthropic_base_url", "api.anthropic.com", "http://"),
        ("callback_url", "https://host/{region}", "{api_id}"),
        ("poll_queue", "no", "true or false"),
        ("recall", "all", "owner, session, off"),
        ("recall_tokens", 99, "100 to 20000"),
        ("context", "half", "window, full"),
        ("full_context_tokens", 200_001, "1000 to 200000"),
        ("summary_model", "", "model's name"),
        ("prices", {"m": 3}, "dollars for a million tokens"),
        ("poll_stream", 1, "true or false"),
        ("answer_timeout", Duration.minutes(16), "60 to 900"),
        ("answer_timeout", 900, "Duration.seconds(900), not 900"),
        ("session_ttl", Duration.seconds(30), "3600"),
        ("session_ttl", 24, "Duration.hours(24), not 24"),
        ("session_ttl", None, "Duration.hours(24), not None"),
        ("session_ttl", Duration.millis(3_600_001), "3600 to"),
        ("session_ttl", Duration.hours(Token.as_number({"Ref": "Hours"})), "known at synth"),
        ("memory_ttl", "30 days", "Duration.days(30)"),
        ("memory_ttl", Duration.seconds(30), "3600"),
        ("stage_name", "a/b", "letters"),
        ("removal_policy", "destroy", "RemovalPolicy.DESTROY, not 'destroy'"),
        ("removal_policy", RemovalPolicy.SNAPSHOT, "RemovalPolicy.DESTROY"),  # no table has that
        ("log_retention", 30, "RetentionDays.ONE_MONTH"),
        ("architecture", "arm64", "Architecture.ARM_64"),
        ("sessions_table_name", 5, "3 to 255 letters"),
        ("sessions_table_name", "a b", "3 to 255 letters"),
        ("hashes_table_name", "", "3 to 255 letters"),
        ("encryption_key", "alias/mine", "an IKey such as Key.from_key_arn"),
        ("vpc", "vpc-1", "an IVpc such as Vpc.from_vpc_attributes"),
        ("vpc_subnets", ["subnet-1"], "a SubnetSelection"),
        ("security_groups", [], "a list of ISecurityGroup"),
        ("domain", "bridge.example.com", "a Domain"),
    ],
)
def test_a_bad_prop_is_named_with_what_is_allowed(prop: str, value: Any, allowed: str) -> None:
    with pytest.raises(ValueError, match=f"^{prop} must be ") as refused:
        BridgeProps(**{prop: value})
    assert allowed in str(refused.value)


@pytest.mark.parametrize("prop", ["anthropic_secret", "signing_secret"])
def test_a_key_in_place_of_its_secret_is_refused_and_not_shown(prop: str) -> None:
    key: Any = "sk-ant-the-key-itself"
    with pytest.raises(ValueError, match=f"^{prop} must be an ISecret .* not a str$") as refused:
        BridgeProps(**{prop: key})
    assert "sk-ant" not in str(refused.value)


@pytest.mark.parametrize("auth", ["iam", "none"])
def test_a_signing_secret_where_nothing_is_signed_is_refused(auth: Any) -> None:
    own = Secret(Stack(App(), "Somebodys"), "Own")
    with pytest.raises(ValueError, match=f"^signing_secret must be left out with auth='{auth}'"):
        BridgeProps(auth=auth, signing_secret=own)


@pytest.mark.parametrize("name", ["dashboard", "alarms"])
def test_what_is_made_of_metrics_needs_them(name: str) -> None:
    others: dict[str, Any] = {"dashboard": False, "alarms": False} | {name: True}
    with pytest.raises(ValueError, match=rf"^{name} must be False with metrics=False: it is made of them"):
        BridgeProps(metrics=False, **others)


def test_a_topic_without_an_alarm_is_refused() -> None:
    topic = Topic(Stack(App(), "Somebodys"), "OnCall")
    with pytest.raises(ValueError, match=r"^alarm_topic must be left out with alarms=False"):
        BridgeProps(alarm_topic=topic, alarms=False)
