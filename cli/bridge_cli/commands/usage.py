"""`bridge usage`: tokens and dollars."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bridge_cli.commands.options import AsJson, Profile, Stack, TokenFile, Url, chosen_endpoint

if TYPE_CHECKING:
    from bridge_cli.endpoint import Endpoint
    from bridge_cli.spending import SessionUsage

EXAMPLES = """
Examples:
  bridge usage
  bridge usage plans
  bridge usage --json | jq .total.cost.dollars
  bridge usage | sort -t "$(printf '\\t')" -k8 -gr | head -3
"""

_PAGE = 50  # sessions; the most that the bridge tells at once


def usage(
    session: Annotated[
        str | None, typer.Argument(metavar="SESSION", help="Only this one, with its summaries.")
    ] = None,
    as_json: AsJson = False,
    url: Url = None,
    token_file: TokenFile = None,
    profile: Profile = None,
    stack: Stack = None,
) -> None:
    """Tell what your sessions took, in tokens and dollars.

    That is: tokens by kind, the cache's share of the input, and dollars, of each session that has not expired
    and of all together. The dollars are those of the environment's prices; beside them stands what the same
    would have cost without the prompt cache. What summaries took is told only of a session that is named.

    In a pipe: tab-separated session, turns, tokens of input that were new, written to the cache and read from
    it, tokens of output, the cache's share, dollars, dollars without the cache, and title; the total goes to
    standard error.
    """
    import asyncio

    from bridge_cli.sessions import checked_name
    from bridge_cli.spending import total

    if session:
        checked_name(session)
    endpoint = chosen_endpoint(url, token_file, profile, stack)
    used = asyncio.run(_usage(endpoint, session))
    summed = total(used)
    if as_json:
        import json

        told = {"sessions": [one.as_json() for one in used], "total": summed.as_json()}
        typer.echo(json.dumps(told, ensure_ascii=False))
        return
    from bridge_cli.tables import print_usage

    print_usage(used, summed)


async def _usage(endpoint: Endpoint, session: str | None) -> list[SessionUsage]:
    from bridge_cli.client import BridgeClient
    from bridge_cli.terminal import notice

    async with BridgeClient(endpoint, notice=notice) as bridge:
        if session is not None:
            used, _ = await bridge.usage(session)
            return used
        used, mark = await bridge.usage(limit=_PAGE)
        while mark is not None:
            more, mark = await bridge.usage(before=mark, limit=_PAGE)
            used += more
    return used
