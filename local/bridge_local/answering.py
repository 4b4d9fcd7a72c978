"""Who answers in the local AWS, and the settings that follow from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from bridge_local import model_server
from bridge_local.errors import LocalError

Answering = Literal["claude", "tiny", "other"]

UNSET = "unset"
"""What the stack creates the Anthropic secret with."""
NO_KEY = "local-model"
"""What stands in the Anthropic secret where whoever answers asks for no key."""

_DEFAULT_BASE_URL = "https://api.anthropic.com"


def check(settings: Mapping[str, str]) -> None:
    """Raise `LocalError` for settings that ask for an AWS which is not on this machine."""
    if settings.get("provider", "anthropic") != "anthropic":
        raise LocalError(
            f"provider={settings['provider']}: the local AWS has no Bedrock",
            hint="Forget it (--unset provider), or deploy to AWS: docs/how-to/bedrock.md",
        )
    if settings.get("secret_store", "secrets_manager") != "secrets_manager":
        raise LocalError(
            f"secret_store={settings['secret_store']}: the local AWS keeps them in its Secrets Manager",
            hint="Forget it: --unset secret_store",
        )
    if settings.get("auth") == "iam":
        raise LocalError(
            "auth=iam: the local AWS names no caller, so that nobody would be let in",
            hint="Forget it: --unset auth",
        )


def choose(*, key_given: bool, key_kept: bool, settings: Mapping[str, str], tiny_wanted: bool) -> Answering:
    """Tell who answers: `tiny`, the model on this machine, unless there is a key for Claude.

    Whoever sets `anthropic_base_url` names another; `tiny_wanted` keeps Claude's key unused.
    """
    if settings.get("anthropic_base_url"):
        return "other"
    if not tiny_wanted and (key_given or key_kept):
        return "claude"
    return "tiny"


def is_key(secret: str) -> bool:
    """Tell whether a secret's text is a key of Anthropic's, as far as one can tell."""
    return secret.strip() not in ("", UNSET, NO_KEY)


def settings_of(
    answering: Answering, given: Mapping[str, str], *, model_port: int, summary_port: int, base_url: str
) -> dict[str, str]:
    """Return the settings of the environment that make it so; those `given` by `--set` override them.

    Whoever else is asked is asked for the summaries too, under the name that is known there.
    """
    if answering == "tiny":
        return {
            "anthropic_base_url": f"http://127.0.0.1:{model_port}",
            "model": model_server.MODEL,
            "allowed_models": model_server.MODEL,
            "summary_model": model_server.MODEL,
            "summary_base_url": f"http://127.0.0.1:{summary_port}",
            "recall_tokens": str(model_server.RECALL_TOKENS),
            "system_prompt": model_server.SYSTEM_PROMPT,
            "max_output_tokens": str(model_server.MAX_OUTPUT_TOKENS),
        }
    if answering == "other" and "model" in given:
        return {"summary_model": given["model"]}
    if answering == "claude" and base_url:
        return {"anthropic_base_url": base_url}
    return {}


def note(answering: str, model: str, base_url: str) -> str:
    """Say who answers, as people are told it; `base_url` is empty for Anthropic's own."""
    if answering == "tiny":
        return model_server.NOTE
    if base_url in ("", _DEFAULT_BASE_URL):
        return f"Claude answers ({model})"
    return f"answers come from {base_url} ({model})"
