"""What rings when somebody has to look."""

from aws_cdk import Duration
from aws_cdk.aws_cloudwatch import Alarm, ComparisonOperator, TreatMissingData
from aws_cdk.aws_cloudwatch_actions import SnsAction
from aws_cdk.aws_sns import ITopic
from aws_cdk.aws_sqs import Queue
from constructs import Construct


class Monitoring(Construct):
    """`dead_letters`: an alarm that rings, within minutes, when a turn lies in the dead-letter queue.

    One is enough: what lies there was accepted, and its client was told nothing more. docs/operations.md
    says what to do.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, dead_letters: Queue, topic: ITopic | None = None
    ) -> None:
        super().__init__(scope, construct_id)
        self.dead_letters = Alarm(
            self,
            "DeadLetters",
            alarm_description=(
                "Turns that were accepted were neither answered nor recorded as failed. Look with `bridge "
                "dead-letters list`, mend what kept the answer function or the sessions table from working, "
                "then `bridge dead-letters redrive`."
            ),
            # The number of messages sent does not count those that SQS itself moves there.
            metric=dead_letters.metric_approximate_number_of_messages_visible(
                period=Duration.minutes(5), statistic="Maximum"
            ),
            threshold=1,
            evaluation_periods=1,
            comparison_operator=ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            # SQS tells no numbers of a queue that nobody has used for six hours: here that is the rule.
            treat_missing_data=TreatMissingData.NOT_BREACHING,
        )
        # Not told that it is over: for the same reason it may seem so while turns still wait.
        if topic is not None:
            self.dead_letters.add_alarm_action(SnsAction(topic))
