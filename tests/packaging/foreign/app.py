"""Somebody's own CDK app, which knows the bridge by its wheel only: one stack with two bridges in it."""

from __future__ import annotations

from aws_cdk import App, CfnOutput, Duration, RemovalPolicy, Stack
from aws_cdk.aws_iam import ManagedPolicy

from claude_context_bridge import BridgeProps, ContextBridge

app = App()
stack = Stack(app, "Assistants")
emitted: list[str] = []


def setting(name: str) -> str:
    """Return what `--context NAME=VALUE` says, as text."""
    return str(app.node.get_context(name))


def bridge(name: str, *, model: str, system_prompt: str, session_ttl: Duration) -> ContextBridge:
    """Put a bridge into the stack, with what the command line has to know of it among the stack's outputs."""
    made = ContextBridge(
        stack,
        name,
        BridgeProps(
            model=model,
            allowed_models=[model],
            system_prompt=system_prompt,
            session_ttl=session_ttl,
            removal_policy=RemovalPolicy.DESTROY,
            stage_name=name.lower(),
            anthropic_base_url=setting("claude"),
            # The emulated AWS: where it has the connections, and what it does by itself.
            callback_url=f"{setting('aws')}/_aws/execute-api/{{api_id}}/{{stage}}",
            route_response=False,
            alarms=False,  # it has none that watch a share of a metric
        ),
    )
    for output, value in made.outputs.items():
        emitted.append(CfnOutput(stack, f"{name}{output}", value=value).logical_id)
    return made


kitchen = bridge(
    "Kitchen", model="claude-haiku-5-5", system_prompt="You cook.", session_ttl=Duration.hours(2)
)
workshop = bridge(
    "Workshop", model="claude-sonnet-5-5", system_prompt="You repair.", session_ttl=Duration.days(3)
)
kitchen.grant_mint_tokens(ManagedPolicy(stack, "Porter"))
stack.template_options.metadata = {"Emitted": [stack.resolve(name) for name in emitted]}
app.synth()
