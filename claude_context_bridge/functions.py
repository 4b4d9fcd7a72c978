"""The four functions, what each is told, and what each may do: exactly the calls that it makes."""

from aws_cdk import Duration
from aws_cdk.aws_lambda import EventSourceMapping
from constructs import Construct

from claude_context_bridge.bundling import function_code
from claude_context_bridge.function import BridgeFunction
from claude_context_bridge.props import BridgeProps
from claude_context_bridge.queue import TurnQueue
from claude_context_bridge.secrets import Secrets
from claude_context_bridge.storage import SESSIONS_BY_OWNER, Storage
from claude_context_bridge.websocket import WebSocket

# API Gateway waits 29 s for a route; a function that is still at it by then answers nobody.
_ROUTE_TIMEOUT_SECONDS = 20


class Functions(Construct):
    """`connect`, `disconnect`, `message` and `answer`: one asset, four handlers, one role each."""

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
        self._props = props
        self._storage = storage
        self._queue = queue
        self._secrets = secrets
        self._code = function_code(props.architecture)
        self.connect = self._make_connect()
        self.disconnect = self._make_disconnect()
        self.message = self._make_message()
        self.answer = self._make_answer()

    def post_to(self, websocket: WebSocket) -> None:
        """Let those post to this API's connections who do: it needs the others to exist."""
        posting = [self.answer, self.message] if websocket.original_clients else [self.answer]
        for function in posting:
            function.add_environment("CALLBACK_URL", websocket.callback_url)
            function.allow(["execute-api:ManageConnections"], websocket.posts_arn)

    def _make_connect(self) -> BridgeFunction:
        signing = self._secrets.signing
        connect = self._route(
            "connect",
            "Authenticates a client and records its connection",
            {
                "CONTEXT_TABLE": self._storage.sessions.table_name,
                "AUTH": self._props.auth,
                **({"SIGNING_SECRET_ARN": signing.secret_arn} if signing else {}),
            },
        )
        connect.allow(["dynamodb:PutItem"], self._storage.sessions.table_arn)
        if signing:
            self._secrets.grant_read(signing, connect)
        return connect

    def _make_disconnect(self) -> BridgeFunction:
        disconnect = self._route(
            "disconnect",
            "Forgets a connection, never the conversation",
            {"CONTEXT_TABLE": self._storage.sessions.table_name},
        )
        disconnect.allow(["dynamodb:DeleteItem"], self._storage.sessions.table_arn)
        return disconnect

    def _make_message(self) -> BridgeFunction:
        props, sessions = self._props, self._storage.sessions
        message = self._route(
            "message",
            "Takes a message in and queues it; answers what needs no model",
            {
                "CONTEXT_TABLE": sessions.table_name,
                "HASH_TABLE": self._storage.hashes.table_name,
                "QUEUE_URL": self._queue.turns.queue_url,
                "MODEL": props.model,
                "ALLOWED_MODELS": ",".join(props.models),
                "MAX_MESSAGE_LENGTH": str(props.max_message_length),
                **self._lifetimes(),
            },
        )
        message.allow(["dynamodb:GetItem", "dynamodb:Query"], sessions.table_arn)
        message.allow(["dynamodb:Query"], f"{sessions.table_arn}/index/{SESSIONS_BY_OWNER}")
        # What Powertools' idempotency calls.
        message.allow(
            ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"],
            self._storage.hashes.table_arn,
        )
        message.allow(["sqs:SendMessage"], self._queue.turns.queue_arn)
        return message

    def _make_answer(self) -> BridgeFunction:
        props, sessions, turns = self._props, self._storage.sessions, self._queue.turns
        answer = BridgeFunction(
            self,
            "answer",
            code=self._code,
            props=props,
            description="Remembers, asks Claude, streams the answer and keeps it",
            timeout=props.answer_timeout,
            memory_mb=props.answer_memory_mb,
            environment={
                "CONTEXT_TABLE": sessions.table_name,
                "QUEUE_URL": turns.queue_url,
                "ANTHROPIC_SECRET_ARN": self._secrets.anthropic.secret_arn,
                "ANTHROPIC_BASE_URL": props.anthropic_base_url,
                "ANTHROPIC_VERSION": props.anthropic_version,
                "ANTHROPIC_AUTH_HEADER": props.anthropic_auth_header,
                "MAX_OUTPUT_TOKENS": str(props.max_output_tokens),
                "CONTEXT_LIMIT": str(props.context_limit),
                "SYSTEM_PROMPT": props.system_prompt,
                **self._lifetimes(),
            },
        )
        answer.allow(
            ["dynamodb:GetItem", "dynamodb:Query", "dynamodb:PutItem", "dynamodb:UpdateItem"],
            sessions.table_arn,
        )
        answer.allow(
            [
                "sqs:ReceiveMessage",
                "sqs:DeleteMessage",
                "sqs:GetQueueAttributes",
                "sqs:ChangeMessageVisibility",
            ],
            turns.queue_arn,
        )
        self._secrets.grant_read(self._secrets.anthropic, answer)
        EventSourceMapping(
            answer,
            "Turns",
            target=answer,
            event_source_arn=turns.queue_arn,
            batch_size=1,  # a batch may mix sessions, and a slow answer would hold the others up
            enabled=props.poll_queue,
        )
        return answer

    def _route(self, name: str, description: str, environment: dict[str, str]) -> BridgeFunction:
        return BridgeFunction(
            self,
            name,
            code=self._code,
            props=self._props,
            description=description,
            timeout=Duration.seconds(_ROUTE_TIMEOUT_SECONDS),
            memory_mb=self._props.memory_mb,
            environment=environment,
        )

    def _lifetimes(self) -> dict[str, str]:
        props = self._props
        return {
            "SESSION_TTL": str(int(props.session_ttl.to_seconds())),
            "MEMORY_TTL": str(int(props.memory_ttl.to_seconds())),
        }
