"""The queue between taking a message in and answering it: order, retries and dead letters."""

from aws_cdk import Duration, RemovalPolicy
from aws_cdk.aws_kms import IKey
from aws_cdk.aws_sqs import (
    DeadLetterQueue,
    DeduplicationScope,
    FifoThroughputLimit,
    Queue,
    QueueEncryption,
)
from constructs import Construct

MAX_RECEIVES = 3


class TurnQueue(Construct):
    """A FIFO queue with a message group per session, and the dead-letter queue behind it.

    A message is invisible for `visibility` at first, which has to cover the answer function's timeout.
    Throughput and deduplication are per group, so that one busy session takes nothing from another. Both
    queues are encrypted: by SQS's own key, or by `key`.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, visibility: Duration, key: IKey | None = None
    ) -> None:
        super().__init__(scope, construct_id)
        encryption = QueueEncryption.KMS if key else QueueEncryption.SQS_MANAGED
        self.dead_letters = Queue(
            self,
            "DeadLetters",
            fifo=True,
            retention_period=Duration.days(14),
            encryption=encryption,
            encryption_master_key=key,
            enforce_ssl=True,
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.turns = Queue(
            self,
            "Turns",
            fifo=True,
            content_based_deduplication=False,  # people do say "yes" twice: only the same request is a repeat
            deduplication_scope=DeduplicationScope.MESSAGE_GROUP,
            fifo_throughput_limit=FifoThroughputLimit.PER_MESSAGE_GROUP_ID,
            visibility_timeout=visibility,
            retention_period=Duration.days(4),
            dead_letter_queue=DeadLetterQueue(queue=self.dead_letters, max_receive_count=MAX_RECEIVES),
            encryption=encryption,
            encryption_master_key=key,
            enforce_ssl=True,
            removal_policy=RemovalPolicy.DESTROY,
        )
