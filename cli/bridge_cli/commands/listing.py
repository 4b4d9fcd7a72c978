"""`bridge sessions` and `bridge history`: what the bridge remembers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridge_cli.commands.options import AsJson, Profile, Stack, TokenFile, Url, chosen_endpoint

if TYPE_CHECKING:
    from bridge_cli.endpoint import Endpoint
    from bridge_cli.events import Session
    from bridge_cli.exchanges import Exchange

SESSIONS_EXAMPLES = """
Examples:
  bridge sessions
  bridge sessions --all --json | jq -r '.sessions[].session_id'
  bridge sessions | cut -f1
"""

HISTORY_EXAMPLES = """
Examples:
  bridge history plans
  bridge history plans --limit 3
  bridge history plans --all --json > plans.json
"""

Limit = Annotated[int, typer.Option("--limit", "-n", min=1, max=50, help="So many on a page.")]
Before = Annotated[
    str | None,
    typer.Option("--before", metavar="MARK", help="The page before this mark (each page tells it)."),
]
All = Annotated[bool, typer.Option("--all", "-a", help="Everything, not one page.")]


def sessions(
    limit: Limit = 20,
    before: Before = None,
    everything: All = False,
    as_json: AsJson = False,
    url: Url = None,
    token_file: TokenFile = None,
    profile: Profile = None,
    stack: Stack = None,
) -> None:
    """List your sessions, the one used last first.

    In a pipe: tab-separated session, turns, last use (UTC) and title.
    """
    import asyncio

    endpoint = chosen_endpoint(url, token_file, profile, stack)
    listed, mark = asyncio.run(_sessions(endpoint, limit, before, everything))
    if as_json:
        _print_json({"sessions": [vars(one) for one in listed], "before": mark})
        return
    from bridge_cli.tables import print_sessions

    print_sessions(listed)
    _tell_mark(mark)


def history(
    session: Annotated[str, typer.Argument(metavar="SESSION", help="The session's name.")],
    limit: Limit = 20,
    before: Before = None,
    everything: All = False,
    as_json: AsJson = False,
    url: Url = None,
    token_file: TokenFile = None,
    profile: Profile = None,
    stack: Stack = None,
) -> None:
    """Show what was said in a session, oldest first: the last page, unless said otherwise.

    Below the last page, on standard error, stand the session's own instructions, if it has any.
    """
    import asyncio

    from bridge_cli.sessions import checked_name

    checked_name(session)
    endpoint = chosen_endpoint(url, token_file, profile, stack)
    exchanges, mark, system = asyncio.run(_history(endpoint, session, limit, before, everything))
    if as_json:
        told = [exchange.as_json() for exchange in exchanges]
        _print_json({"session_id": session, "exchanges": told, "before": mark, "system": system})
        return
    from bridge_cli.tables import print_exchanges

    print_exchanges(exchanges)
    _tell_instructions(system)
    _tell_mark(mark)


async def _sessions(
    endpoint: Endpoint, limit: int, before: str | None, everything: bool
) -> tuple[list[Session], str | None]:
    from bridge_cli.client import BridgeClient
    from bridge_cli.terminal import notice

    async with BridgeClient(endpoint, notice=notice) as bridge:
        listed, mark = await bridge.sessions(before=before, limit=limit)
        while everything and mark is not None:
            more, mark = await bridge.sessions(before=mark, limit=limit)
            listed += more
    return listed, mark


async def _history(
    endpoint: Endpoint, session: str, limit: int, before: str | None, everything: bool
) -> tuple[list[Exchange], str | None, str | None]:
    from bridge_cli.client import BridgeClient
    from bridge_cli.terminal import notice

    async with BridgeClient(endpoint, notice=notice) as bridge:
        page = await bridge.history_page(session, before=before, limit=limit)
        exchanges, mark = list(page.exchanges), page.before
        while everything and mark is not None:
            earlier, mark = await bridge.history(session, before=mark, limit=limit)
            exchanges = earlier + exchanges
    return exchanges, mark, page.system


def _print_json(told: dict[str, Any]) -> None:
    import json

    typer.echo(json.dumps(told, ensure_ascii=False))


def _tell_instructions(system: str | None) -> None:
    from bridge_cli.terminal import harmless, notice

    if system is not None:
        notice(f"The session's own instructions: {harmless(system)}")


def _tell_mark(mark: str | None) -> None:
    from bridge_cli.terminal import notice

    if mark is not None:
        notice(f"There is more: --before {mark}, or --all.")
