"""`bridge local`, where the extra that brings it is not installed."""

from __future__ import annotations

from typing import Annotated

import typer

from bridge_cli.errors import NotConfigured

EXAMPLES = """
Examples:
  pip install '.[local]'   # in a clone of the bridge
  bridge local up
"""


def missing(
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="COMMAND", help="up, down or status.")
    ] = None,
) -> None:
    """Run AWS and the bridge on this machine (an extra that is not installed)."""
    del arguments
    raise NotConfigured(
        "`bridge local` is an extra that is not installed",
        hint="In a clone of the bridge: pip install '.[local]'",
    )
