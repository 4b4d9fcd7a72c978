"""How it is watched."""

from dataclasses import dataclass
from typing import Annotated

from aws_cdk.aws_logs import RetentionDays
from aws_cdk.aws_sns import ITopic

from claude_context_bridge import limits


@dataclass(frozen=True, kw_only=True)
class WatchingProps:
    """How it is watched."""

    log_retention: RetentionDays = RetentionDays.ONE_MONTH
    """How long logs are kept. They never hold a message's text."""

    log_level: Annotated[str, limits.LOG_LEVEL] = "INFO"
    """What is logged. INFO is a line for each frame and each turn, which `bridge logs` and `bridge top` are
    made of."""

    metrics_namespace: Annotated[str, limits.NAMESPACE] = "ClaudeContextBridge"
    """The CloudWatch namespace of the functions' metrics; their dimension `service` is the construct's
    path, which tells bridges apart."""

    metrics: Annotated[bool, limits.SWITCH] = True
    """Whether the functions put out metrics: 21, and one for each code of errors, at $0.30 each for a month
    in which they are used all the time. On, since dashboard and alarms are made of them; `bridge top` and
    `bridge logs` do without."""

    dashboard: Annotated[bool, limits.SWITCH] = True
    """Whether there is a dashboard in CloudWatch. An account's first three are free; $3 a month each after
    that."""

    alarms: Annotated[bool, limits.SWITCH] = True
    """Whether CloudWatch watches the bridge: seven alarms on 17 metrics, at $0.10 a month for each metric
    ($1.70; an account's first ten are free). On, since nobody looks at a dashboard before something is
    wrong."""

    alarm_topic: ITopic | None = None
    """Whom the alarms tell, in the stack's region. By default they only show in the console. If the topic was
    made elsewhere and has a policy of its own, that has to let `cloudwatch.amazonaws.com` publish; if a key
    encrypts it, the key's policy has to let that use the key."""
