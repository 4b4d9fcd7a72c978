"""What is measured of a bridge: all that its dashboard shows and its alarms watch, and that may be asked for.

The functions' own are written by lambda/bridge/telemetry.py in the embedded metric format, under the bridge's
namespace and the dimension `service`; the others are AWS's.
"""

from dataclasses import dataclass
from typing import Literal, get_args

from claude_context_bridge.storage import SESSIONS_BY_OWNER

Tokens = Literal["input", "output", "cache_write", "cache_read"]
"""What Claude counts: what it read anew, wrote, put into its cache, and took from there."""

FunctionName = Literal["connect", "disconnect", "message", "answer", "remember"]

TOKENS: tuple[Tokens, ...] = get_args(Tokens)
FUNCTIONS: tuple[FunctionName, ...] = get_args(FunctionName)

_TOKENS = {
    "input": "InputTokens",
    "output": "OutputTokens",
    "cache_write": "CacheCreationInputTokens",
    "cache_read": "CacheReadInputTokens",
}
_DOLLARS = {
    "input": "DollarsInput",
    "output": "DollarsOutput",
    "cache_write": "DollarsCacheWrite",
    "cache_read": "DollarsCacheRead",
}

_KINDS = ("Read", "Write")


@dataclass(frozen=True)
class Measure:
    """One metric: its name in CloudWatch, what a graph calls it, and what its values become unless told."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]
    label: str
    statistic: str = "Sum"


@dataclass(frozen=True)
class Measures:
    """The metrics of one bridge.

    `service` is what its functions call themselves, the construct's path; all other fields but `namespace`
    are names that CloudFormation gives.
    """

    namespace: str
    service: str
    region: str
    turns_queue: str
    dead_letter_queue: str
    sessions_table: str
    hashes_table: str
    api: str
    stage: str
    functions: tuple[tuple[FunctionName, str], ...]

    def own(self, name: str, label: str, statistic: str = "Sum") -> Measure:
        """Return a metric that the functions write."""
        return Measure(self.namespace, name, (("service", self.service),), label, statistic)

    def turns(self) -> Measure:
        """Return the turns, failed ones included."""
        return self.own("Turns", "turns")

    def failures(self, code: str) -> Measure:
        """Return the errors of a code."""
        dimensions = (("service", self.service), ("code", code))
        return Measure(self.namespace, "Failures", dimensions, code)

    def failures_by_code(self, statistic: str, seconds: int) -> str:
        """Return the expression that finds the errors of every code there has been: codes are open."""
        service = self.service.replace("\\", "\\\\").replace('"', '\\"')
        return (
            # In quotes: a namespace may hold more than letters and digits.
            f'SEARCH(\'{{"{self.namespace}",code,service}} MetricName="Failures" service="{service}"\', '
            f"'{statistic}', {seconds})"
        )

    def upstream_failures(self) -> Measure:
        """Return the turns that Claude did not answer: 1 for each of those, 0 for every other."""
        return self.own("UpstreamFailures", "turns that Claude failed")

    def time_to_first_token(self) -> Measure:
        """Return the time from `accepted` to the first text, in milliseconds."""
        return self.own("TimeToFirstToken", "time to first token", "p50")

    def duration(self) -> Measure:
        """Return the time that answering took, in milliseconds."""
        return self.own("Duration", "duration", "p50")

    def queue_wait(self) -> Measure:
        """Return the time from `accepted` to a function taking the turn up, in milliseconds."""
        return self.own("QueueWait", "wait in the queue", "p50")

    def tokens(self, kind: Tokens) -> Measure:
        """Return the tokens of answers of a kind."""
        return self.own(_known(_TOKENS, kind), kind.replace("_", " "))

    def dollars(self, kind: Tokens | None = None) -> Measure:
        """Return the dollars of answers and summaries, of a kind or in all."""
        if kind is None:
            return self.own("Dollars", "dollars")
        return self.own(_known(_DOLLARS, kind), kind.replace("_", " "))

    def recall_duration(self) -> Measure:
        """Return the time that finding what to recall took, in milliseconds."""
        return self.own("RecallDuration", "recall", "p50")

    def summaries(self) -> Measure:
        """Return the summaries that were written."""
        return self.own("Summaries", "summaries")

    def queue_age(self) -> Measure:
        """Return the age of the oldest turn that is not done, in seconds."""
        return _sqs(self.turns_queue, "ApproximateAgeOfOldestMessage", "oldest turn")

    def queue_depth(self) -> Measure:
        """Return the turns that wait for a function."""
        return _sqs(self.turns_queue, "ApproximateNumberOfMessagesVisible", "waiting turns")

    def dead_letters(self) -> Measure:
        """Return the turns in the dead-letter queue."""
        # The number of messages sent does not count those that SQS itself moves there.
        return _sqs(self.dead_letter_queue, "ApproximateNumberOfMessagesVisible", "dead letters")

    def function(self, function: FunctionName, name: str, statistic: str = "Sum") -> Measure:
        """Return a metric of Lambda's, of one function."""
        names = dict(self.functions)
        if function not in names:
            raise ValueError(f"function must be one of {', '.join(FUNCTIONS)}, not {function!r}")
        return Measure("AWS/Lambda", name, (("FunctionName", names[function]),), function, statistic)

    def memory_age(self) -> Measure:
        """Return the age of the newest change that `remember` was handed, in milliseconds."""
        return self.function("remember", "IteratorAge", "Maximum")

    def gateway(self, name: str, label: str, statistic: str = "Sum") -> Measure:
        """Return a metric of API Gateway's, of the stage."""
        return Measure("AWS/ApiGateway", name, (("ApiId", self.api), ("Stage", self.stage)), label, statistic)

    def table_throttles(self) -> list[Measure]:
        """Return the reads and writes that DynamoDB refused, of both tables; the index's are not in them."""
        return [
            Measure(
                "AWS/DynamoDB", f"{kind}ThrottleEvents", (("TableName", table),), f"{which} {kind.lower()}s"
            )
            for which, table in (("sessions", self.sessions_table), ("hashes", self.hashes_table))
            for kind in _KINDS
        ]

    def index_throttles(self) -> list[Measure]:
        """Return the same of the index, where all sessions of an owner are under one key.

        What it refuses fails the table's write, and is told by the index's numbers alone.
        """
        index = (("TableName", self.sessions_table), ("GlobalSecondaryIndexName", SESSIONS_BY_OWNER))
        return [
            Measure("AWS/DynamoDB", f"{kind}ThrottleEvents", index, f"index {kind.lower()}s")
            for kind in _KINDS
        ]

    def index_throttles_found(self, statistic: str, seconds: int) -> list[tuple[str, str]]:
        """Return the expressions that find them, where there are any, each with what a graph calls it."""
        return [
            (
                f"SEARCH('{{AWS/DynamoDB,GlobalSecondaryIndexName,TableName}} "
                f'MetricName="{it.name}" TableName="{self.sessions_table}"\', '
                f"'{statistic}', {seconds})",
                it.label,
            )
            for it in self.index_throttles()
        ]

    def table_errors(self, table: str, statistic: str, seconds: int) -> str:
        """Return the expression that finds DynamoDB's own errors at a table, by operation."""
        return (
            f'SEARCH(\'{{AWS/DynamoDB,Operation,TableName}} MetricName="SystemErrors" TableName="{table}"\', '
            f"'{statistic}', {seconds})"
        )


def _sqs(queue: str, name: str, label: str) -> Measure:
    return Measure("AWS/SQS", name, (("QueueName", queue),), label, "Maximum")


def _known(names: dict[str, str], kind: str) -> str:
    if kind not in names:
        raise ValueError(f"kind must be one of {', '.join(names)}, not {kind!r}")
    return names[kind]
