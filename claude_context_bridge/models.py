"""Which models are retired, or about to be, as far as it was known when this was written.

A stack stays for years, and a model does not: Anthropic gives 60 days' notice. Synth calls nobody, so that
this is a table; `bridge doctor` asks the provider. The dates are those of Anthropic's own platforms;
Bedrock's may be others.
"""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

from aws_cdk import Annotations
from constructs import Construct

from claude_context_bridge.props import BridgeProps

SOURCE = "https://platform.claude.com/docs/en/about-claude/model-deprecations"
AS_OF = date(2026, 11, 22)

RETIREMENTS: Mapping[str, date] = {
    "claude-3-5-sonnet": date(2025, 10, 28),
    "claude-3-7-sonnet": date(2026, 2, 19),
    "claude-3-haiku": date(2026, 4, 20),
    "claude-sonnet-4": date(2026, 6, 15),
    "claude-opus-4": date(2026, 6, 15),
    "claude-sonnet-4-5": date(2026, 11, 30),
}
"""When a model is retired, by its name without a version's date. What is not here is not known to be."""

NOTICE = timedelta(days=90)
"""How long before its retirement a model is named: time enough to try another one."""

_INSTEAD = {"haiku": "claude-haiku-5-5", "sonnet": "claude-sonnet-5-5", "opus": "claude-opus-5-5"}

# `claude-x`, `claude-x-0`, `claude-x-20260101`, `claude-x-latest`; on Bedrock `….anthropic.claude-x-…-v1:0`.
_NAME = re.compile(r"(?:.*[./])?(claude-[a-z0-9-]+?)(?:-0)?(?:[-@]\d{8}|-latest)?(?:-v\d+)?(?::.*)?")


def retirement_of(model: str) -> date | None:
    """Return when a model is retired, on Bedrock, too; None where that is not known."""
    matched = _NAME.fullmatch(model)
    return RETIREMENTS.get(matched[1]) if matched else None


def warn_of_retirements(scope: Construct, props: BridgeProps, today: date | None = None) -> None:
    """Warn of each configured model that is retired, or will be within `NOTICE`.

    Each warning is a line of synth's and deploy's output; `Annotations.of(bridge).acknowledge_warning(id)`
    silences one.
    """
    today = today or datetime.now(UTC).date()
    for model, settings in _configured(props).items():
        end = retirement_of(model)
        if end is None or end > today + NOTICE:
            continue
        Annotations.of(scope).add_warning_v2(
            f"claude-context-bridge:model-retires:{model}",
            f"{' and '.join(settings)}: {model} {'was retired' if end <= today else 'retires'} on {end}, "
            f"says {SOURCE} ({AS_OF}); set {_instead(model, props)}",
        )


def _configured(props: BridgeProps) -> dict[str, list[str]]:
    """Return the settings that name a model, by model."""
    named: dict[str, list[str]] = {}
    for setting, models in {
        "model": (props.model,),
        "allowed_models": props.allowed_models,
        "summary_model": (props.summary_model,),
    }.items():
        for model in models:
            named.setdefault(model, []).append(setting)
    return named


def _instead(model: str, props: BridgeProps) -> str:
    newest = next((name for family, name in _INSTEAD.items() if family in model), _INSTEAD["sonnet"])
    if props.provider == "bedrock":
        return f"Bedrock's {newest}, unless `bridge doctor` says that Bedrock keeps this one for longer"
    return f"{newest} instead"
