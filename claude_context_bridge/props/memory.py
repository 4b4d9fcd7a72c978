"""What Claude remembers, and for how long."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from aws_cdk import Duration

from claude_context_bridge import limits

SUMMARY_MODEL = "claude-haiku-5-5"


@dataclass(frozen=True, kw_only=True)
class MemoryProps:
    """What Claude remembers, and for how long."""

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

    summary_model: Annotated[str, limits.MODEL_NAME] = SUMMARY_MODEL
    """The model that sums up what left the window. The cheapest: it is asked at every cut. With
    `provider="bedrock"` it is `model` where no other is named."""

    summary_base_url: Annotated[str, limits.SUMMARY_URL] = ""
    """Where the summary model is asked; empty: where the others are. It gets the same key."""

    session_ttl: Duration = field(default_factory=lambda: Duration.hours(24))
    """How long an unused session lives, at least an hour; every turn starts the time anew. A day, since what
    was said outlives its session in recall."""

    memory_ttl: Duration = field(default_factory=lambda: Duration.days(30))
    """How long what was said is kept, at least an hour. A month bounds what somebody who forgot about it has
    lying there; where you want to be remembered for longer, raise it: storage costs next to nothing."""
