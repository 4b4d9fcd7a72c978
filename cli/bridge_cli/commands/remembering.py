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
  bridge forget --everything
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
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME", help="The sessions' names.", show_default=False)
    ] = None,
    everything: Annotated[
        bool, typer.Option("--everything", help="All that you ever said, in all sessions.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask whether that is meant.")] = False,
    as_json: AsJson = False,
    url: Url = None,
    token_file: TokenFile = None,
    profile: Profile = None,
    stack: Stack = None,
) -> None:
    """Forget sessions for good, or everything.

    What was said in them goes, their summaries, and what is recalled from them. It cannot be undone: to
    imports of an older export, too, what was forgotten stays closed for up to 18 days. On a terminal you are
    asked first (for everything, to type whose it is); without one it takes --yes. The exit code is 1 where
    there was nothing under a name.
    """
    import asyncio

    chosen = _chosen(names or [], everything=everything)
    endpoint = chosen_endpoint(url, token_file, profile, stack)
    if not yes and not (_confirmed_everything(endpoint) if everything else _confirmed(chosen)):
        from bridge_cli.terminal import notice

        notice("Nothing was forgotten.")
        raise typer.Exit(1)
    if everything:
        count = asyncio.run(_forget_everything(endpoint, show=not as_json))
        if as_json:
            import json

            typer.echo(json.dumps({"forgotten": [{"session_id": None, "exchanges": count}]}))
        return
    gone = asyncio.run(_forget(endpoint, chosen, show=not as_json))
    if as_json:
        import json

        forgotten = [{"session_id": name, "exchanges": count} for name, count in gone.items()]
        typer.echo(json.dumps({"forgotten": forgotten}))
    raise typer.Exit(1 if 0 in gone.values() else 0)


_STAYS_CLOSED = "What is forgotten stays closed to imports of an older export for up to 18 days."


def _chosen(names: list[str], *, everything: bool) -> list[str]:
    from bridge_cli.sessions import checked_name

    named = [name for name in dict.fromkeys(names) if name.strip()]  # a variable in a script may be empty
    if everything and named:
        raise UsageError("--everything and a session's name exclude one another")
    if not everything and not named:
        raise UsageError(
            "there is no session to forget",
            hint="Name one or several: `bridge forget NAME`; `bridge sessions` lists them. "
            "All of them, and what expired ones left: `bridge forget --everything`.",
        )
    return [checked_name(name) for name in named]


def _confirmed_everything(endpoint: Endpoint) -> bool:
    """Have the person type whose memory it is: the danger is another endpoint or owner than was meant."""
    from bridge_cli.terminal import harmless, notice

    _check_that_somebody_can_be_asked()
    owner = _owner(endpoint)
    whose = f"{harmless(owner)} ever said" if owner else "was ever said with your identity"
    notice(f"This forgets everything that {whose} at {endpoint.url}, for good: every session and memory.")
    notice(_STAYS_CLOSED)
    word = owner or "everything"
    typed: str = typer.prompt(f"To go on, type {harmless(word)}", default="", show_default=False, err=True)
    return typed.strip() == word


def _owner(endpoint: Endpoint) -> str:
    """Return whom the token speaks for; empty where there is none that says so."""
    from bridge_cli import tokens

    try:
        return tokens.read((None if endpoint.sign else endpoint.token()) or "").owner
    except ValueError:
        return ""


def _confirmed(names: list[str]) -> bool:
    _check_that_somebody_can_be_asked()
    from bridge_cli.terminal import notice

    notice(_STAYS_CLOSED)
    return typer.confirm(f"Forget {', '.join(names)} for good?", err=True)


def _check_that_somebody_can_be_asked() -> None:
    if not _on_terminal():
        raise UsageError(
            "what is forgotten cannot be had back, and here nobody can be asked",
            hint="Say --yes if it is meant.",
        )


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


async def _forget_everything(endpoint: Endpoint, *, show: bool) -> int | None:
    from bridge_cli import places, sessions
    from bridge_cli.client import BridgeClient
    from bridge_cli.terminal import notice

    async with BridgeClient(endpoint, notice=notice) as bridge:
        count = await bridge.forget_everything()
    sessions.drop(endpoint, None)
    if show:
        how_many = "" if count is None else f": {count:,} exchange{'' if count == 1 else 's'}"
        notice(f"Everything is forgotten{how_many}.")
        if (typed := places.chat_input_file()).exists():
            notice(f"What was typed into `bridge chat` on this machine is still in {typed}.")
    return count


def _told(name: str, exchanges: int | None) -> str:
    if exchanges is None:
        return f"Nothing is left under {name}; the connection broke off before it said how much that was."
    if exchanges == 0:
        # A first turn that is under way and a name that never was are the same to the bridge.
        return (
            f"Nothing was kept under {name} yet; a message of it that was under way is dropped. "
            "Is the name right? `bridge sessions` lists what there is."
        )
    return f"Forgot {name}: {exchanges:,} exchange{'' if exchanges == 1 else 's'}."
