"""`bridge recall` and `bridge forget`: what the bridge would remember, and what it shall not."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from bridge_cli.commands.options import AsJson, Profile, Stack, TokenFile, Url, chosen_endpoint
from bridge_cli.errors import UsageError

if TYPE_CHECKING:
    from bridge_cli.endpoint import Endpoint
    from bridge_cli.memory import Memory

RECALL_EXAMPLES = """
Examples:
  bridge recall "the trip to Lisbon"
  bridge recall "launch code word" --session plans --limit 3
  bridge recall - --json < notes.txt | jq -r '.memories[].text'
"""

FORGET_EXAMPLES = """
Examples:
  bridge forget plans
  bridge forget plans chat-m36wydxg --yes
"""


def recall(
    text: Annotated[
        str | None, typer.Argument(metavar="TEXT", help="What it is about; `-` reads standard input.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=50, help="At most so many.")] = 10,
    session: Annotated[
        str | None, typer.Option("--session", "-s", metavar="NAME", help="Only what was said in this one.")
    ] = None,
    as_json: AsJson = False,
    url: Url = None,
    token_file: TokenFile = None,
    profile: Profile = None,
    stack: Stack = None,
) -> None:
    """Show what the bridge remembers about something.

    What bears on it most comes first, with its session and when it was said. It looks through all that you
    and Claude said, also in sessions that have expired, as long as the environment keeps it. Of a long
    message the passage that matches is shown. Claude is not asked; it costs no tokens.
    """
    import asyncio

    from bridge_cli.question import read_question
    from bridge_cli.sessions import checked_name

    if session:
        checked_name(session)
    about = read_question(text, what="text", hint='`bridge recall "the trip to Lisbon"`, or pipe it in.')
    endpoint = chosen_endpoint(url, token_file, profile, stack)
    memories = asyncio.run(_recall(endpoint, about, limit, session))
    if as_json:
        import json

        typer.echo(json.dumps({"memories": [vars(one) for one in memories]}, ensure_ascii=False))
        return
    from bridge_cli.tables import print_memories

    print_memories(memories)


def forget(
    names: Annotated[list[str], typer.Argument(metavar="NAME", help="The sessions' names.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask whether that is meant.")] = False,
    as_json: AsJson = False,
    url: Url = None,
    token_file: TokenFile = None,
    profile: Profile = None,
    stack: Stack = None,
) -> None:
    """Forget sessions for good.

    What was said in them goes, their summaries, and what is recalled from them. It cannot be undone. On a
    terminal you are asked first; without one it takes --yes. The exit code is 1 where there was nothing under
    a name.
    """
    import asyncio

    from bridge_cli.sessions import checked_name

    chosen = [checked_name(name) for name in dict.fromkeys(names)]
    endpoint = chosen_endpoint(url, token_file, profile, stack)
    if not yes and not _confirmed(chosen):
        from bridge_cli.terminal import notice

        notice("Nothing was forgotten.")
        raise typer.Exit(1)
    gone = asyncio.run(_forget(endpoint, chosen, show=not as_json))
    if as_json:
        import json

        forgotten = [{"session_id": name, "exchanges": count} for name, count in gone.items()]
        typer.echo(json.dumps({"forgotten": forgotten}))
    raise typer.Exit(1 if 0 in gone.values() else 0)


def _confirmed(names: list[str]) -> bool:
    if not _on_terminal():
        raise UsageError(
            "what is forgotten cannot be had back, and here nobody can be asked",
            hint="Say --yes if it is meant.",
        )
    return typer.confirm(f"Forget {', '.join(names)} for good?", err=True)


def _on_terminal() -> bool:
    return sys.stdin.isatty()


async def _recall(endpoint: Endpoint, text: str, limit: int, session: str | None) -> list[Memory]:
    from bridge_cli.client import BridgeClient
    from bridge_cli.terminal import notice

    async with BridgeClient(endpoint, notice=notice) as bridge:
        return await bridge.recall(text, limit, session)


async def _forget(endpoint: Endpoint, names: list[str], *, show: bool) -> dict[str, int | None]:
    """Forget one after the other, and tell each at once: what comes later may fail."""
    from bridge_cli import sessions
    from bridge_cli.client import BridgeClient
    from bridge_cli.terminal import notice

    gone: dict[str, int | None] = {}
    async with BridgeClient(endpoint, notice=notice) as bridge:
        for name in names:
            gone[name] = await bridge.forget(name)
            sessions.drop(endpoint, name)
            if show:
                notice(_told(name, gone[name]))
    return gone


def _told(name: str, exchanges: int | None) -> str:
    if exchanges is None:
        return f"Nothing is left under {name}; the connection broke off before it said how much that was."
    if exchanges == 0:
        return f"There was nothing under {name}. `bridge sessions` lists what there is."
    return f"Forgot {name}: {exchanges:,} exchange{'' if exchanges == 1 else 's'}."
