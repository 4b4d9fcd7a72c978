"""What the bridge stores: the sessions and the record of requests that were already taken."""

from typing import Any, cast

from aws_cdk import Stack, Token
from aws_cdk.aws_dynamodb import (
    Attribute,
    AttributeType,
    Billing,
    CfnGlobalTable,
    GlobalSecondaryIndexPropsV2,
    PointInTimeRecoverySpecification,
    ProjectionType,
    StreamViewType,
    TableClass,
    TableEncryptionV2,
    TableV2,
)
from constructs import Construct

from claude_context_bridge.props import BridgeProps

SESSIONS_BY_OWNER = "sessions-by-owner"


class Storage(Construct):
    """Both tables: on demand, encrypted (by the account's DynamoDB key by default), expiring by their `ttl`.

    `sessions` holds headers, exchanges, summaries, connections and the owners' memory under `session_id` and
    `seq`; its stream tells of every change, but nothing of what was said. `hashes` is the idempotency store.
    """

    def __init__(self, scope: Construct, construct_id: str, *, props: BridgeProps) -> None:
        super().__init__(scope, construct_id)
        both = _settings_of_both(props)
        key = props.encryption_key
        # CDK names the replicas' keys by region, and cannot where the stack has none: it is named below.
        named_below = key is not None and Token.is_unresolved(Stack.of(self).region)
        if key is not None and not named_below:
            both["encryption"] = TableEncryptionV2.customer_managed_key(key)
        self.sessions = TableV2(
            self,
            "Sessions",
            table_name=props.sessions_table_name,
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
            point_in_time_recovery_specification=PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=props.point_in_time_recovery
            ),
            **both,
        )
        self.hashes = TableV2(
            self,
            "Hashes",
            table_name=props.hashes_table_name,
            partition_key=_text("hash"),
            **both,
        )
        if key is not None and named_below:
            for table in (self.sessions, self.hashes):
                made = cast(CfnGlobalTable, table.node.default_child)
                made.add_property_override("Replicas.0.SSESpecification.KMSMasterKeyId", key.key_arn)


def _settings_of_both(props: BridgeProps) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "time_to_live_attribute": "ttl",
        "billing": Billing.on_demand(
            max_read_request_units=props.max_read_units or None,
            max_write_request_units=props.max_write_units or None,
        ),
        "encryption": TableEncryptionV2.aws_managed_key(),
        "deletion_protection": props.deletion_protection,
        "removal_policy": props.removal_policy,
    }
    if props.table_class == "infrequent_access":
        settings["table_class"] = TableClass.STANDARD_INFREQUENT_ACCESS
    return settings


def _text(name: str) -> Attribute:
    return Attribute(name=name, type=AttributeType.STRING)
