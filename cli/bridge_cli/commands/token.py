"""`bridge token`: tokens for those who may read the signing secret, and what voids them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bridge_cli.commands.options import AsJson, Profile, Stack, Table
from bridge_cli.errors import NotConfigured, UsageError

if TYPE_CHECKING:
    from bridge_cli.revoking import Revocations

CREATE_EXAMPLES = """
Examples:
  bridge token create --owner ada --stack claude-context-bridge-prod
  BRIDGE_TOKEN=$(bridge token create --owner ci --expires 30m) bridge ask "Hello?"
  bridge token create --owner ada --expires 7d | bridge config set token - -p prod
  bridge token create --owner ada --json | jq -r .id
"""
REVOKE_EXAMPLES = """
Examples:
  bridge token revoke --owner ada --id 5f0c2e9a7d6b4c1f8a3e --stack claude-context-bridge-prod
  bridge token revoke --owner ada
  bridge token revoke --owner ada --before 2026-11-22T19:30:00Z
"""
REVOKED_EXAMPLES = """
Examples:
  bridge token revoked --owner ada --stack claude-context-bridge-prod
"""

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Make tokens that let somebody in.")

Owner = Annotated[str, typer.Option("--owner", "-o", metavar="NAME", help="Whose tokens.")]


def create(
    owner: Annotated[str, typer.Option("--owner", "-o", metavar="NAME", help="Whose sessions it opens.")],
    expires: Annotated[
        str, typer.Option("--expires", metavar="TIME", help="How long it is good for: 30m, 24h, 7d.")
    ] = "24h",
    secret: Annotated[
        str | None,
        typer.Option("--secret", metavar="ARN", help="The signing secret, where no stack tells it."),
    ] = None,
    as_json: AsJson = False,
    profile: Profile = None,
    stack: Stack = None,
) -> None:
    """Print a new token, and nothing else.

    It is signed with the environment's signing secret, which your AWS credentials must be allowed to read
    (`secretsmanager:GetSecretValue`, or `ssm:GetParameter` where it is a parameter). Whoever holds the token
    speaks as its owner until it expires, or is revoked: its id, by which it can be, goes to standard error.
    """
    from bridge_cli import tokens
    from bridge_cli.configuration import Choice, configure
    from bridge_cli.terminal import notice

    lifetime = tokens.seconds_of(expires)
    tokens.checked_owner(owner)
    found = configure(Choice(profile=profile, stack=stack), notice)
    arn = secret or found.signing_secret()
    if not arn and (auth := found.output("Auth")) in {"iam", "none"}:
        raise NotConfigured(
            f"auth is {auth} here: there are no tokens",
            hint="AWS credentials let one in: set BRIDGE_AUTH=iam, or name the stack."
            if auth == "iam"
            else "Nobody needs one: `bridge ask` goes without.",
        )
    if not arn:
        raise NotConfigured(
            "it is not known which secret signs tokens",
            hint="Name the stack (--stack claude-context-bridge-prod) or the secret (--secret ARN).",
        )
    token = tokens.mint(found.aws.signing_key(arn), owner, lifetime)
    claims = tokens.read(token)
    if as_json:
        _print_json(
            {"token": token, "id": claims.token_id, "owner": owner, "expires": int(claims.expires or 0)}
        )
        return
    typer.echo(token)
    notice(f"Its id, for `bridge token revoke`: {claims.token_id}. It expires {claims.expires_at}.")


def revoke(
    owner: Owner,
    token_ids: Annotated[
        list[str] | None, typer.Option("--id", metavar="ID", help="Only this token (repeatable).")
    ] = None,
    before: Annotated[
        str | None,
        typer.Option("--before", metavar="TIME", help="Only those issued before this (UTC); else now."),
    ] = None,
    table: Table = None,
    profile: Profile = None,
    stack: Stack = None,
) -> None:
    """Void an owner's tokens: all that were issued up to now, those before a moment, or single ones.

    They are refused at once where a connection is opened, and within a minute on connections that are open.
    It cannot be taken back; whoever shall go on gets a new token. It takes AWS credentials that may write to
    the sessions table (`dynamodb:UpdateItem`).
    """
    from bridge_cli import tokens
    from bridge_cli.terminal import notice

    tokens.checked_owner(owner)
    if token_ids and before is not None:
        raise UsageError("--id and --before are two ways to say which tokens", hint="Give one of them.")
    chosen = [tokens.checked_id(one) for one in dict.fromkeys(token_ids or ())]
    moment = tokens.moment_of(before) if before is not None else None
    revocations = _revocations(table, profile, stack)
    if chosen:
        revocations.revoke(owner, chosen)
        notice(f"Void from now on, of {owner}: {', '.join(chosen)}.")
        return
    good_from = _revoke_before(revocations, owner, moment)
    if moment is not None and good_from > moment:
        notice(f"All tokens of {owner} issued before {tokens.utc(good_from)} were void already.")
    else:
        notice(f"Void from now on: all tokens of {owner} issued before {tokens.utc(good_from)}.")


def revoked(
    owner: Owner,
    as_json: AsJson = False,
    table: Table = None,
    profile: Profile = None,
    stack: Stack = None,
) -> None:
    """Tell which of an owner's tokens were revoked.

    A line for those issued before a moment, if that was asked for, and one with the id of each that was
    revoked by itself.
    """
    from bridge_cli import tokens

    tokens.checked_owner(owner)
    found = _revocations(table, profile, stack).read(owner)
    if as_json:
        _print_json({"owner": owner, "before": found.before, "tokens": list(found.tokens)})
        return
    if found.before is not None:
        typer.echo(f"issued before {tokens.utc(found.before)}")
    for token_id in found.tokens:
        typer.echo(token_id)
    if found.before is None and not found.tokens:
        from bridge_cli.terminal import notice

        notice(f"No token of {owner} was revoked.")


def _revoke_before(revocations: Revocations, owner: str, moment: int | None) -> int:
    """Void what was issued before a moment, or up to now; return from when on tokens are good.

    A token's time of issue is in whole seconds. Where this second's are void, too, it waits for the next one:
    a token that is made afterwards is good.
    """
    import time

    if moment is not None:
        return revocations.revoke_before(owner, moment)
    good_from = revocations.revoke_before(owner, int(time.time()) + 1)
    time.sleep(max(0.0, min(1.0, good_from - time.time())))
    return good_from


def _revocations(table: str | None, profile: str | None, stack: str | None) -> Revocations:
    from bridge_cli.configuration import Choice, configure
    from bridge_cli.revoking import Revocations
    from bridge_cli.terminal import notice

    found = configure(Choice(profile=profile, stack=stack), notice)
    name = table or found.needed(
        "SessionsTable", "which table holds the sessions", "the table (--table NAME)"
    )
    if found.output("Auth") in {"iam", "none"}:
        notice(f"Mind that this environment takes no tokens: its `auth` is {found.output('Auth')}.")
    return Revocations(found.aws.client("dynamodb"), name)


def _print_json(told: dict[str, object]) -> None:
    import json

    typer.echo(json.dumps(told, ensure_ascii=False))
