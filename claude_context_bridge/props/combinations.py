"""Props that are good by themselves and wrong together."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from claude_context_bridge.prices import as_text
from claude_context_bridge.props.claude import ANTHROPIC_URL, ANTHROPIC_VERSION

if TYPE_CHECKING:
    from claude_context_bridge.props import BridgeProps

# Of the 4,096 bytes of a function's environment, names of variables, numbers, and the names and addresses
# that CloudFormation fills in take up to about 1,250.
_FREE_BYTES = 2_800

# A model's id, with or without the part of the world before it, or an ARN of either.
_BEDROCK_MODEL = re.compile(
    r"(?:[a-z-]{2,8}\.)?anthropic\.claude-[A-Za-z0-9.:-]+"
    r"|arn:aws[a-z-]*:bedrock:[a-z0-9-]*:[0-9]*:(?:foundation-model|(?:application-)?inference-profile)/[^\s,]+"
)


def check_combinations(props: BridgeProps) -> None:
    """Raise ValueError for props that contradict each other; it names both, and says what to do."""
    _check_secrets(props)
    if props.provider == "bedrock":
        _check_bedrock(props)
    if props.alarm_topic is not None and not props.alarms:
        raise ValueError("alarm_topic must be left out with alarms=False: there is no alarm to tell it")
    for name in ("dashboard", "alarms"):
        if not props.metrics and getattr(props, name):
            raise ValueError(
                f"{name} must be False with metrics=False: it is made of them (metrics=True has them)"
            )
    if props.vpc is None:
        for name in ("vpc_subnets", "security_groups"):
            if getattr(props, name) is not None:
                raise ValueError(
                    f"{name} must be left out without vpc: the functions run in no network of yours"
                )
    if props.sessions_table_name is not None and props.sessions_table_name == props.hashes_table_name:
        raise ValueError("hashes_table_name must be another name than sessions_table_name")


def _check_secrets(props: BridgeProps) -> None:
    if props.signing_secret is not None and props.auth != "token":
        raise ValueError(
            f"signing_secret must be left out with auth={props.auth!r}: there are no tokens to sign"
        )
    if props.secret_store == "parameter_store":  # noqa: S105 - a name of a service
        for name in ("anthropic_secret", "signing_secret"):
            if getattr(props, name) is not None:
                raise ValueError(
                    f"{name} must be left out with secret_store='parameter_store': a secret of Secrets "
                    "Manager was passed"
                )
        if props.encryption_key is not None:
            raise ValueError(
                "encryption_key needs secret_store='secrets_manager': parameters are made by `bridge key "
                "set`, which knows no key of yours"
            )


def _check_bedrock(props: BridgeProps) -> None:
    told = {
        "anthropic_base_url": props.anthropic_base_url != ANTHROPIC_URL,
        "anthropic_version": props.anthropic_version != ANTHROPIC_VERSION,
        "anthropic_auth_header": props.anthropic_auth_header != "x-api-key",
        "anthropic_secret": props.anthropic_secret is not None,
        "summary_base_url": bool(props.summary_base_url),
    }
    for name, given in told.items():
        if given:
            raise ValueError(
                f"{name} must be left out with provider='bedrock': the functions' roles are all it needs"
            )
    named = {"model": (props.model,), "allowed_models": props.models, "summary_model": (props.summary_model,)}
    for name, models in named.items():
        for model in models:
            if not _BEDROCK_MODEL.fullmatch(model):
                raise ValueError(
                    f"{name} must name a model of Bedrock's with provider='bedrock', not {model!r}: its id "
                    "(anthropic.claude-…), an inference profile (global.anthropic.claude-…) or an ARN; "
                    "`aws bedrock list-inference-profiles` lists those of your region"
                )


def check_environment_fits(props: BridgeProps) -> None:
    """Raise ValueError where the texts do not fit a function's environment.

    Lambda would refuse them, too, but only minutes into a deployment.
    """
    free = {
        "system_prompt": props.system_prompt,
        "allowed_models": ",".join(props.models),
        "anthropic_base_url": props.anthropic_base_url,
        "summary_base_url": props.summary_base_url,
        "callback_url": props.callback_url,
        "metrics_namespace": props.metrics_namespace,
        "prices": as_text(props.prices),
    }
    sizes = {name: len(text.encode()) for name, text in free.items()}
    if sum(sizes.values()) > _FREE_BYTES:
        raise ValueError(
            f"{' + '.join(sizes)} must be at most {_FREE_BYTES} bytes together, not "
            f"{' + '.join(map(str, sizes.values()))}: a function's environment holds 4 KB"
        )
