"""Where it is kept, and what becomes of it."""

from dataclasses import dataclass
from typing import Annotated, Literal

from aws_cdk import RemovalPolicy
from aws_cdk.aws_kms import IKey

from claude_context_bridge import limits


@dataclass(frozen=True, kw_only=True)
class StorageProps:
    """Where it is kept, and what becomes of it."""

    removal_policy: RemovalPolicy = RemovalPolicy.RETAIN
    """What happens to tables, created secrets and logs when the stack goes. Conversations are not remade
    from anything: the default keeps them."""

    point_in_time_recovery: Annotated[bool, limits.SWITCH] = False
    """Whether the sessions table can be restored to any second of the last 35 days (about $0.20 per GB and
    month). The hashes table is never worth restoring. Off by default, since what is forgotten stays in
    those backups."""

    deletion_protection: Annotated[bool, limits.SWITCH] = False
    """Whether DynamoDB refuses to delete the tables. Off by default: with `removal_policy` they outlive the
    stack already, and a stack that shall take them with it could not be removed."""

    encryption_key: IKey | None = None
    """A KMS key of your own for tables, queues, created secrets and logs; the functions get to use it for
    these. The policy of one that was made elsewhere has to let CloudWatch Logs use it. By default AWS's own
    keys encrypt everything, which cost nothing ($1 a month for one of yours, and each use). In a stack
    without a region of its own, whom you let read a table you have to let use the key, too."""

    table_class: Annotated[Literal["standard", "infrequent_access"], limits.TABLE_CLASS] = "standard"
    """DynamoDB's price list for the tables: `infrequent_access` stores for less than half and reads and
    writes for a quarter more, which pays where storage is most of the tables' bill. Here that begins at
    years of memory."""

    max_read_units: Annotated[int, limits.TABLE_UNITS] = 0
    """The most that each table may read in a second, in request units; 0 is AWS's own limit. What is over it
    is throttled, tried again, and at last told to the client as an error: a cap on the bill, no more."""

    max_write_units: Annotated[int, limits.TABLE_UNITS] = 0
    """The same of what it may write."""

    sessions_table_name: Annotated[str | None, limits.TABLE_NAME] = None
    """The sessions table's name; by default CloudFormation makes one, so that two bridges fit an account."""

    hashes_table_name: Annotated[str | None, limits.TABLE_NAME] = None
    """The hashes table's name; as above."""
