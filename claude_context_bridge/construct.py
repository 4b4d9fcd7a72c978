"""`ContextBridge`: a memory for conversations with Claude, to put into a stack."""

from collections.abc import Mapping
from functools import cached_property

from aws_cdk import Annotations, Stack
from aws_cdk.aws_cloudwatch import Alarm, CfnDashboard
from aws_cdk.aws_dynamodb import TableV2
from aws_cdk.aws_iam import Grant, IGrantable
from aws_cdk.aws_secretsmanager import ISecret
from aws_cdk.aws_sqs import Queue
from constructs import Construct

from claude_context_bridge.acknowledgments import acknowledge
from claude_context_bridge.dashboard import Dashboard
from claude_context_bridge.functions import Functions
from claude_context_bridge.measures import FUNCTIONS, Measures
from claude_context_bridge.metrics import Metered
from claude_context_bridge.models import warn_of_retirements
from claude_context_bridge.monitoring import AlarmName, Monitoring
from claude_context_bridge.outputs import outputs_of
from claude_context_bridge.props import BridgeProps
from claude_context_bridge.queue import TurnQueue
from claude_context_bridge.secrets import Secrets
from claude_context_bridge.storage import Storage
from claude_context_bridge.websocket import WebSocket

_LONGEST_PATH = 255
"""As long as CDK lets a metric's dimension be."""


