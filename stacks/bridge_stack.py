"""One environment of the bridge: the construct, its tables' names, its tags and its outputs."""

from dataclasses import replace
from typing import Any

from aws_cdk import CfnOutput, Stack, Tags
from constructs import Construct

from claude_context_bridge import ContextBridge
from stacks.settings import Settings


class BridgeStack(Stack):
    """The stack of an environment, `claude-context-bridge-{environment}`.

    Its tables are named `claude-context-sessions` and `claude-context-hashes`, with `-{environment}` behind
    unless that is `prod`. The command line finds an endpoint and its secrets by the outputs.
    """

    def __init__(self, scope: Construct, settings: Settings, **stack: Any) -> None:
        environment, props = settings.environment, settings.props
        super().__init__(
            scope,
            settings.stack_name,
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
                **settings.imports.props(self),
                sessions_table_name=f"claude-context-sessions{suffix}",
                hashes_table_name=f"claude-context-hashes{suffix}",
            ),
        )
        Tags.of(self).add("project", "claude-context-bridge")
        Tags.of(self).add("environment", environment)
        for name, value in self.bridge.outputs.items():
            CfnOutput(self, name, value=value)
