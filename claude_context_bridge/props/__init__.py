"""What a `ContextBridge` can be told, and what it does when it is not."""

from collections.abc import Sequence
from dataclasses import dataclass

from claude_context_bridge import limits
from claude_context_bridge.cdk_types import check_types, seconds
from claude_context_bridge.limits import Whole, check_fields
from claude_context_bridge.props.access import AccessProps
from claude_context_bridge.props.claude import MODELS, ClaudeProps
from claude_context_bridge.props.combinations import check_combinations, check_environment_fits
from claude_context_bridge.props.memory import SUMMARY_MODEL, MemoryProps
from claude_context_bridge.props.runtime import RuntimeProps
from claude_context_bridge.props.storage import StorageProps
from claude_context_bridge.props.watching import WatchingProps

__all__ = ["BridgeProps"]

_CHARACTERS_PER_TOKEN = 4  # of English; the functions estimate by the same number


@dataclass(frozen=True, kw_only=True)
class BridgeProps(AccessProps, ClaudeProps, MemoryProps, StorageProps, RuntimeProps, WatchingProps):
    """The props of a `ContextBridge`; every one has a default, and a bad one raises ValueError naming it."""

    def __post_init__(self) -> None:
        """Refuse bad values here, at synth, where the mistake is still visible."""
        check_fields(self)
        check_types(self)
        seconds("session_ttl", self.session_ttl, Whole(3600, limits.SESSION_HOURS.high * 3600, "seconds"))
        seconds("memory_ttl", self.memory_ttl, Whole(3600, limits.MEMORY_DAYS.high * 86400, "seconds"))
        seconds("answer_timeout", self.answer_timeout, limits.ANSWER_SECONDS)
        if self.provider == "bedrock":
            self._name_models()
        check_combinations(self)
        check_environment_fits(self)

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

    def _name_models(self) -> None:
        """Let the model of a provider that knows none of the defaults stand for them."""
        models: dict[str, str | Sequence[str]] = {}
        if tuple(self.allowed_models) == MODELS:
            models["allowed_models"] = (self.model,)
        if self.summary_model == SUMMARY_MODEL:
            models["summary_model"] = self.model
        for name, value in models.items():
            object.__setattr__(self, name, value)
