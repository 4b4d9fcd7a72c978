"""The five functions of the bridge, and who of them may post to its clients."""

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
        parts = Parts(self, scope.node.path, code, props, storage, queue, secrets)
        self.connect = make_connect(parts)
        self.disconnect = make_disconnect(parts)
        self.message = make_message(parts)
        self.answer = make_answer(parts)
        self.remember = make_remember(parts)

    def post_to(self, websocket: WebSocket) -> None:
        """Let those post to this API's connections who do: it needs the others to exist."""
        for function in (self.answer, self.message):  # the latter what an ended turn's client has missed
            function.add_environment("CALLBACK_URL", websocket.callback_url)
            function.allow(["execute-api:ManageConnections"], websocket.posts_arn)
