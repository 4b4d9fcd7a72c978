"""What rings when somebody has to look, and what it says to do first. docs/operations.md says the rest."""

from dataclasses import dataclass
from typing import Literal

from aws_cdk import Duration, Stack
from aws_cdk.aws_cloudwatch import Alarm, ComparisonOperator, IMetric, MathExpression, TreatMissingData
from aws_cdk.aws_cloudwatch_actions import SnsAction
from aws_cdk.aws_iam import PolicyStatement, ServicePrincipal
from aws_cdk.aws_sns import ITopic
from constructs import Construct

from claude_context_bridge.metrics import SUM, Metered, metric_of

AlarmName = Literal[
    "dead_letters",
    "queue_age",
    "answer_errors",
    "entrance",
    "upstream_failures",
    "table_throttles",
    "memory_age",
]

_FIVE_MINUTES = 300
_UPSTREAM_PERCENT = 25
_UPSTREAM_TURNS = 4
_MEMORY_MINUTES = 30
_ENTRANCE_ERRORS = 3


@dataclass(frozen=True)
class _Rule:
    """When an alarm rings: `metric` is at or over `threshold` in `periods` of its data points of `of`."""

    construct_id: str
    says: str
    metric: IMetric
    threshold: float
    periods: int = 1
    of: int = 1
    # Of an idle bridge there are no numbers, and nothing is wrong with it.
    missing: TreatMissingData = TreatMissingData.NOT_BREACHING
    # Whether that it is over is known then, and worth telling.
    tells_ok: bool = False


