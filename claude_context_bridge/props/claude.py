"""Where Claude is asked, and how."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal

from aws_cdk.aws_secretsmanager import ISecret

from claude_context_bridge import limits
from claude_context_bridge.prices import PRICES

ANTHROPIC_URL = "https://api.anthropic.com"
ANTHROPIC_VERSION = "2023-06-01"
MODEL = "claude-sonnet-5-5"
MODELS = ("claude-sonnet-5-5", "claude-haiku-5-5", "claude-opus-5-5")


@dataclass(frozen=True, kw_only=True)
class ClaudeProps:
    """Where Claude is asked, and how."""

    provider: Annotated[Literal["anthropic", "bedrock"], limits.PROVIDER] = "anthropic"
    """Who is asked: Anthropic's API, or another server of the same wire (`anthropic_base_url`); or Claude on
    Amazon Bedrock, which lets the functions in by their roles, without any key. Anthropic's is the default
    because it has every model on its first day."""

    model: Annotated[str, limits.MODEL_NAME] = MODEL
    """The model that answers where a query names none. With `provider="bedrock"` it has to be named: a
    model's id there, an inference profile such as `global.anthropic.…`, or an ARN."""

    allowed_models: Annotated[Sequence[str], limits.MODELS] = MODELS
    """The models that a query may name; `model` is always among them. With `provider="bedrock"` none other
    is, unless named."""

    max_output_tokens: Annotated[int, limits.OUTPUT_TOKENS] = 8192
    """The longest answer, in tokens. 8,192 take about three minutes to stream."""

    system_prompt: Annotated[str, limits.SYSTEM_PROMPT] = ""
    """Instructions that precede every conversation, and a session's own. None by default: Claude is then
    as it is without a bridge."""

    anthropic_base_url: Annotated[str, limits.API_URL] = ANTHROPIC_URL
    """Where the Messages API is; a compatible server may stand there."""

    anthropic_version: Annotated[str, limits.API_VERSION] = ANTHROPIC_VERSION
    """The `anthropic-version` header. The default is the one that every compatible server knows."""

    anthropic_auth_header: Annotated[Literal["x-api-key", "authorization"], limits.AUTH_HEADER] = "x-api-key"
    """The header that carries the key: Anthropic's, or `Authorization: Bearer` as some servers want it."""

    anthropic_secret: ISecret | None = None
    """A secret of your own, the bare API key. By default one is created that has none yet. Not with
    `provider="bedrock"`, which needs none, nor with `secret_store="parameter_store"`."""

    prices: Annotated[Mapping[str, Sequence[float]], PRICES] = field(
        default_factory=lambda: {
            "claude-haiku-5-5": (0.10, 0.50),
            "claude-sonnet-5-5": (2, 10),
            "claude-opus-5-5": (4, 20),
        }
    )
    """Dollars for a million tokens in and out, by model: what the costs of turns are reckoned with, and
    nothing else. The defaults are Anthropic's of November 2026; a model that is not there has no cost."""
