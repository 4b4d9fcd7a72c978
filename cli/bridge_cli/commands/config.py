"""`bridge config`: profiles."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from bridge_cli.commands.options import AsJson, Profile
from bridge_cli.errors import NotConfigured, UsageError
from bridge_cli.profiles import (
    DEFAULT,
    SECRET_SETTINGS,
    SETTINGS,
    ProfileFile,
    checked_auth,
    checked_setting,
    masked,
)

SET_EXAMPLES = """
Examples:
  bridge config set url wss://abc123.execute-api.eu-central-1.amazonaws.com/dev
  bridge config set stack claude-context-bridge-prod --profile prod
  bridge config set recall session
  bridge config set auth iam --profile prod
  bridge token create --owner ada | bridge config set token -
"""
UNSET_EXAMPLES = """
Examples:
  bridge config unset token
  bridge config unset model --profile prod
  bridge config unset recall
"""
GET_EXAMPLES = """
Examples:
  bridge config get url
  bridge config get url --profile prod
"""
LIST_EXAMPLES = """
Examples:
  bridge config list
  bridge config list --json
"""
USE_EXAMPLES = """
Examples:
  bridge config use prod
"""
REMOVE_EXAMPLES = """
Examples:
  bridge config remove old
"""
PATH_EXAMPLES = """
Examples:
  bridge config path
  cat "$(bridge config path)"
"""

_NONE_LEFT = "It was the only one: `bridge config set url wss://…` makes another."
_WITHOUT_CURRENT = "It was the current one: `bridge config use NAME` chooses another."
_DEFAULT_NOW = f"It was the current one; now that is `{DEFAULT}`: `bridge config use` names another."

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Keep endpoints in profiles.")

Setting = Annotated[str, typer.Argument(metavar="NAME", help=f"One of: {', '.join(SETTINGS)}.")]


def set_setting(
    name: Setting,
    value: Annotated[
        str | None, typer.Argument(metavar="VALUE", help="`-` reads standard input; a token only there.")
    ] = None,
    profile: Profile = None,
) -> None:
    """Keep a setting in a profile, which is made if need be.

    The file has mode 600. A token is read from standard input or asked for: on the command line others could
    see it.
    """
    from bridge_cli.endpoint import checked_url
    from bridge_cli.memory import checked_scope
    from bridge_cli.terminal import notice

    checked_setting(name)
    given = _value(name, value)
    if name == "url":
        given = checked_url(given)
    elif name == "recall":
        given = checked_scope(given)
    elif name == "auth":
        given = checked_auth(given)
    file = ProfileFile()
    file.close_to_others(notice)
    into = profile or file.current
    file.set(into, name, given)
    notice(f"{name} is kept in the profile {into} ({file.path}).")


def unset(name: Setting, profile: Profile = None) -> None:
    """Take a setting out of a profile."""
    file = ProfileFile()
    from_profile = profile or file.current
    file.profile(from_profile)
    file.set(from_profile, name, None)
    if not file.read()["profiles"][from_profile]:
        from bridge_cli.terminal import notice

        notice(f"{from_profile} is empty now. `bridge config remove {from_profile}` takes it away.")


def get(name: Setting, profile: Profile = None) -> None:
    """Print a setting; a token is masked."""
    file = ProfileFile()
    checked_setting(name)
    value = getattr(file.profile(profile or file.current), name)
    if value is None:
        raise NotConfigured(f"{name} is not set in the profile {profile or file.current}")
    typer.echo(masked(value) if name in SECRET_SETTINGS else value)


def list_profiles(as_json: AsJson = False) -> None:
    """List the profiles and their settings; tokens are masked."""
    import json

    file = ProfileFile()
    content = file.read()
    current = file.current
    profiles: dict[str, dict[str, Any]] = {
        name: {
            key: masked(str(value)) if key in SECRET_SETTINGS else value for key, value in settings.items()
        }
        for name, settings in content["profiles"].items()
    }
    if as_json:
        typer.echo(json.dumps({"current": current, "profiles": profiles}, ensure_ascii=False))
        return
    for name, settings in profiles.items():
        typer.echo(f"{name}{' (current)' if name == current else ''}")
        for key, value in settings.items():
            typer.echo(f"  {key} = {value}")
    if not profiles:
        from bridge_cli.terminal import notice

        notice("There is no profile yet. `bridge config set url wss://…` makes one.")


def use(profile: Annotated[str, typer.Argument(metavar="PROFILE", help="The profile's name.")]) -> None:
    """Use this profile where none is named."""
    ProfileFile().use(profile)


def remove(profile: Annotated[str, typer.Argument(metavar="PROFILE", help="The profile's name.")]) -> None:
    """Remove a profile with all its settings, its token too."""
    from bridge_cli.terminal import notice

    file = ProfileFile()
    was_current = file.remove(profile)
    left = file.read()["profiles"]
    what = ""
    if not left:
        what = _NONE_LEFT
    elif was_current:
        what = _DEFAULT_NOW if DEFAULT in left else _WITHOUT_CURRENT
    notice(f"The profile {profile} is gone. {what}".rstrip())


def path() -> None:
    """Print where the profiles are kept."""
    typer.echo(ProfileFile().path)


def _value(name: str, value: str | None) -> str:
    if name in SECRET_SETTINGS and value not in {None, "-"}:
        raise UsageError(
            f"a {name} does not belong on the command line, where others can see it",
            hint=f"Pipe it in: `… | bridge config set {name} -`, or leave it out to be asked.",
        )
    if value is None and sys.stdin.isatty():
        import getpass

        given = getpass.getpass(f"{name} (not shown): ") if name in SECRET_SETTINGS else input(f"{name}: ")
    elif value is None or value == "-":
        given = sys.stdin.read()
    else:
        given = value
    if not given.strip():
        raise UsageError(f"{name} would be empty", hint=f"`bridge config unset {name}` takes it out.")
    return given.strip()
