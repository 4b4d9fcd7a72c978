"""The function that remembers off the reply path, fed by the sessions table's stream."""

from aws_cdk import Duration
from aws_cdk.aws_lambda import EventSourceMapping, FilterCriteria, StartingPosition

from claude_context_bridge.function import BridgeFunction, Parts
from claude_context_bridge.storage import SESSIONS_BY_OWNER

# A summary takes a cheap model seconds; a batch may hold a few, and Claude may be slow or throttle.
_TIMEOUT_SECONDS = 300
_BATCH = 100
_ATTEMPTS = 5
# Batches of one shard that may be under way at once; changes under one partition key stay in order.
_PARALLEL = 10

_HEADER = ["0"]
_NO_EXCHANGE = ["0", "-1", "-2"]


def make_remember(parts: Parts) -> BridgeFunction:
    """Make the function that follows what is said and forgotten, and what feeds it."""
    props, sessions, hashes = parts.props, parts.storage.sessions, parts.storage.hashes
    remember = BridgeFunction(
        parts,
        "remember",
        description="Analyses what was said, writes summaries, takes out what is forgotten",
        timeout=Duration.seconds(_TIMEOUT_SECONDS),
        memory_mb=props.answer_memory_mb,
        environment={
            "CONTEXT_TABLE": sessions.table_name,
            "HASH_TABLE": hashes.table_name,
            "MAX_OUTPUT_TOKENS": str(props.max_output_tokens),
            "SUMMARY_MODEL": props.summary_model,
            **parts.claude(props.summary_base_url or props.anthropic_base_url),
            **parts.lifetimes(),
        },
    )
    remember.allow(
        [
            "dynamodb:GetItem",
            "dynamodb:BatchGetItem",
            "dynamodb:Query",
            "dynamodb:PutItem",
            "dynamodb:UpdateItem",
            "dynamodb:DeleteItem",
            "dynamodb:BatchWriteItem",
        ],
        sessions.table_arn,
    )
    # To finish a forgetting that was broken off: the requests of a session go with it, and of an owner who
    # forgets everything all sessions have to be found.
    remember.allow(["dynamodb:BatchWriteItem"], hashes.table_arn)
    remember.allow(["dynamodb:Query"], f"{sessions.table_arn}/index/{SESSIONS_BY_OWNER}")
    parts.let_ask(remember, props.summary_model)
    _follow(parts, remember)
    return remember


def _follow(parts: Parts, remember: BridgeFunction) -> None:
    """Let Lambda hand the table's changes to the function: those of headers, and exchanges that expired.

    CDK's own grant would allow listing every stream of the account.
    """
    stream = parts.storage.sessions.table_stream_arn
    if stream is None:
        raise ValueError("the sessions table has no stream")
    remember.allow(
        [
            "dynamodb:DescribeStream",
            "dynamodb:GetRecords",
            "dynamodb:GetShardIterator",
            "dynamodb:ListStreams",
        ],
        stream,
    )
    EventSourceMapping(
        remember,
        "Changes",
        target=remember,
        event_source_arn=stream,
        starting_position=StartingPosition.TRIM_HORIZON,
        batch_size=_BATCH,
        # A turn's writes come together, and those of several sessions with them.
        max_batching_window=Duration.seconds(1),
        parallelization_factor=_PARALLEL,
        report_batch_item_failures=True,
        bisect_batch_on_error=True,
        # What fails this often is given up: the memory finds by itself what the stream has missed.
        retry_attempts=_ATTEMPTS,
        filters=[
            FilterCriteria.filter({"dynamodb": {"Keys": {"seq": {"N": _HEADER}}}}),
            FilterCriteria.filter(
                {
                    "eventName": ["REMOVE"],
                    "dynamodb": {"Keys": {"seq": {"N": [{"anything-but": _NO_EXCHANGE}]}}},
                }
            ),
        ],
        enabled=parts.props.poll_stream,
    )
