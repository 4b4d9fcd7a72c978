"""Options that several commands share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bridge_cli.memory import RecallScope

if TYPE_CHECKING:
    from bridge_cli.endpoint import Endpoint

AS_JSON = "bridge_cli.as_json"

Url = Annotated[
    str | None, typer.Option("--url", metavar="URL", help="The bridge's WebSocket URL (else BRIDGE_URL).")
]
TokenFile = Annotated[
    str | None,
    typer.Option("--token-file", metavar="FILE", help="A file that holds the token (else BRIDGE_TOKEN)."),
]
Profile = Annotated[
    str | None, typer.Option("--profile", "-p", metavar="NAME", help="A profile of `bridge config`.")
]
Stack = Annotated[
    str | None,
    typer.Option("--stack", metavar="NAME", help="A CloudFormation stack whose outputs tell the rest."),
]
Table = Annotated[
    str | None,
    typer.Option("--table", metavar="NAME", help="The sessions table, where no stack tells it."),
]
Recall = Annotated[
    RecallScope | None,
    typer.Option(
        "--recall",
        help="Where to look for what bears on the message: in all your sessions, in this one, nowhere "
        "(else the profile's `recall`, else the environment's).",
    ),
]
System = Annotated[
    str | None,
    typer.Option(
        "--system",
        metavar="TEXT|@FILE",
        help="The session's own instructions to Claude from this message on, behind the environment's; "
        '"" removes them.',
    ),
]
Why = Annotated[
    bool, typer.Option("--why", help="Tell on standard error what went into the prompt and what it cost.")
]


def chosen_endpoint(
    url: str | None, token_file: str | None, profile: str | None, stack: str | None
) -> Endpoint:
    """Return the endpoint that the options mean, and tell the person where not Claude answers there."""
    from bridge_cli.configuration import Choice, configure
    from bridge_cli.terminal import notice

    endpoint = configure(Choice(url, token_file, profile, stack), notice).endpoint()
    if endpoint.model_note:
        notice(endpoint.model_note)
    return endpoint


def _remember(context: typer.Context, value: bool) -> bool:
    if value:
        context.meta[AS_JSON] = True  # errors are printed as JSON, too
    return value


AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.", callback=_remember)]
