"""`bridge key`: the Anthropic key, into its secret and nowhere else."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from bridge_cli.commands.options import Profile, Stack
from bridge_cli.errors import NotConfigured, UsageError

if TYPE_CHECKING:
    from bridge_cli.configuration import Configuration

SET_EXAMPLES = """
Examples:
  bridge key set --stack claude-context-bridge-prod
  ANTHROPIC_API_KEY=… bridge key set
  pass show anthropic | bridge key set - --profile prod
"""

_SANE_LENGTH = range(20, 513)
_PREFIX = "sk-ant-"

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Give the bridge its key for Claude.")


def set_key(
    source: Annotated[
        str | None, typer.Argument(metavar="-", help="`-` reads the key from standard input.")
    ] = None,
    secret: Annotated[
        str | None, typer.Option("--secret", metavar="ARN", help="The key's secret, where no stack tells it.")
    ] = None,
    profile: Profile = None,
    stack: Stack = None,
) -> None:
    """Put the Anthropic key into the environment's secret.

    The key comes from ANTHROPIC_API_KEY, else from what is piped in, else it is asked for and not shown;
    never from the command line, where others could see it. Running functions notice it within minutes.

    Where secrets are kept in Parameter Store, the parameter is made, and another one with a new key that
    signs tokens, unless there is one. They stay when the stack goes: `aws ssm delete-parameters`. On Bedrock
    no key is needed, and none is asked for.
    """
    from bridge_cli.configuration import Choice, configure
    from bridge_cli.terminal import notice

    if source not in {None, "-"}:
        raise UsageError(
            "a key does not belong on the command line, where others can see it",
            hint="Set ANTHROPIC_API_KEY, pipe it in (`bridge key set -`) or type it. Renew this one.",
        )
    found = configure(Choice(profile=profile, stack=stack), notice)
    arn = secret or found.anthropic_secret()
    if not arn and found.output("Provider") == "bedrock":
        _make_signing_key(found)
        notice("Claude is asked on Amazon Bedrock here, by the functions' roles: no key is needed.")
        return
    if not arn:
        raise NotConfigured(
            "it is not known which secret the key belongs into",
            hint="Name the stack (--stack claude-context-bridge-prod) or the secret (--secret ARN).",
        )
    key, origin = _read_key(piped=source is not None)
    for doubt in doubts(key):
        notice(f"Warning: {doubt}")
    found.aws.put_secret(arn, key)
    notice(f"The key from {origin} is in {arn}.")
    if not secret:
        _make_signing_key(found)


def _make_signing_key(found: Configuration) -> None:
    """Make the key that signs tokens where a deployment could not, and there is none yet."""
    from bridge_cli import parameters
    from bridge_cli.terminal import notice

    arn = found.signing_secret()
    if arn and parameters.is_parameter(arn) and parameters.make_signing_key(found.aws, arn):
        notice(f"A new key that signs tokens is in {arn}.")


def doubts(key: str) -> list[str]:
    """Return what is unusual about a key, without telling it. Raises UsageError for what cannot be one."""
    if not key:
        raise UsageError("there is no key", hint="Set ANTHROPIC_API_KEY, pipe it in, or type it when asked.")
    if any(character.isspace() or not character.isprintable() for character in key) or not key.isascii():
        raise UsageError("this is no key: it holds spaces, line breaks or characters that no key has")
    if key == "unset":
        raise UsageError("this is no key", hint="`unset` is what the secret holds until there is one.")
    found = []
    if not key.startswith(_PREFIX):
        found.append(f"a key of Anthropic's begins with {_PREFIX}; fine for a compatible server.")
    if len(key) not in _SANE_LENGTH:
        found.append(f"it has {len(key)} characters; a key of Anthropic's has about a hundred.")
    return found


def _read_key(*, piped: bool) -> tuple[str, str]:
    if not piped and (key := os.environ.get("ANTHROPIC_API_KEY", "").strip()):
        return key, "ANTHROPIC_API_KEY"
    if piped or not sys.stdin.isatty():
        return sys.stdin.read().strip(), "standard input"
    import getpass

    return getpass.getpass("Anthropic key (not shown): ").strip(), "the prompt"
