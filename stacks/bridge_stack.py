"""One environment of the bridge: the construct, its tables' names, its tags and its outputs."""

from dataclasses import replace
from typing import Any

from aws_cdk import CfnOutput, Stack, Tags
from constructs import Construct

from claude_context_bridge import BridgeProps, ContextBridge


class BridgeStack(Stack):
    """The stack `claude-context-bridge-{environment}`.

    Its tables are named `claude-context-sessions` and `claude-context-hashes`, with `-{environment}` behind
    unless that is `prod`. The command line finds an endpoint and its secrets by the outputs.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, environment: str, props: BridgeProps, **stack: Any
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            description=f"Claude Context Bridge ({environment}): a memory for conversations with Claude",
            termination_protection=props.deletion_protection,
            **stack,
        )
        suffix = "" if environment == "prod" else f"-{environment}"
        self.bridge = ContextBridge(
            self,
            "Bridge",
            replace(
                props,
                sessions_table_name=f"claude-context-sessions{suffix}",
                hashes_table_name=f"claude-context-hashes{suffix}",
            ),
        )
        Tags.of(self).add("project", "claude-context-bridge")
        Tags.of(self).add("environment", environment)
        self._add_outputs()

    def _add_outputs(self) -> None:
        bridge = self.bridge
        outputs = {
            "Url": bridge.url,
            "Auth": bridge.props.auth,
            "Model": bridge.props.model,
            "SessionsTable": bridge.sessions_table.table_name,
            "HashesTable": bridge.hashes_table.table_name,
            "QueueUrl": bridge.queue.queue_url,
            "DeadLetterQueueUrl": bridge.dead_letter_queue.queue_url,
            "AnswerFunction": bridge.functions.answer.function_name,
            "RememberFunction": bridge.functions.remember.function_name,
            "AnthropicSecretArn": bridge.anthropic_secret.secret_arn,
        }
        if bridge.signing_secret:
            outputs["SigningSecretArn"] = bridge.signing_secret.secret_arn
        for name, value in outputs.items():
            CfnOutput(self, name, value=value)
