"""How long an environment keeps what is migrated: it counts from the migration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bridge_cli.aws import in_words
from bridge_cli.errors import NotConfigured

DAY, HOUR = 86_400, 3_600
SHORT = 30 * DAY
"""A memory that lasts no longer, in seconds: the environments' default, too short for an archive."""

_NAME_THEM = (
    "Name them: --memory-ttl-days and --session-ttl-hours, as the environment sets them (else 30 and 24)."
)


@dataclass(frozen=True)
class Lifetimes:
    """How long an exchange is kept, and a session that is not used, in seconds."""

    memory: int
    session: int


def of_function(client: Any, function: str) -> Lifetimes:
    """Return the lifetimes by which a function of the bridge's goes. Raises NotConfigured."""
    needs = f"It takes lambda:GetFunctionConfiguration. {_NAME_THEM}"
    with in_words(f"the function {function}", needs):
        told = client.get_function_configuration(FunctionName=function)
    variables = told.get("Environment", {}).get("Variables", {})
    try:
        return Lifetimes(int(variables["MEMORY_TTL"]), int(variables["SESSION_TTL"]))
    except (KeyError, ValueError):
        raise unknown(f"the function {function} does not tell how long it keeps what was said") from None


def told(lifetimes: Lifetimes) -> list[str]:
    """Return what whoever migrates has to know of them."""
    days, hours = lifetimes.memory / DAY, lifetimes.session / HOUR
    lines = [
        f"A session goes on under its name for {hours:g} hours after its last message; what was said in it "
        f"is recalled for {days:g} days. Both count from today."
    ]
    if lifetimes.memory <= SHORT:
        lines.append(
            f"Warning: in {days:g} days nothing of what is migrated is left in the bridge. Where that is too "
            "soon, deploy with a higher `memory_ttl_days` first: what is there already keeps its end."
        )
    return lines


def unknown(what: str) -> NotConfigured:
    """Return the error of an environment that does not tell its lifetimes."""
    return NotConfigured(what, hint=_NAME_THEM)
