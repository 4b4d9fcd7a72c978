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
        "Provider": bridge.props.provider,
        "Model": bridge.props.model,
        "AllowedModels": ",".join(bridge.props.models),
        "SummaryModel": bridge.props.summary_model,
        "SessionsTable": bridge.sessions_table.table_name,
        "HashesTable": bridge.hashes_table.table_name,
        "QueueUrl": bridge.queue.queue_url,
        "DeadLetterQueueUrl": bridge.dead_letter_queue.queue_url,
        "AnswerFunction": bridge.functions.answer.function_name,
        "RememberFunction": bridge.functions.remember.function_name,
    }
    if bridge.secrets.anthropic:
        outputs["AnthropicSecretArn"] = bridge.secrets.anthropic.arn
        outputs["AnthropicUrl"] = bridge.props.anthropic_base_url
        outputs["AnthropicAuthHeader"] = bridge.props.anthropic_auth_header
        if bridge.props.summary_base_url:
            outputs["SummaryUrl"] = bridge.props.summary_base_url
    if bridge.secrets.signing:
        outputs["SigningSecretArn"] = bridge.secrets.signing.arn
    return outputs
