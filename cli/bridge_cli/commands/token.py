"""`bridge token`: tokens for those who may read the signing secret."""

from __future__ import annotations

from typing import Annotated

import typer

from bridge_cli.commands.options import Profile, Stack
from bridge_cli.errors import NotConfigured

CREATE_EXAMPLES = """
Examples:
  bridge token create --owner ada --stack claude-context-bridge-prod
  BRIDGE_TOKEN=$(bridge token create --owner ci --expires 30m) bridge ask "Hello?"
  bridge token create --owner ada --expires 7d | bridge config set token - -p prod
"""

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Make tokens that let somebody in.")


def create(
    owner: Annotated[str, typer.Option("--owner", "-o", metavar="NAME", help="Whose sessions it opens.")],
    expires: Annotated[
        str, typer.Option("--expires", metavar="TIME", help="How long it is good for: 30m, 24h, 7d.")
    ] = "24h",
    secret: Annotated[
        str | None,
        typer.Option("--secret", metavar="ARN", help="The signing secret, where no stack tells it."),
    ] = None,
    profile: Profile = None,
    stack: Stack = None,
) -> None:
    """Print a new token, and nothing else.

    It is signed with the environment's signing secret, which your AWS credentials must be allowed to read
    (`secretsmanager:GetSecretValue`). Whoever holds the token speaks as its owner until it expires.
    """
    from bridge_cli import tokens
    from bridge_cli.configuration import Choice, configure
    from bridge_cli.terminal import notice

    lifetime = tokens.seconds_of(expires)
    tokens.checked_owner(owner)
    found = configure(Choice(profile=profile, stack=stack), notice)
    arn = secret or found.signing_secret()
    if not arn:
        raise NotConfigured(
            "it is not known which secret signs tokens",
            hint="Name the stack (--stack claude-context-bridge-prod) or the secret (--secret ARN).",
        )
    signing_secret = found.aws.secret(arn)
    if not signing_secret:
        raise NotConfigured(f"the secret {arn} is empty", hint="Is it the signing secret?")
    typer.echo(tokens.mint(signing_secret, owner, lifetime))
