"""What the bridge stores: the sessions and the record of requests that were already taken."""

from aws_cdk import RemovalPolicy
from aws_cdk.aws_dynamodb import (
    Attribute,
    AttributeType,
    Billing,
    GlobalSecondaryIndexPropsV2,
    PointInTimeRecoverySpecification,
    ProjectionType,
    StreamViewType,
    TableEncryptionV2,
    TableV2,
)
from constructs import Construct

SESSIONS_BY_OWNER = "sessions-by-owner"


class Storage(Construct):
    """Both tables: on demand, encrypted with the account's DynamoDB key, expiring by their `ttl`.

    `sessions` holds headers, exchanges, summaries, connections and the owners' memory under `session_id` and
    `seq`; its stream tells of every change, but nothing of what was said. `hashes` is the idempotency store.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        removal_policy: RemovalPolicy,
        point_in_time_recovery: bool,
        deletion_protection: bool,
        sessions_table_name: str | None = None,
        hashes_table_name: str | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        self.sessions = TableV2(
            self,
            "Sessions",
            table_name=sessions_table_name,
            partition_key=_text("session_id"),
            sort_key=Attribute(name="seq", type=AttributeType.NUMBER),
            global_secondary_indexes=[
                # Sparse: only a header carries `owner`. What a list of sessions shows, and no more.
                GlobalSecondaryIndexPropsV2(
                    index_name=SESSIONS_BY_OWNER,
                    partition_key=_text("owner"),
                    sort_key=_text("last_updated"),
                    projection_type=ProjectionType.INCLUDE,
                    non_key_attributes=[
                        "title",
                        "turns",
                        "ttl",
                        "usage",
                        "cost",
                        "uncached_cost",
                        "unpriced_turns",
                    ],
                ),
            ],
            dynamo_stream=StreamViewType.KEYS_ONLY,
            time_to_live_attribute="ttl",
            billing=Billing.on_demand(),
            encryption=TableEncryptionV2.aws_managed_key(),
            point_in_time_recovery_specification=PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=point_in_time_recovery
            ),
            deletion_protection=deletion_protection,
            removal_policy=removal_policy,
        )
        self.hashes = TableV2(
            self,
            "Hashes",
            table_name=hashes_table_name,
            partition_key=_text("hash"),
            time_to_live_attribute="ttl",
            billing=Billing.on_demand(),
            encryption=TableEncryptionV2.aws_managed_key(),
            deletion_protection=deletion_protection,
            removal_policy=removal_policy,
        )


def _text(name: str) -> Attribute:
    return Attribute(name=name, type=AttributeType.STRING)
