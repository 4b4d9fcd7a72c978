"""The functions behind the API's routes: `connect`, `disconnect` and `message`."""

from collections.abc import Mapping

from aws_cdk import Duration

from claude_context_bridge.function import BridgeFunction, Parts
from claude_context_bridge.storage import SESSIONS_BY_OWNER

# API Gateway waits 29 s for a route; a function that is still at it by then answers nobody.
_TIMEOUT_SECONDS = 20

# Of a call to AWS in all: the SDK's pauses between them add up to 15 s at most, so that the client is told.
_ATTEMPTS = 5


def make_connect(parts: Parts) -> BridgeFunction:
    """Make the function that lets a client in."""
    signing = parts.secrets.signing
    connect = _route(
        parts,
        "connect",
        "Authenticates a client and records its connection",
        {
            "CONTEXT_TABLE": parts.storage.sessions.table_name,
            "AUTH": parts.props.auth,
            **({"SIGNING_SECRET_ARN": signing.arn} if signing else {}),
        },
    )
    connect.allow(
        ["dynamodb:GetItem", "dynamodb:PutItem"],  # what was revoked is read, the connection written
        parts.storage.sessions.table_arn,
    )
    if signing:
        signing.grant_read(connect)
    return connect


def make_disconnect(parts: Parts) -> BridgeFunction:
    """Make the function that sees a client off."""
    disconnect = _route(
        parts,
        "disconnect",
        "Forgets a connection, never the conversation",
        {"CONTEXT_TABLE": parts.storage.sessions.table_name},
    )
    disconnect.allow(["dynamodb:DeleteItem"], parts.storage.sessions.table_arn)
    return disconnect


def make_message(parts: Parts) -> BridgeFunction:
    """Make the function that gets every message."""
    props, sessions, dead_letters = parts.props, parts.storage.sessions, parts.queue.dead_letters
    message = _route(
        parts,
        "message",
        "Takes a message in and queues it; answers what needs no model",
        {
            "CONTEXT_TABLE": sessions.table_name,
            "HASH_TABLE": parts.storage.hashes.table_name,
            "QUEUE_URL": parts.queue.turns.queue_url,
            "DEAD_LETTER_URL": dead_letters.queue_url,
            "MODEL": props.model,
            "ALLOWED_MODELS": ",".join(props.models),
            "MAX_MESSAGE_LENGTH": str(props.max_message_length),
            "RECALL": props.recall,
            "RECALL_TOKENS": str(props.recall_tokens),
            **({"OWNER_RATE": str(props.owner_rate)} if props.owner_rate else {}),
            **parts.lifetimes(),
        },
    )
    message.allow(
        [
            "dynamodb:GetItem",
            "dynamodb:BatchGetItem",
            "dynamodb:Query",
            "dynamodb:PutItem",  # this and what follows: to forget
            "dynamodb:UpdateItem",
            "dynamodb:DeleteItem",
            "dynamodb:BatchWriteItem",
        ],
        sessions.table_arn,
    )
    message.allow(["dynamodb:Query"], f"{sessions.table_arn}/index/{SESSIONS_BY_OWNER}")
    message.allow(
        [
            "dynamodb:GetItem",  # this and what follows: what Powertools' idempotency calls
            "dynamodb:PutItem",
            "dynamodb:UpdateItem",
            "dynamodb:DeleteItem",
            "dynamodb:BatchWriteItem",  # to forget a session's requests
        ],
        parts.storage.hashes.table_arn,
    )
    message.allow(["sqs:SendMessage"], parts.queue.turns.queue_arn)
    message.allow_key_of_queues(["kms:Decrypt", "kms:GenerateDataKey"])  # SQS asks for both of who sends
    # A forgotten session's turns are taken out, and what others left there is let go again.
    message.allow(
        ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility"], dead_letters.queue_arn
    )
    return message


def _route(parts: Parts, name: str, description: str, environment: Mapping[str, str]) -> BridgeFunction:
    return BridgeFunction(
        parts,
        name,
        description=description,
        timeout=Duration.seconds(_TIMEOUT_SECONDS),
        memory_mb=parts.props.memory_mb,
        environment={**environment, "AWS_MAX_ATTEMPTS": str(_ATTEMPTS)},
    )