class Monitoring(Construct):
    """`alarms`: the bridge's, by name; `topic` is told when one rings.

    Few, each for something that nobody else would say. What only some client sees is in its answer's error,
    and on the dashboard. `answer_timeout` is the longest turn, in seconds.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        bridge: Metered,
        answer_timeout: int,
        topic: ITopic | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        rules = {
            **_waiting(bridge, answer_timeout),
            **_failing(bridge),
            **_behind(bridge),
        }
        action = SnsAction(topic) if topic is not None else None
        if topic is not None:
            _let_alarms_tell(topic, Stack.of(self).account)
        self.alarms: dict[AlarmName, Alarm] = {
            name: _alarm(self, rule, action) for name, rule in rules.items()
        }


def _let_alarms_tell(topic: ITopic, account: str) -> None:
    """Let an account's alarms publish to a topic whose policy was made in the app, as by `enforce_ssl`.

    Such a policy stands in the place of AWS's default, which lets them: without this they would ring, and
    nobody would hear. A topic without a policy keeps the default; one that was made elsewhere has its own.
    """
    if topic.node.try_find_child("Policy") is None:
        return
    topic.add_to_resource_policy(
        PolicyStatement(
            principals=[ServicePrincipal("cloudwatch.amazonaws.com")],
            actions=["sns:Publish"],
            resources=[topic.topic_arn],
            conditions={"StringEquals": {"aws:SourceAccount": account}},
        )
    )


def _waiting(bridge: Metered, answer_timeout: int) -> dict[AlarmName, _Rule]:
    return {
        "dead_letters": _Rule(
            "DeadLetters",
            "Turns that were accepted were neither answered nor recorded as failed. Look with `bridge "
            "dead-letters list`, mend what kept the answer function or the sessions table from working, "
            "then `bridge dead-letters redrive`.",
            bridge.metric_dead_letters(period=Duration.seconds(_FIVE_MINUTES)),
            1,
            # SQS tells no numbers of a queue that nobody has used for six hours: here that is the rule. So
            # nobody is told that it is over, either: it may seem so while turns still wait.
        ),
        "queue_age": _Rule(
            "QueueAge",
            f"A turn is older than the longest answer may take ({answer_timeout} s): turns wait. Look on the "
            "dashboard whether the answer function runs at all (its errors, its throttles), then in `bridge "
            "logs`.",
            bridge.metric_queue_age(period=Duration.seconds(_FIVE_MINUTES)),
            answer_timeout,
            periods=2,
            of=2,
            tells_ok=True,  # a queue with an old turn in it is in use, and has numbers
        ),
    }


def _failing(bridge: Metered) -> dict[AlarmName, _Rule]:
    period = Duration.seconds(_FIVE_MINUTES)
    its = bridge.measures
    broken = {
        "connect": its.function("connect", "Errors"),
        "message": its.function("message", "Errors"),
        "internal": its.failures("internal"),
        "gateway": its.gateway("ExecutionError", "a function could not be called"),
    }
    answer = {name: its.function("answer", name) for name in ("Errors", "Throttles")}
    upstream = its.upstream_failures()
    return {
        "answer_errors": _Rule(
            "AnswerErrors",
            "The answer function was killed, timed out, could not start, or got no concurrency: a session "
            "waits until its turn is delivered again, and after three times the turn is in the dead-letter "
            "queue. Look for the last lines in the function's log, and at the account's Lambda concurrency.",
            MathExpression(
                expression=SUM,
                using_metrics={name.lower(): metric_of(it, {}) for name, it in answer.items()},
                period=period,
                label="answer: errors and throttles",
            ),
            1,  # what can be expected is caught and recorded: none is normal
        ),
        "entrance": _Rule(
            "Entrance",
            "Connections or frames fail for a reason of the bridge's own: people may not get in. Connect "
            "once (`bridge doctor`), then look for errors in the logs of connect and message: a secret, a "
            "table or a permission that is gone, or a broken deployment.",
            MathExpression(
                expression=SUM,
                using_metrics={name: metric_of(it, {}) for name, it in broken.items()},
                period=period,
                label="connections and frames that failed",
            ),
            _ENTRANCE_ERRORS,  # one may be an accident of AWS's, and whoever it hit tries again
        ),
        "upstream_failures": _Rule(
            "UpstreamFailures",
            f"Of {_UPSTREAM_TURNS} turns or more in a quarter of an hour Claude failed at least "
            f"{_UPSTREAM_PERCENT} %. Look at the errors by code: upstream_overloaded is a rate limit or "
            "Claude's own trouble, upstream_error most often a key that is missing or refused (`bridge "
            "doctor`).",
            MathExpression(
                # Both of one metric, so that there are either both or none.
                expression=f"IF(turns >= {_UPSTREAM_TURNS}, 100 * share, 0)",
                using_metrics={
                    "turns": metric_of(upstream, {"statistic": "SampleCount"}),
                    "share": metric_of(upstream, {"statistic": "Average"}),
                },
                period=Duration.minutes(15),
                label="turns that Claude failed, %",
            ),
            _UPSTREAM_PERCENT,
            missing=TreatMissingData.IGNORE,  # until somebody asks again, it is as it was
            tells_ok=True,
        ),
    }


def _behind(bridge: Metered) -> dict[AlarmName, _Rule]:
    return {
        "table_throttles": _Rule(
            "TableThrottles",
            "DynamoDB has refused reads or writes for a while: turns become slow, then fail. See on the "
            "dashboard which table it is; raise max_read_units or max_write_units if they are set, else the "
            "account's quota, or find the owner who writes that much.",
            bridge.metric_table_throttles(period=Duration.seconds(_FIVE_MINUTES)),
            1,
            # Once, tables that grow, and what is tried again comes to nothing.
            periods=2,
            of=3,
        ),
        "memory_age": _Rule(
            "MemoryAge",
            f"The remember function is {_MEMORY_MINUTES} minutes behind: summaries are missing, and what was "
            "forgotten is still in the memory's segments, though it is not recalled any more. Look for "
            "errors in its log; most often its model or its key is refused.",
            bridge.metric_memory_age(period=Duration.seconds(_FIVE_MINUTES)),
            _MEMORY_MINUTES * 60 * 1000,
            missing=TreatMissingData.IGNORE,  # its age is only told while it is called
            tells_ok=True,
        ),
    }


def _alarm(scope: Construct, rule: _Rule, action: SnsAction | None) -> Alarm:
    alarm = Alarm(
        scope,
        rule.construct_id,
        alarm_description=rule.says,
        metric=rule.metric,
        threshold=rule.threshold,
        datapoints_to_alarm=rule.periods if rule.of > 1 else None,
        evaluation_periods=rule.of,
        comparison_operator=ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
        treat_missing_data=rule.missing,
    )
    if action is not None:
        alarm.add_alarm_action(action)
        if rule.tells_ok:
            alarm.add_ok_action(action)
    return alarm
