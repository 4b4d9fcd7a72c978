"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

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


def _remember(context: typer.Context, value: bool) -> bool:
    if value:
        context.meta[AS_JSON] = True  # errors are printed as JSON, too
    return value


AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.", callback=_remember)]
