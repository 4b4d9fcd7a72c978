"""What each function may do: exactly the calls that it makes, on exactly what it makes them on."""

import json
from typing import Any

import pytest

from tests.infrastructure.conftest import Json, Synthesized, synthesize

FUNCTIONS = ["connect", "disconnect", "message", "answer", "remember"]

LOG = ("logs:CreateLogStream", "logs:PutLogEvents")
EVERY_ITEM_CALL = (
    "dynamodb:BatchGetItem",
    "dynamodb:BatchWriteItem",
    "dynamodb:DeleteItem",
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "dynamodb:Query",
    "dynamodb:UpdateItem",
)
EXPECTED: dict[str, dict[str, tuple[str, ...]]] = {
    "connect": {
        "Connect/Log": LOG,
        "Sessions": ("dynamodb:GetItem", "dynamodb:PutItem"),
        "Signing": ("secretsmanager:GetSecretValue",),
    },
    "disconnect": {
        "Disconnect/Log": LOG,
        "Sessions": ("dynamodb:DeleteItem",),
    },
    "message": {
        "Message/Log": LOG,
        "Sessions": EVERY_ITEM_CALL,
        "Sessions/index/sessions-by-owner": ("dynamodb:Query",),
        "Hashes": tuple(
            call for call in EVERY_ITEM_CALL if call not in ("dynamodb:BatchGetItem", "dynamodb:Query")
        ),
        "Turns": ("sqs:SendMessage",),
        "DeadLetters": ("sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:ReceiveMessage"),
        "arn:…:execute-api:…:Api/prod/POST/@connections/*": ("execute-api:ManageConnections",),
    },
    "answer": {
        "Answer/Log": LOG,
        "Sessions": tuple(call for call in EVERY_ITEM_CALL if call != "dynamodb:BatchWriteItem"),
        "Hashes": ("dynamodb:DeleteItem",),
        "Turns": (
            "sqs:ChangeMessageVisibility",
            "sqs:DeleteMessage",
            "sqs:GetQueueAttributes",
            "sqs:ReceiveMessage",
        ),
        "Anthropic": ("secretsmanager:GetSecretValue",),
        "arn:…:execute-api:…:Api/prod/POST/@connections/*": ("execute-api:ManageConnections",),
    },
    "remember": {
        "Remember/Log": LOG,
        "Sessions": EVERY_ITEM_CALL,
        "Sessions.StreamArn": (
            "dynamodb:DescribeStream",
            "dynamodb:GetRecords",
            "dynamodb:GetShardIterator",
            "dynamodb:ListStreams",
        ),
        "Sessions/index/sessions-by-owner": ("dynamodb:Query",),
        "Hashes": ("dynamodb:BatchWriteItem",),
        "Anthropic": ("secretsmanager:GetSecretValue",),
    },
}


def _statements(stack: Synthesized, function: str) -> list[Json]:
    policy = stack.one("IAM::Policy", f"Functions/{function.capitalize()}")
    statements: list[Json] = policy["PolicyDocument"]["Statement"]
    return statements


def _name(stack: Synthesized, resource: Any) -> str:
    """Speak of a resource as the construct does: by the last parts of its path."""
    match resource:
        case str():
            return resource
        case {"Fn::GetAtt": [logical_id, "StreamArn"]}:
            return _name(stack, {"Ref": logical_id}) + ".StreamArn"
        case {"Fn::GetAtt": [logical_id, "Arn"]} | {"Ref": logical_id}:
            if logical_id.startswith("AWS::"):
                return "…"
            path = stack.resources[logical_id]["Metadata"]["aws:cdk:path"].removesuffix("/Resource")
            parts = path.split("/")
            return "/".join(parts[-2:]) if parts[-1] == "Log" else str(parts[-1])
        case {"Fn::Join": ["", pieces]}:
            return "".join(_name(stack, piece) for piece in pieces).replace("…:…:", "…:")
    raise AssertionError(f"an unexpected resource: {resource}")


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_may_do_exactly_what_it_does(function: str, prod: Synthesized) -> None:
    allowed: dict[str, tuple[str, ...]] = {}
    for statement in _statements(prod, function):
        assert statement["Effect"] == "Allow"
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        name = _name(prod, statement["Resource"])
        allowed[name] = tuple(sorted({*allowed.get(name, ()), *actions}))
    assert allowed == EXPECTED[function]


def test_roles_are_not_shared_and_have_nothing_but_their_policy(prod: Synthesized) -> None:
    roles = {json.dumps(prod.function(name)["Role"]) for name in FUNCTIONS}
    assert len(roles) == len(FUNCTIONS) == len(prod.of_type("IAM::Role")) == len(prod.of_type("IAM::Policy"))
    for role in prod.of_type("IAM::Role").values():
        assert not role["Properties"].keys() & {"ManagedPolicyArns", "Policies"}
        (trust,) = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        assert trust["Principal"] == {"Service": "lambda.amazonaws.com"}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_nothing_is_allowed_on_everything(function: str, prod: Synthesized) -> None:
    for statement in _statements(prod, function):
        assert "*" not in json.dumps(statement["Action"])
        # A connection's id is not known before it connects; everything else is named.
        if statement["Action"] != "execute-api:ManageConnections":
            assert "*" not in json.dumps(statement["Resource"])


def test_what_remembers_may_do_nothing_by_pattern(prod: Synthesized) -> None:
    assert "*" not in json.dumps(_statements(prod, "remember"))


def test_without_tokens_nobody_reads_a_signing_secret() -> None:
    stack = synthesize("staging", auth="none")
    assert {_name(stack, {"Ref": it}) for it in stack.of_type("SecretsManager::Secret")} == {"Anthropic"}
    assert "SIGNING_SECRET_ARN" not in stack.function("connect")["Environment"]["Variables"]
    assert "secretsmanager" not in json.dumps(_statements(stack, "connect"))
    assert "SigningSecretArn" not in stack.template["Outputs"]


def test_only_the_gateway_invokes_the_route_functions(prod: Synthesized) -> None:
    permissions = [it["Properties"] for it in prod.of_type("Lambda::Permission").values()]
    assert {it["Principal"] for it in permissions} == {"apigateway.amazonaws.com"}
    routes = sorted(it["SourceArn"]["Fn::Join"][1][-1] for it in permissions)
    assert routes == ["/*$connect", "/*$default", "/*$disconnect"]
