"""Whether the models that a bridge is set to use are there, and stay."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from bridge_cli import lifecycles
from bridge_cli.configuration import Configuration
from bridge_cli.lifecycles import Catalog, Offered

SOON = timedelta(days=90)
"""How long before its end a model is named: time enough to try another one."""

_SETTINGS = {"Model": "model", "AllowedModels": "allowed_models", "SummaryModel": "summary_model"}


def configured(found: Configuration) -> dict[str, list[str]]:
    """Return the settings that name a model, by model; nothing of a stack that does not tell them.

    A summary model that is asked elsewhere is none of this provider's.
    """
    named: dict[str, list[str]] = {}
    elsewhere = found.output("SummaryUrl") not in {None, found.output("AnthropicUrl")}
    for output, setting in _SETTINGS.items():
        if elsewhere and setting == "summary_model":
            continue
        for model in (found.output(output) or "").split(","):
            if model:
                named.setdefault(model, []).append(setting)
    return named


def catalog(found: Configuration, key: str) -> Catalog | None:
    """Ask the provider; None where the stack does not tell where.

    Raises `lifecycles.NotTold`, and NotConfigured where AWS or the server refuses.
    """
    if found.output("Provider") == "bedrock":
        return lifecycles.of_bedrock(found.aws)
    url = found.output("AnthropicUrl")
    if not url:
        return None
    return lifecycles.of_wire(url, key, found.output("AnthropicAuthHeader") or "x-api-key")


def complaints(
    named: dict[str, list[str]], told: Catalog, *, bedrock: bool, today: date | None = None
) -> Iterator[tuple[bool, str]]:
    """Yield what is to be said of each model that is not simply there: whether it is wrong now, and what."""
    today = today or datetime.now(UTC).date()
    for model, settings in named.items():
        name = lifecycles.bedrock_id(model) if bedrock else model
        if name is None:
            continue  # a profile of the account's own, whose name does not say
        instead = f"set {' and '.join(settings)} to another one"
        offered = told.find(name)
        if offered is None:
            if told.complete:
                yield True, f"{model} is unknown here: retired, misspelt or not given to you; {instead}"
        elif sentence := _end(offered, today):
            yield _is_over(offered, today), f"{model} {sentence}; {instead}"


def _is_over(offered: Offered, today: date) -> bool:
    return offered.lifecycle == "retired" or (offered.retires is not None and offered.retires <= today)


def _end(offered: Offered, today: date) -> str:
    """Return what is to be said of a model's end, nothing where it is far."""
    if _is_over(offered, today):
        return f"retired on {offered.retires}" if offered.retires else "is retired"
    if offered.retires is not None and offered.retires <= today + SOON:
        return f"retires on {offered.retires}"
    if offered.lifecycle == "deprecated":
        return f"is deprecated and retires on {offered.retires}" if offered.retires else "is deprecated"
    return ""
