"""What a `ContextBridge` can be told, and what it does when it is not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal

from aws_cdk import Duration, RemovalPolicy
from aws_cdk.aws_lambda import Architecture
from aws_cdk.aws_logs import RetentionDays
from aws_cdk.aws_secretsmanager import ISecret
from aws_cdk.aws_sns import ITopic

from claude_context_bridge import limits
from claude_context_bridge.cdk_types import check_types, seconds
from claude_context_bridge.limits import Whole, check_fields
from claude_context_bridge.prices import PRICES, as_text

# Of the 4,096 bytes of a function's environment, names of variables, numbers, and the names and addresses
# that CloudFormation fills in take up to about 1,250.
_FREE_BYTES = 2_800
_CHARACTERS_PER_TOKEN = 4  # of English; the functions estimate by the same number


@dataclass(frozen=True, kw_only=True)
class BridgeProps:
    """The props of a `ContextBridge`; every one has a default, and a bad one raises ValueError naming it."""

    auth: Annotated[Literal["token", "iam", "none"], limits.AUTH] = "token"
    """Who may connect: whoever holds a signed token, whoever AWS lets (`iam`, see `grant_connect`), or
    (`none`) whoever knows the URL, at your expense. Tokens are the default because clients of theirs need no
    AWS account."""

    daily_tokens: Annotated[int, limits.DAILY_TOKENS] = 0
    """Tokens, in and out, that one owner may use in a day of UTC; 0 is no limit. It costs each turn a write,
    and what is too little for one owner is too much for another: there is none until it is asked for."""

    owner_rate: Annotated[int, limits.OWNER_RATE] = 0
    """Frames that one owner may send in a minute; 0 is no limit. It costs each frame a write; what all owners
    send together is limited by the stage's throttle in any case."""

    model: Annotated[str, limits.MODEL_NAME] = "claude-sonnet-5-5"
    """The model that answers where a query names none."""

    allowed_models: Annotated[Sequence[str], limits.MODELS] = (
        "claude-sonnet-5-5",
        "claude-haiku-5-5",
        "claude-opus-5-5",
    )
    """The models that a query may name; `model` is always among them."""

    max_output_tokens: Annotated[int, limits.OUTPUT_TOKENS] = 8192
    """The longest answer, in tokens. 8,192 take about three minutes to stream."""

    context: Annotated[Literal["window", "full"], limits.CONTEXT_MODE] = "window"
    """How much of the session Claude is shown verbatim: a window of `context_limit`, or all of it (`full`) up
    to `full_context_tokens`. What is left out is summarized and can be recalled in both. The window is the
    default because what a turn costs then does not grow with its session."""

    context_limit: Annotated[int, limits.CONTEXT] = 8000
    """Characters of the window, at most, with `context="window"`; at this mark it is cut to half."""

    full_context_tokens: Annotated[int, limits.CONTEXT_TOKENS] = 20_000
    """The mark of `context="full"`, in tokens of four characters. Up to about here a cached whole history
    competes with a smaller prompt."""

    recall: Annotated[Literal["owner", "session", "off"], limits.RECALL] = "owner"
    """Where Claude is reminded from, if a query does not say: all that its owner ever said, only the same
    session, or nowhere. A memory that ends with its session would be none."""

    recall_tokens: Annotated[int, limits.RECALL_TOKENS] = 1_000
    """The most that recall may add to a prompt, in tokens of four characters. On LoCoMo, a benchmark of long
    conversations, 88 % of what a question needs lies within 1,000."""

    summary_model: Annotated[str, limits.MODEL_NAME] = "claude-haiku-5-5"
    """The model that sums up what left the window. The cheapest: it is asked at every cut."""

    summary_base_url: Annotated[str, limits.SUMMARY_URL] = ""
    """Where the summary model is asked; empty: where the others are. It gets the same key."""

    prices: Annotated[Mapping[str, Sequence[float]], PRICES] = field(
        default_factory=lambda: {
            "claude-haiku-5-5": (0.10, 0.50),
            "claude-sonnet-5-5": (2, 10),
            "claude-opus-5-5": (4, 20),
        }
    )
    """Dollars for a million tokens in and out, by model: what the costs of turns are reckoned with, and
    nothing else. The defaults are Anthropic's of November 2026; a model that is not there has no cost."""

    max_message_length: Annotated[int, limits.MESSAGE] = 60_000
    """Characters of one message, at most. API Gateway takes 128 KB, JSON and UTF-8 included."""

    session_ttl: Duration = field(default_factory=lambda: Duration.hours(24))
    """How long an unused session lives, at least an hour; every turn starts the time anew."""

    memory_ttl: Duration = field(default_factory=lambda: Duration.days(30))
    """How long what was said is kept, at least an hour."""

    system_prompt: Annotated[str, limits.SYSTEM_PROMPT] = ""
    """Instructions that precede every conversation."""

    anthropic_base_url: Annotated[str, limits.API_URL] = "https://api.anthropic.com"
    """Where the Messages API is; a compatible server may stand there."""

    anthropic_version: Annotated[str, limits.API_VERSION] = "2023-06-01"
    """The `anthropic-version` header. The default is the one that every compatible server knows."""

    anthropic_auth_header: Annotated[Literal["x-api-key", "authorization"], limits.AUTH_HEADER] = "x-api-key"
    """The header that carries the key: Anthropic's, or `Authorization: Bearer` as some servers want it."""

    anthropic_secret: ISecret | None = None
    """A secret of your own, the bare API key. By default one is created that has none yet."""

    signing_secret: ISecret | None = None
    """A secret of your own, a bare string of at least 32 characters, which signs the tokens. By default
    one is generated. Only with `auth="token"`."""

    callback_url: Annotated[str, limits.CALLBACK_URL] = ""
    """Where to post to connections, for a gateway that is not at AWS's address; `{api_id}` and `{stage}`
    are filled in."""

    route_response: Annotated[bool, limits.SWITCH] = True
    """Whether the API declares that what the message function returns goes back to the client, without
    which API Gateway drops it. False for MiniStack, which always sends it and knows no such resource."""

    poll_queue: Annotated[bool, limits.SWITCH] = True
    """Whether Lambda feeds the answer function from the queue; False where something else does."""

    poll_stream: Annotated[bool, limits.SWITCH] = True
    """Whether Lambda feeds the remember function from the table's stream; False where something else does."""

    answer_timeout: Duration = field(default_factory=lambda: Duration.seconds(900))
    """The longest turn, 60 to 900 seconds, and the queue's visibility timeout."""

    hold_seconds: Annotated[int, limits.HOLD_SECONDS] = 90
    """How long after its function was killed a turn is taken up again, and its session blocked; never longer
    than `answer_timeout`. 90 leaves room for two renewals that fail before a running answer's turn is taken
    for a dead one's."""

    answer_memory_mb: Annotated[int, limits.MEMORY_MB] = 1024
    """Memory of the functions that answer and remember. CPU comes with memory: half a core here."""

    memory_mb: Annotated[int, limits.MEMORY_MB] = 512
    """Memory of each other function."""

    throttle_rate: Annotated[int, limits.REQUESTS] = 100
    """Messages per second that the stage lets through."""

    throttle_burst: Annotated[int, limits.REQUESTS] = 200
    """Messages that it lets through at once."""

    log_retention: RetentionDays = RetentionDays.ONE_MONTH
    """How long logs are kept. They never hold a message's text."""

    log_level: Annotated[str, limits.LOG_LEVEL] = "INFO"
    """What is logged."""

    metrics_namespace: Annotated[str, limits.NAMESPACE] = "ClaudeContextBridge"
    """The CloudWatch namespace of the functions' metrics."""

    alarms: Annotated[bool, limits.SWITCH] = True
    """Whether CloudWatch watches the dead-letter queue (about $0.10 a month). What lies there was accepted
    and not answered, and nothing else tells of it."""

    alarm_topic: ITopic | None = None
    """Whom the alarm tells. By default it only shows in the console."""

    removal_policy: RemovalPolicy = RemovalPolicy.RETAIN
    """What happens to tables, created secrets and logs when the stack goes. Conversations are not remade
    from anything: the default keeps them."""

    point_in_time_recovery: Annotated[bool, limits.SWITCH] = False
    """Whether the sessions table can be restored to any second of the last 35 days (about $0.20 per GB and
    month). The hashes table is never worth restoring."""

    deletion_protection: Annotated[bool, limits.SWITCH] = False
    """Whether DynamoDB refuses to delete the tables."""

    architecture: Architecture = field(default_factory=lambda: Architecture.ARM_64)
    """What the functions run on. arm64 costs a fifth less."""

    stage_name: Annotated[str, limits.STAGE_NAME] = "live"
    """The WebSocket API's stage: the last part of the URL."""

    sessions_table_name: str | None = None
    """The sessions table's name; by default CloudFormation makes one, so that two bridges fit an account."""

    hashes_table_name: str | None = None
    """The hashes table's name; as above."""

    def __post_init__(self) -> None:
        """Refuse bad values here, at synth, where the mistake is still visible."""
        check_fields(self)
        check_types(self)
        seconds("session_ttl", self.session_ttl, Whole(3600, limits.SESSION_HOURS.high * 3600, "seconds"))
        seconds("memory_ttl", self.memory_ttl, Whole(3600, limits.MEMORY_DAYS.high * 86400, "seconds"))
        seconds("answer_timeout", self.answer_timeout, limits.ANSWER_SECONDS)
        self._check_combinations()
        self._check_environment_fits()

    @property
    def models(self) -> tuple[str, ...]:
        """The models that a query may name, `model` first."""
        return tuple(dict.fromkeys((self.model, *self.allowed_models)))

    @property
    def window_limit(self) -> int:
        """The window's high mark, in characters."""
        if self.context == "full":
            return self.full_context_tokens * _CHARACTERS_PER_TOKEN
        return self.context_limit

    @property
    def hold(self) -> int:
        """How long a running answer hides its turn at a time, in seconds: at most as long as it may run."""
        return min(self.hold_seconds, seconds("answer_timeout", self.answer_timeout, limits.ANSWER_SECONDS))

    def _check_combinations(self) -> None:
        if self.signing_secret is not None and self.auth != "token":
            raise ValueError(
                f"signing_secret must be left out with auth={self.auth!r}: there are no tokens to sign"
            )
        if self.alarm_topic is not None and not self.alarms:
            raise ValueError("alarm_topic must be left out with alarms=False: there is no alarm to tell it")

    def _check_environment_fits(self) -> None:
        # Lambda would refuse it, but only minutes into a deployment.
        free = {
            "system_prompt": self.system_prompt,
            "allowed_models": ",".join(self.models),
            "anthropic_base_url": self.anthropic_base_url,
            "summary_base_url": self.summary_base_url,
            "callback_url": self.callback_url,
            "metrics_namespace": self.metrics_namespace,
            "prices": as_text(self.prices),
        }
        sizes = {name: len(text.encode()) for name, text in free.items()}
        if sum(sizes.values()) > _FREE_BYTES:
            raise ValueError(
                f"{' + '.join(sizes)} must be at most {_FREE_BYTES} bytes together, not "
                f"{' + '.join(map(str, sizes.values()))}: a function's environment holds 4 KB"
            )
