"""The props that are of a type of CDK's own: a value of another is refused by name.

CDK would refuse it too, but by the name of what it was handed on to, deep in a traceback. What raises here
raises ValueError, which begins with the prop's name.
"""

from collections.abc import Callable
from typing import Any

from aws_cdk import Duration, RemovalPolicy
from aws_cdk.aws_ec2 import SubnetSelection
from aws_cdk.aws_lambda import Architecture
from aws_cdk.aws_logs import RetentionDays

from claude_context_bridge.domain import Domain
from claude_context_bridge.limits import Whole

# What CloudFormation can do with a table: it takes no snapshot of one.
_REMOVAL = (RemovalPolicy.RETAIN, RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE, RemovalPolicy.DESTROY)


def _of(kind: type) -> Callable[[object], bool]:
    return lambda value: isinstance(value, kind)


def _none_or(attribute: str) -> Callable[[object], bool]:
    """Know an interface of CDK's, which `isinstance` does not, by an attribute that only it has."""
    return lambda value: value is None or hasattr(value, attribute)


def _none_or_of(kind: type) -> Callable[[object], bool]:
    return lambda value: value is None or isinstance(value, kind)


def _security_groups(value: object) -> bool:
    if value is None:
        return True
    return (
        isinstance(value, list | tuple)
        and bool(value)
        and all(hasattr(g, "security_group_id") for g in value)
    )


_TYPES: dict[str, tuple[Callable[[object], bool], str]] = {
    "session_ttl": (_of(Duration), "a Duration such as Duration.hours(24)"),
    "memory_ttl": (_of(Duration), "a Duration such as Duration.days(30)"),
    "answer_timeout": (_of(Duration), "a Duration such as Duration.seconds(900)"),
    "anthropic_secret": (_none_or("secret_arn"), "an ISecret such as Secret.from_secret_name_v2 returns"),
    "signing_secret": (_none_or("secret_arn"), "an ISecret such as Secret.from_secret_name_v2 returns"),
    "alarm_topic": (_none_or("topic_arn"), "an ITopic such as Topic.from_topic_arn returns"),
    "log_retention": (_of(RetentionDays), "a RetentionDays such as RetentionDays.ONE_MONTH"),
    "removal_policy": (
        lambda value: value in _REMOVAL,
        "one of " + ", ".join(f"RemovalPolicy.{policy.name}" for policy in _REMOVAL),
    ),
    "architecture": (_of(Architecture), "Architecture.ARM_64 or Architecture.X86_64"),
    "encryption_key": (_none_or("key_arn"), "an IKey such as Key.from_key_arn returns"),
    "vpc": (_none_or("vpc_id"), "an IVpc such as Vpc.from_vpc_attributes returns"),
    "vpc_subnets": (_none_or_of(SubnetSelection), "a SubnetSelection"),
    "security_groups": (_security_groups, "a list of ISecurityGroup, one at least"),
    "domain": (_none_or_of(Domain), "a Domain"),
}


def check_types(props: Any) -> None:
    """Check the props of a bridge that have no limit of their own."""
    for name, (fits, says) in _TYPES.items():
        value = getattr(props, name)
        if not fits(value):
            # A key that was passed in place of its secret is not to be seen in an error.
            given = f"a {type(value).__name__}" if name.endswith("_secret") else repr(value)
            raise ValueError(f"{name} must be {says}, not {given}")


def seconds(name: str, duration: Duration, limit: Whole) -> int:
    """Return a prop's duration in seconds, within its limit."""
    if duration.is_unresolved():
        raise ValueError(f"{name} must be known at synth, not a token: it is checked, and counted with")
    length = duration.to_seconds(integral=False)
    try:
        return limit.check(int(length) if length == int(length) else length)
    except ValueError as e:
        raise ValueError(f"{name} {e}") from None
