"""An environment's settings: read from CDK's context, checked, and turned into what its stack is made of.

They come from `environments` in cdk.json; `-c NAME=VALUE` overrides one for a deployment. What is not set
has the construct's default, except for what depends on whether the environment is `prod`.
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from typing import Any

from aws_cdk import Duration, RemovalPolicy
from aws_cdk.aws_lambda import Architecture
from aws_cdk.aws_logs import RetentionDays

from claude_context_bridge import BridgeProps, limits
from claude_context_bridge.limits import Limit, OneOf, limits_of
from stacks import imports
from stacks.imports import Imports

DEFAULT_ENVIRONMENT = "dev"

REQUIRED = "alarm_recipient_required"
"""The setting that says whether an environment is nothing without somebody whom its alarms tell."""

_REMOVAL = {"destroy": RemovalPolicy.DESTROY, "retain": RemovalPolicy.RETAIN}
_RETENTION = {
    1: RetentionDays.ONE_DAY,
    3: RetentionDays.THREE_DAYS,
    5: RetentionDays.FIVE_DAYS,
    7: RetentionDays.ONE_WEEK,
    14: RetentionDays.TWO_WEEKS,
    30: RetentionDays.ONE_MONTH,
    60: RetentionDays.TWO_MONTHS,
    90: RetentionDays.THREE_MONTHS,
    120: RetentionDays.FOUR_MONTHS,
    150: RetentionDays.FIVE_MONTHS,
    180: RetentionDays.SIX_MONTHS,
    365: RetentionDays.ONE_YEAR,
    400: RetentionDays.THIRTEEN_MONTHS,
    545: RetentionDays.EIGHTEEN_MONTHS,
    731: RetentionDays.TWO_YEARS,
    1096: RetentionDays.THREE_YEARS,
    1827: RetentionDays.FIVE_YEARS,
    2192: RetentionDays.SIX_YEARS,
    2557: RetentionDays.SEVEN_YEARS,
    2922: RetentionDays.EIGHT_YEARS,
    3288: RetentionDays.NINE_YEARS,
    3653: RetentionDays.TEN_YEARS,
}

_OF_OTHERS = {"vpc", "domain"}  # props with names that anybody's context may have


class SettingsError(ValueError):
    """A setting is unknown or has a bad value; the message names it, the value and what is allowed."""


@dataclass(frozen=True)
class Settings:
    """An environment's name, the construct's props, and what of the props has to be imported in its stack."""

    environment: str
    props: BridgeProps
    imports: Imports = field(default_factory=Imports)

    @property
    def stack_name(self) -> str:
        """The name of the environment's stack."""
        return f"claude-context-bridge-{self.environment}"


@dataclass(frozen=True)
class Setting:
    """What a setting may be, and the prop that it becomes: of its own name and as it is, unless told."""

    limit: Limit
    prop: str = ""
    becomes: Callable[[Any], object] | None = None


SETTINGS: Mapping[str, Setting] = {
    **{
        name: Setting(limit)
        for name, limit in limits_of(BridgeProps).items()
        # Those come of the environment's name.
        if name not in {"stage_name", "sessions_table_name", "hashes_table_name"}
    },
    **{name: Setting(limit) for name, limit in imports.LIMITS.items()},
    REQUIRED: Setting(limits.SWITCH),
    "session_ttl_hours": Setting(limits.SESSION_HOURS, "session_ttl", Duration.hours),
    "memory_ttl_days": Setting(limits.MEMORY_DAYS, "memory_ttl", Duration.days),
    "answer_timeout_seconds": Setting(limits.ANSWER_SECONDS, "answer_timeout", Duration.seconds),
    "log_retention_days": Setting(OneOf(tuple(_RETENTION)), "log_retention", _RETENTION.__getitem__),
    "removal_policy": Setting(OneOf(tuple(_REMOVAL)), becomes=_REMOVAL.__getitem__),
    "architecture": Setting(
        OneOf(("arm64", "x86_64")),
        becomes=lambda name: Architecture.ARM_64 if name == "arm64" else Architecture.X86_64,
    ),
}
"""Every setting of an environment, by name."""


def read(context: Mapping[str, Any]) -> Settings:
    """Read the environment that `-c env=…` names, `dev` by default, from an app's whole context.

    Raises SettingsError.
    """
    environments = context.get("environments")
    if not isinstance(environments, Mapping):
        raise SettingsError("cdk.json has no environments: its context needs an object of that name")
    environment = context.get("env", DEFAULT_ENVIRONMENT)
    if not isinstance(environment, str) or environment not in environments:
        raise SettingsError(f"env {environment!r} is unknown" + _instead(environment, environments))
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,31}", environment):
        raise SettingsError(
            f"env {environment!r}: a name needs 1 to 32 lower-case letters, digits or -, a letter first"
        )
    given = environments[environment]
    if not isinstance(given, Mapping):
        raise SettingsError(f"environments.{environment} in cdk.json must be an object, not {given!r}")

    props = _defaults(environment)
    for name, value in given.items():
        where = f"environments.{environment}.{name} in cdk.json"
        if name not in SETTINGS:
            raise SettingsError(f"{where}: there is no such setting" + _instead(name, SETTINGS))
        props |= _prop(where, name, value)
    for name, value in context.items():
        if name in SETTINGS:
            props |= _prop(f"-c {name}", name, value)
        elif _looks_misspelt(name):
            raise SettingsError(f"-c {name}: there is no such setting" + _instead(name, SETTINGS))
    imported = {name: props.pop(name) for name in imports.LIMITS if name in props}
    required = props.pop(REQUIRED, False)
    try:
        settings = Settings(environment, BridgeProps(**props), Imports(**imported))
        settings.imports.check(settings.props, recipient_required=required)
        return settings
    except ValueError as e:  # values that are good by themselves and bad together
        raise SettingsError(f"environments.{environment}: {e}") from None


def _defaults(environment: str) -> dict[str, Any]:
    """Keep and protect what prod holds; every other environment gives it up with its stack."""
    prod = environment == "prod"
    return {
        "removal_policy": RemovalPolicy.RETAIN if prod else RemovalPolicy.DESTROY,
        "point_in_time_recovery": prod,
        "deletion_protection": prod,
        "stage_name": environment,
    }


def _prop(where: str, name: str, value: object) -> dict[str, Any]:
    setting = SETTINGS[name]
    # The command line has only text; in cdk.json a number is a number.
    read_text = where.startswith("-c ") and isinstance(value, str)
    try:
        checked = setting.limit.read(value) if read_text else setting.limit.check(value)  # type: ignore[arg-type]
    except ValueError as e:
        raise SettingsError(f"{where} {e}") from None
    return {setting.prop or name: setting.becomes(checked) if setting.becomes else checked}


def _looks_misspelt(name: str) -> bool:
    """Tell a slip from the context of others, which the command line and cdk.json may hold too.

    Also whoever takes the name of the construct's prop, `session_ttl` say, means this app.
    """
    if name in {prop.name for prop in fields(BridgeProps)} - _OF_OTHERS:
        return True
    return name not in {"env", "environments"} and bool(get_close_matches(name, SETTINGS, n=1, cutoff=0.8))


def _instead(name: object, allowed: Collection[str]) -> str:
    near = get_close_matches(str(name), allowed, n=1)
    return (f"; did you mean {near[0]}?" if near else ".") + " Allowed: " + ", ".join(sorted(allowed))
