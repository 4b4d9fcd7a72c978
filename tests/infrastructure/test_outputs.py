"""What the stack tells the command line, and how it is tagged and protected."""

from collections.abc import Callable

import pytest

from claude_context_bridge import ContextBridge
from tests.infrastructure.conftest import Synthesized, synthesize

OUTPUTS = {
    "Url",
    "Auth",
    "Provider",
    "Model",
    "AllowedModels",
    "SummaryModel",
    "SessionsTable",
    "HashesTable",
    "QueueUrl",
    "DeadLetterQueueUrl",
    "AnswerFunction",
    "RememberFunction",
    "AnthropicSecretArn",
    "AnthropicUrl",
    "AnthropicAuthHeader",
    "SigningSecretArn",
}


def test_the_command_line_finds_everything_in_the_outputs(prod: Synthesized) -> None:
    outputs = prod.template["Outputs"]
    assert set(outputs) == OUTPUTS
    assert outputs["Auth"]["Value"] == "token"
    assert outputs["Model"]["Value"] == "claude-sonnet-5-5"
    url = outputs["Url"]["Value"]["Fn::Join"][1]
    assert url[0] == "wss://"
    assert url[-1] == "/prod"


def test_a_stack_of_somebodys_can_emit_the_same(
    with_props: Callable[..., tuple[ContextBridge, Synthesized]],
) -> None:
    bridge, _ = with_props()
    assert set(bridge.outputs) == OUTPUTS
    bridge, _ = with_props(auth="none")
    assert set(bridge.outputs) == OUTPUTS - {"SigningSecretArn"}
    bridge, _ = with_props(summary_base_url="https://summaries.example.com")
    assert set(bridge.outputs) == OUTPUTS | {"SummaryUrl"}


@pytest.mark.parametrize("kind", ["Lambda::Function", "SQS::Queue", "SecretsManager::Secret", "IAM::Role"])
def test_everything_is_tagged_by_environment(kind: str) -> None:
    for resource in synthesize("staging").of_type(kind).values():
        tags = {tag["Key"]: tag["Value"] for tag in resource["Properties"]["Tags"]}
        assert tags == {"project": "claude-context-bridge", "environment": "staging"}
