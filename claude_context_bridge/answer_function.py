"""The function that answers, fed by the queue of turns."""

from aws_cdk.aws_lambda import EventSourceMapping

from claude_context_bridge.function import BridgeFunction, Parts


def make_answer(parts: Parts) -> BridgeFunction:
    """Make the function that answers, and what feeds it."""
    props, sessions, turns = parts.props, parts.storage.sessions, parts.queue.turns
    answer = BridgeFunction(
        parts,
        "answer",
        description="Remembers, asks Claude, streams the answer and keeps it",
        timeout=props.answer_timeout,
        memory_mb=props.answer_memory_mb,
        environment={
            "CONTEXT_TABLE": sessions.table_name,
            "HASH_TABLE": parts.storage.hashes.table_name,
            "QUEUE_URL": turns.queue_url,
            "MAX_OUTPUT_TOKENS": str(props.max_output_tokens),
            "CONTEXT_LIMIT": str(props.window_limit),
            "RECALL_TOKENS": str(props.recall_tokens),
            "SYSTEM_PROMPT": props.system_prompt,
            "HOLD_SECONDS": str(props.hold),
            **({"DAILY_TOKENS": str(props.daily_tokens)} if props.daily_tokens else {}),
            **parts.claude(props.anthropic_base_url),
            **parts.lifetimes(),
        },
    )
    answer.allow(
        [
            "dynamodb:GetItem",
            "dynamodb:BatchGetItem",
            "dynamodb:Query",
            "dynamodb:PutItem",
            "dynamodb:UpdateItem",
            "dynamodb:DeleteItem",  # of what was kept of a session that was forgotten meanwhile
        ],
        sessions.table_arn,
    )
    # Of the request of a turn whose session was forgotten while it waited.
    answer.allow(["dynamodb:DeleteItem"], parts.storage.hashes.table_arn)
    answer.allow(
        [
            "sqs:ReceiveMessage",
            "sqs:DeleteMessage",
            "sqs:GetQueueAttributes",
            "sqs:ChangeMessageVisibility",
        ],
        turns.queue_arn,
    )
    answer.allow_key_of_queues(["kms:Decrypt"])
    parts.let_ask(answer, *props.models)
    EventSourceMapping(
        answer,
        "Turns",
        target=answer.entry,
        event_source_arn=turns.queue_arn,
        batch_size=1,  # a batch may mix sessions, and a slow answer would hold the others up
        enabled=props.poll_queue,
    )
    return answer