class ContextBridge(Construct, Metered):
    """A WebSocket API that remembers what was said to Claude and streams the answers back.

    Two DynamoDB tables, a FIFO queue with its dead-letter queue, five Lambda functions with a role each,
    two secrets, log groups, a dashboard, seven alarms. Nothing of it runs, and next to nothing of it costs,
    while nobody talks. A KMS key, a VPC, secrets, a domain name and an alarm topic may be your own.

        bridge = ContextBridge(stack, "Bridge", BridgeProps(model="claude-haiku-5-5"))
        CfnOutput(stack, "Url", value=bridge.url)

    Defaults are those that cannot be regretted: tokens are asked for, tables and secrets outlive the
    stack, an unanswered turn rings an alarm, logs do not hold what was said, the Anthropic key is put into
    its secret after the deployment.
    CloudFormation names everything, so that a stack may hold two bridges. `props` says each default's why.
    """

    def __init__(self, scope: Construct, construct_id: str, props: BridgeProps | None = None) -> None:
        super().__init__(scope, construct_id)
        props = props or BridgeProps()
        self.props = props
        _check_path(self.node.path)
        self.storage = Storage(self, "Storage", props=props)
        self.turn_queue = TurnQueue(self, "Queue", visibility=props.answer_timeout, key=props.encryption_key)
        self.secrets = Secrets(self, "Secrets", props=props)
        self.functions = Functions(
            self,
            "Functions",
            props=props,
            storage=self.storage,
            queue=self.turn_queue,
            secrets=self.secrets,
        )
        self.websocket = WebSocket(
            self,
            "WebSocket",
            connect=self.functions.connect.entry,
            disconnect=self.functions.disconnect.entry,
            message=self.functions.message.entry,
            stage_name=props.stage_name,
            throttle_rate=props.throttle_rate,
            throttle_burst=props.throttle_burst,
            callback_url=props.callback_url,
            route_response=props.route_response,
            original_clients=props.auth == "none",  # they send no token
            iam=props.auth == "iam",
            domain=props.domain,
        )
        self.functions.post_to(self.websocket)
        self._dashboard = Dashboard(self, "Dashboard", self.measures) if props.dashboard else None
        self._monitoring = (
            Monitoring(
                self,
                "Monitoring",
                bridge=self,
                answer_timeout=int(props.answer_timeout.to_seconds()),
                topic=props.alarm_topic,
            )
            if props.alarms
            else None
        )
        warn_of_retirements(self, props)
        if props.auth == "none":
            Annotations.of(self).add_warning_v2(
                "claude-context-bridge:auth-none",
                "auth is none: whoever knows the URL can talk to Claude at your expense, and reads what "
                "others said",
            )
        acknowledge(self)

    @property
    def url(self) -> str:
        """The URL that clients connect to: `wss://…/{stage}`, or `wss://{name}` with a `domain`."""
        return self.websocket.url

    @property
    def callback_url(self) -> str:
        """The URL under which the functions post to a connection."""
        return self.websocket.callback_url

    @property
    def sessions_table(self) -> TableV2:
        """The table of sessions, exchanges, summaries, memory and connections."""
        return self.storage.sessions

    @property
    def hashes_table(self) -> TableV2:
        """The table of requests that were taken already."""
        return self.storage.hashes

    @property
    def queue(self) -> Queue:
        """The FIFO queue that keeps a session's turns in order."""
        return self.turn_queue.turns

    @property
    def dead_letter_queue(self) -> Queue:
        """Where a message goes that could not even be recorded as failed three times."""
        return self.turn_queue.dead_letters

    @cached_property
    def measures(self) -> Measures:
        """What CloudWatch calls the bridge's metrics."""
        return Measures(
            namespace=self.props.metrics_namespace,
            service=self.node.path,
            region=Stack.of(self).region,
            turns_queue=self.queue.queue_name,
            dead_letter_queue=self.dead_letter_queue.queue_name,
            sessions_table=self.sessions_table.table_name,
            hashes_table=self.hashes_table.table_name,
            api=self.websocket.api.api_id,
            stage=self.props.stage_name,
            functions=tuple((name, getattr(self.functions, name).function_name) for name in FUNCTIONS),
        )

    @property
    def alarms(self) -> Mapping[AlarmName, Alarm]:
        """The alarms by name, to add actions to; none with `alarms=False`."""
        return self._monitoring.alarms if self._monitoring else {}

    @property
    def dead_letter_alarm(self) -> Alarm | None:
        """The alarm that rings when a message lies there; None with `alarms=False`."""
        return self.alarms.get("dead_letters")

    @property
    def dashboard(self) -> CfnDashboard | None:
        """The dashboard; None with `dashboard=False`.

        It is CloudFormation's own resource, whose body is text: for widgets of yours make a dashboard of
        yours, with the `metric_*()`.
        """
        return self._dashboard.resource if self._dashboard else None

    @property
    def anthropic_secret(self) -> ISecret | None:
        """The secret that holds the Anthropic key: created, or passed in.

        None with `provider="bedrock"`, and where it lives in Parameter Store.
        """
        return self.secrets.anthropic.secret if self.secrets.anthropic else None

    @property
    def signing_secret(self) -> ISecret | None:
        """The secret that signs tokens; None unless `auth="token"`, and where it lives in Parameter Store."""
        return self.secrets.signing.secret if self.secrets.signing else None

    @property
    def outputs(self) -> Mapping[str, str]:
        """What the command line looks for in a stack's outputs when it is told `--stack NAME`, by name.

        Emit them all: `CfnOutput(stack, name, value=value)`. With a prefix before each name, the command
        line finds them by `--stack NAME/PREFIX`: so two bridges fit one stack.
        """
        return outputs_of(self)

    def grant_mint_tokens(self, grantee: IGrantable) -> Grant:
        """Let a grantee read the signing key, and with it make tokens for any owner.

        Raises ValueError where there are no tokens (`auth` is not `token`).
        """
        if self.secrets.signing is None:
            raise ValueError(f"there are no tokens to mint: auth is {self.props.auth}")
        return self.secrets.signing.grant_read(grantee)

    def grant_connect(self, grantee: IGrantable) -> Grant:
        """Let a grantee connect, as an owner of its own: its ARN, an assumed role's session name included.

        API Gateway knows no policy of the API's own here: who belongs to another account has to assume a role
        of this one. Raises ValueError where API Gateway does not ask IAM (`auth` is not `iam`).
        """
        if self.props.auth != "iam":
            raise ValueError(f"IAM lets nobody connect: auth is {self.props.auth}, not iam")
        return Grant.add_to_principal(
            grantee=grantee,
            actions=["execute-api:Invoke"],
            resource_arns=[self.websocket.connect_arn],
        )


def _check_path(path: str) -> None:
    """Refuse a path that metrics cannot be told apart by: CloudWatch would drop them, and say nothing."""
    if not path.isascii() or len(path) > _LONGEST_PATH:
        raise ValueError(
            f"the bridge's path, {path!r}, must be at most {_LONGEST_PATH} characters of ASCII, since it is "
            "what its logs and metrics go by: give it, or what it is in, another construct id"
        )
