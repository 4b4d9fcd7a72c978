"""The five functions of the bridge, and who of them may post to its clients."""

from collections.abc import Sequence

from aws_cdk import Annotations, ArnFormat, Stack
from aws_cdk.aws_ec2 import ISecurityGroup, SecurityGroup
from aws_cdk.aws_iam import PolicyStatement, ServicePrincipal
from aws_cdk.aws_kms import IKey
from constructs import Construct

from claude_context_bridge.answer_function import make_answer
from claude_context_bridge.bundling import function_code
from claude_context_bridge.function import Parts
from claude_context_bridge.props import BridgeProps
from claude_context_bridge.queue import TurnQueue
from claude_context_bridge.remember_function import make_remember
from claude_context_bridge.route_functions import make_connect, make_disconnect, make_message
from claude_context_bridge.secrets import Secrets
from claude_context_bridge.storage import Storage
from claude_context_bridge.websocket import WebSocket


class Functions(Construct):
    """`connect`, `disconnect`, `message`, `answer` and `remember`: one asset, five handlers, one role each.

    Each may do exactly the calls that it makes.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        props: BridgeProps,
        storage: Storage,
        queue: TurnQueue,
        secrets: Secrets,
    ) -> None:
        super().__init__(scope, construct_id)
        code = function_code(props.architecture)
        if props.encryption_key:
            _let_logs_use(props.encryption_key, self)
        parts = Parts(
            self, scope.node.path, code, props, storage, queue, secrets, _security_groups(self, props)
        )
        self.connect = make_connect(parts)
        self.disconnect = make_disconnect(parts)
        self.message = make_message(parts)
        self.answer = make_answer(parts)
        self.remember = make_remember(parts)
        if props.snap_start:
            # CDK says so of each, and cannot see that what is called is a version's alias.
            Annotations.of(self).acknowledge_warning(
                "@aws-cdk/aws-lambda:snapStartRequirePublish", "A version is published, and called by `live`."
            )

    def post_to(self, websocket: WebSocket) -> None:
        """Let those post to this API's connections who do: it needs the others to exist."""
        for function in (self.answer, self.message):  # the latter what an ended turn's client has missed
            function.add_environment("CALLBACK_URL", websocket.callback_url)
            function.allow(["execute-api:ManageConnections"], websocket.posts_arn)


def _security_groups(scope: Construct, props: BridgeProps) -> Sequence[ISecurityGroup] | None:
    """Return the functions' security groups; CDK would make one for each."""
    if props.vpc is None or props.security_groups:
        return props.security_groups
    says = "The functions of a Claude Context Bridge: nothing comes in, everything may go out"
    return [SecurityGroup(scope, "SecurityGroup", vpc=props.vpc, description=says)]


def _let_logs_use(key: IKey, scope: Construct) -> None:
    """Let CloudWatch Logs use a key for the log groups of its account, as it asks for.

    A key that was made elsewhere has a policy of its own, which has to say so: CDK leaves that alone.
    """
    stack = Stack.of(scope)
    logs = stack.format_arn(
        service="logs", resource="log-group", resource_name="*", arn_format=ArnFormat.COLON_RESOURCE_NAME
    )
    key.add_to_resource_policy(
        PolicyStatement(
            principals=[ServicePrincipal(f"logs.{stack.region}.amazonaws.com")],
            actions=["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"],
            resources=["*"],  # in a key's policy: the key
            conditions={"ArnLike": {"kms:EncryptionContext:aws:logs:arn": logs}},
        )
    )
