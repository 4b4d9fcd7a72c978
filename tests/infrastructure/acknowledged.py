"""What checkov and cfn-lint find in the templates, and why it is right as it is: one by one.

They know a template only, so that what says so would have to be in it, with every resource of everybody who
deploys a bridge; here it is beside the tests. What cdk-nag finds: claude_context_bridge/acknowledgments.py.
"""

from collections.abc import Mapping
from fnmatch import fnmatchcase

FUNCTIONS = "Functions/*/Function/Resource"

CHECKOV: Mapping[tuple[str, str], str] = {
    ("CKV_AWS_115", FUNCTIONS): (
        "Concurrency that is reserved is taken from the account, whose quota may be ten in all. The stage is "
        "throttled, a session has one turn at a time, and owners can be given a rate and a day's budget."
    ),
    ("CKV_AWS_116", FUNCTIONS): (
        "Lambda uses it for asynchronous calls only. API Gateway waits for three of the functions; behind "
        "the queue there is a dead-letter queue, and what the stream gives up the memory finds by itself."
    ),
    ("CKV_AWS_117", FUNCTIONS): (
        "Nothing that they use is in a network of the account's; a NAT would cost more than all the rest. "
        "Whose servers are, passes `vpc`."
    ),
    ("CKV_AWS_173", FUNCTIONS): (
        "The environment holds names and numbers, no secret; Lambda encrypts it with its own key. One of the "
        "account's would be asked at every cold start."
    ),
    ("CKV_AWS_111", "Functions/*/Role/DefaultPolicy/Resource"): (
        "Only with `vpc`: Lambda makes the functions' network interfaces, which have no names before."
    ),
    ("CKV_AWS_158", "Functions/*/Log/Resource"): (
        "CloudWatch encrypts with its own key, and no line holds what was said. `encryption_key` is for "
        "whoever has to hold the key."
    ),
    ("CKV_AWS_149", "Secrets/*/Resource"): (
        "Secrets Manager encrypts with the account's key for it, which costs nothing. `encryption_key` is "
        "for whoever has to hold the key, or to let another account read."
    ),
    ("CKV_AWS_27", "Queue/*/Resource"): (
        "They are encrypted, by SQS's own key (SSE-SQS), which checkov does not look for. `encryption_key` "
        "is for whoever has to hold the key."
    ),
    ("CKV_AWS_165", "Storage/Hashes/Resource"): (
        "It tells for a day which requests were taken: nobody restores that."
    ),
    ("CKV_AWS_165", "Storage/Sessions/Resource"): (
        "What people have the bridge forget would stay in the backups for 35 days, so it is asked for: "
        "`point_in_time_recovery`, which prod does."
    ),
    ("CKV_AWS_26", "Alarms/Resource"): (
        "The topic that `alarm_email` makes: AWS's own key for SNS lets no alarm in, and it holds no more "
        "than what rang. A topic of one's own, with a key, is `alarm_topic_arn`."
    ),
    ("CKV_AWS_95", "WebSocket/Stage/Resource"): (
        "A WebSocket's access log needs a role that is set for the whole account and region. The message "
        "function logs every frame with its connection and request."
    ),
}
"""Reasons by check and place in the construct."""

CFN_LINT: Mapping[tuple[str, str], str] = {
    ("W3005", FUNCTIONS): (
        "CDK has a function wait for its role's policies, and names the role, which it refers to, with them."
    ),
    ("W3005", "WebSocket/Stage/Resource"): (
        "The stage waits for all of the API, routes included; the API itself, which it refers to, is in it."
    ),
}
"""The same of cfn-lint's rules."""


def reason_for(acknowledged: Mapping[tuple[str, str], str], check: str, place: str) -> tuple[str, str] | None:
    """Return the acknowledgement that a finding falls under, or None."""
    return next((it for it in acknowledged if it[0] == check and fnmatchcase(place, it[1])), None)
