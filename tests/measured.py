"""Which metrics there are: the functions' own, as tests/contract sees them written, and AWS's."""

from collections.abc import Mapping

_BY_SERVICE = (
    "Turns",
    "UpstreamFailures",
    "QueueWait",
    "Duration",
    "Posts",
    "TimeToFirstToken",
    "InputTokens",
    "OutputTokens",
    "CacheCreationInputTokens",
    "CacheCreation1hInputTokens",
    "CacheReadInputTokens",
    "Dollars",
    "DollarsInput",
    "DollarsOutput",
    "DollarsCacheWrite",
    "DollarsCacheRead",
    "Recalled",
    "RecallDuration",
    "Summaries",
    "SummaryInputTokens",
    "SummaryOutputTokens",
)

MEASURED: frozenset[tuple[str, frozenset[str]]] = frozenset(
    {(name, frozenset({"service"})) for name in _BY_SERVICE} | {("Failures", frozenset({"service", "code"}))}
)
"""The functions' own metrics: name and dimensions."""

AWS: Mapping[str, Mapping[frozenset[str], frozenset[str]]] = {
    "AWS/Lambda": {
        frozenset({"FunctionName"}): frozenset(
            {"Errors", "Throttles", "ConcurrentExecutions", "IteratorAge", "Invocations", "Duration"}
        )
    },
    "AWS/SQS": {
        frozenset({"QueueName"}): frozenset(
            {"ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesVisible"}
        )
    },
    "AWS/DynamoDB": {
        frozenset({"TableName"}): frozenset({"ReadThrottleEvents", "WriteThrottleEvents"}),
        # A table's do not count its indexes'.
        frozenset({"TableName", "GlobalSecondaryIndexName"}): frozenset(
            {"ReadThrottleEvents", "WriteThrottleEvents"}
        ),
        frozenset({"TableName", "Operation"}): frozenset({"SystemErrors", "ThrottledRequests"}),
    },
    "AWS/ApiGateway": {  # of a WebSocket API
        frozenset({"ApiId", "Stage"}): frozenset(
            {
                "ConnectCount",
                "MessageCount",
                "IntegrationError",
                "ClientError",
                "ExecutionError",
                "IntegrationLatency",
            }
        )
    },
}
"""AWS's, by namespace and dimensions, as its documentation lists them; of each what the bridge may use."""
