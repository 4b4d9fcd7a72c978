"""A KMS key of one's own: what it encrypts, and who gets to use it for what."""

import json
from typing import Any

import pytest
from aws_cdk import App, Environment, Stack
from aws_cdk.assertions import Template
from aws_cdk.aws_kms import Key

from claude_context_bridge import BridgeProps, ContextBridge
from tests.infrastructure.conftest import NO_BUNDLING, Json, Synthesized

ARN = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
TABLES = {
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
}
# By function, what it may do with the key, by the service that asks.
EXPECTED = {
    "connect": {"dynamodb": TABLES, "secretsmanager": {"kms:Decrypt"}},
    "disconnect": {"dynamodb": TABLES},
    "message": {"dynamodb": TABLES, "sqs": {"kms:Decrypt", "kms:GenerateDataKey"}},
    "answer": {"dynamodb": TABLES, "sqs": {"kms:Decrypt"}, "secretsmanager": {"kms:Decrypt"}},
    "remember": {"dynamodb": TABLES, "secretsmanager": {"kms:Decrypt"}},
}


@pytest.fixture(scope="module", params=[None, Environment(account="111122223333", region="eu-west-1")])
def theirs(request: pytest.FixtureRequest) -> Synthesized:
    """A bridge whose key was made elsewhere; in a stack without a region, and in one with."""
    stack = Stack(App(context=NO_BUNDLING), "Somebodys", env=request.param)
    key = Key.from_key_arn(stack, "Theirs", ARN)
    ContextBridge(stack, "Bridge", BridgeProps(encryption_key=key))
    return Synthesized(Template.from_stack(stack).to_json())


def test_everything_that_is_kept_is_encrypted_with_it(theirs: Synthesized) -> None:
    for table in theirs.of_type("DynamoDB::GlobalTable").values():
        assert table["Properties"]["SSESpecification"] == {"SSEEnabled": True, "SSEType": "KMS"}
        (replica,) = table["Properties"]["Replicas"]
        assert replica["SSESpecification"] == {"KMSMasterKeyId": ARN}
    for kind, name, count in (
        ("SQS::Queue", "KmsMasterKeyId", 2),
        ("SecretsManager::Secret", "KmsKeyId", 2),
        ("Logs::LogGroup", "KmsKeyId", 5),
    ):
        assert [it["Properties"][name] for it in theirs.of_type(kind).values()] == [ARN] * count
    assert "SqsManagedSseEnabled" not in json.dumps(theirs.of_type("SQS::Queue"))
    assert theirs.of_type("KMS::Key") == {}


def _of_key(stack: Synthesized, function: str, key: Any) -> dict[str, set[str]]:
    """Tell what a function may do with a key, by the service that asks."""
    policy = stack.one("IAM::Policy", f"Functions/{function.capitalize()}")["PolicyDocument"]
    allowed: dict[str, set[str]] = {}
    for statement in policy["Statement"]:
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        if not any(action.startswith("kms:") for action in actions):
            continue
        assert statement["Effect"] == "Allow"
        assert statement["Resource"] == key
        ((operator, condition),) = statement["Condition"].items()
        assert operator == "StringEquals"
        ((name, via),) = condition.items()
        assert name == "kms:ViaService"
        service = (via if isinstance(via, str) else via["Fn::Join"][1][0]).partition(".")[0]
        allowed[service] = allowed.get(service, set()) | set(actions)
    return allowed


@pytest.mark.parametrize("function", EXPECTED)
def test_a_function_may_use_it_for_what_it_works_on(function: str, theirs: Synthesized) -> None:
    assert _of_key(theirs, function, ARN) == EXPECTED[function]


def test_a_key_of_the_same_stack_lets_the_logs_use_it_and_nobody_else() -> None:
    stack = Stack(App(context=NO_BUNDLING), "Somebodys")
    key = Key(stack, "Own")
    ContextBridge(stack, "Bridge", BridgeProps(encryption_key=key))
    template = Synthesized(Template.from_stack(stack).to_json())
    (made,) = template.of_type("KMS::Key").values()
    statements: list[Json] = made["Properties"]["KeyPolicy"]["Statement"]
    to_services = [it for it in statements if "Service" in it["Principal"]]
    (logs,) = to_services
    assert logs["Principal"]["Service"]["Fn::Join"][1][0] == "logs."
    pattern = logs["Condition"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"]
    assert pattern["Fn::Join"][1][-1] == ":log-group:*"
    arn = stack.resolve(key.key_arn)
    for function, expected in EXPECTED.items():
        assert _of_key(template, function, arn) == expected


def test_with_aws_keys_nobody_is_granted_any(prod: Synthesized) -> None:
    assert "kms:" not in json.dumps(prod.of_type("IAM::Policy"))
