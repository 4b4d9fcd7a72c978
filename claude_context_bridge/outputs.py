"""What the command line has to know of a deployed bridge, and finds among its stack's outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from claude_context_bridge.construct import ContextBridge


def outputs_of(bridge: ContextBridge) -> dict[str, str]:
    """Return the outputs' values by their names."""
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
    return outputs
