"""One Lambda function of the bridge: its own role, its own log group, nothing shared but the code."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aws_cdk import Duration, Stack
from aws_cdk.aws_ec2 import ISecurityGroup
from aws_cdk.aws_iam import PolicyStatement, Role, ServicePrincipal
from aws_cdk.aws_lambda import Alias, Code, Function, IFunction, SnapStartConf
from aws_cdk.aws_logs import LogGroup
from constructs import Construct

from claude_context_bridge.bedrock import model_statements
from claude_context_bridge.bundling import RUNTIME
from claude_context_bridge.prices import as_text
from claude_context_bridge.props import BridgeProps
from claude_context_bridge.queue import TurnQueue
from claude_context_bridge.secrets import Secrets
from claude_context_bridge.storage import Storage


@dataclass(frozen=True)
class Parts:
    """What every function is made of, and what it works on.

    `service` is what the functions call themselves, in logs and metrics: it tells an account's bridges apart.
    """

    scope: Construct
    service: str
    code: Code
    props: BridgeProps
    storage: Storage
    queue: TurnQueue
    secrets: Secrets
    security_groups: Sequence[ISecurityGroup] | None = None

    def lifetimes(self) -> dict[str, str]:
        """Return the variables, in seconds, that whoever writes sessions or exchanges is told."""
        return {
            "SESSION_TTL": str(int(self.props.session_ttl.to_seconds())),
            "MEMORY_TTL": str(int(self.props.memory_ttl.to_seconds())),
        }

    def claude(self, base_url: str) -> dict[str, str]:
        """Return the variables that tell how to ask Claude, at a URL unless on Bedrock, and what it costs."""
        if self.secrets.anthropic is None:
            return {"PROVIDER": self.props.provider, "PRICES": as_text(self.props.prices)}
        return {
            "ANTHROPIC_SECRET_ARN": self.secrets.anthropic.arn,
            "ANTHROPIC_BASE_URL": base_url,
            "ANTHROPIC_VERSION": self.props.anthropic_version,
            "ANTHROPIC_AUTH_HEADER": self.props.anthropic_auth_header,
            "PRICES": as_text(self.props.prices),
        }

    def let_ask(self, function: "BridgeFunction", *models: str) -> None:
        """Let a function ask Claude: read the key, or on Bedrock use these models."""
        if self.secrets.anthropic is not None:
            self.secrets.anthropic.grant_read(function)
            return
        for statement in model_statements(function, models):
            function.add_to_role_policy(statement)


_WAITED_FOR = {"connect", "message", "answer"}
"""The functions whose start somebody waits for."""

# What Lambda itself does, by the function's role, to put it into a network. Their conditions and resources
# would have to name what is made only then: AWS's own policy for it (AWSLambdaENIManagementAccess) has "*".
_NETWORK_ACTIONS = [
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
]

# What a caller of DynamoDB has to be allowed on the key of a table that it reads and writes.
_TABLE_KEY_ACTIONS = [
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
]


class BridgeFunction(Function):
    """A function that may write its own log and, until `allow` says more, nothing else.

    `entry` is what is to be called: the function, or, where it starts from a snapshot, the alias `live` of
    its newest version.
    """

    def __init__(
        self,
        parts: Parts,
        name: str,
        *,
        description: str,
        timeout: Duration,
        memory_mb: int,
        environment: Mapping[str, str],
    ) -> None:
        props = parts.props
        folder = Construct(parts.scope, name.capitalize())
        log_group = LogGroup(
            folder,
            "Log",
            retention=props.log_retention,
            removal_policy=props.removal_policy,
            encryption_key=props.encryption_key,
        )
        # Lambda's managed policy would let every function write every log of the account.
        role = Role(folder, "Role", assumed_by=ServicePrincipal("lambda.amazonaws.com"))
        log_group.grant_write(role)
        snapshot = props.snap_start and name in _WAITED_FOR
        super().__init__(
            folder,
            "Function",
            code=parts.code,
            handler=f"bridge.handlers.{name}.handler",
            runtime=RUNTIME,
            architecture=props.architecture,
            description=description,
            timeout=timeout,
            memory_size=memory_mb,
            role=role,
            log_group=log_group,
            vpc=props.vpc,
            vpc_subnets=props.vpc_subnets,
            security_groups=parts.security_groups,
            snap_start=SnapStartConf.ON_PUBLISHED_VERSIONS if snapshot else None,
            environment={
                "POWERTOOLS_SERVICE_NAME": parts.service,
                "POWERTOOLS_METRICS_NAMESPACE": props.metrics_namespace,
                "POWERTOOLS_LOG_LEVEL": props.log_level,
                **({} if props.metrics else {"POWERTOOLS_METRICS_DISABLED": "true"}),
                **environment,
            },
        )

        self.entry: IFunction = (
            # A version's logical id ends in a digest of all that it is made of, taken when the app is
            # synthesized: whatever is added to the environment until then is in it.
            Alias(folder, "Live", alias_name="live", version=self.current_version) if snapshot else self
        )
        self._key = props.encryption_key
        if props.vpc:
            self.allow(_NETWORK_ACTIONS, "*")
        if props.encryption_key:
            # Every function reads and writes the sessions table.
            self._allow_key("dynamodb", _TABLE_KEY_ACTIONS)

    def allow_key_of_queues(self, actions: list[str]) -> None:
        """Add actions on the key that encrypts the queues, as far as SQS asks, if it is one of somebody's."""
        if self._key:
            self._allow_key("sqs", actions)

    def _allow_key(self, service: str, actions: list[str]) -> None:
        if self._key is None:
            return
        via = f"{service}.{Stack.of(self).region}.amazonaws.com"
        self.add_to_role_policy(
            PolicyStatement(
                actions=actions,
                resources=[self._key.key_arn],
                conditions={"StringEquals": {"kms:ViaService": via}},
            )
        )

    def allow(self, actions: list[str], *resources: str) -> None:
        """Add actions on resources, each named by its ARN, to the function's role."""
        self.add_to_role_policy(PolicyStatement(actions=actions, resources=list(resources)))
