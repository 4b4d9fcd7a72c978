"""`bridge chat`: a conversation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bridge_cli.commands.options import Profile, Recall, Stack, System, TokenFile, Url, Why, chosen_endpoint
from bridge_cli.errors import UsageError

if TYPE_CHECKING:
    from bridge_cli.chatting import Manner
    from bridge_cli.endpoint import Endpoint

EXAMPLES = """
Examples:
  bridge chat
  bridge chat plans
  bridge chat --continue
  bridge chat plans --why --recall session
  bridge chat french --system @teacher.txt
  printf 'Hello.\\nAnd again?\\n' | bridge chat plans
"""


def chat(
    session: Annotated[
        str | None, typer.Argument(metavar="SESSION", help="The session to go on in, or to begin.")
    ] = None,
    go_on: Annotated[bool, typer.Option("--continue", "-c", help="Go on in the session used last.")] = False,
    model: Annotated[
        str | None, typer.Option("--model", "-m", metavar="MODEL", help="Another model.")
    ] = None,
    recall: Recall = None,
    system: System = None,
    why: Why = False,
    plain: Annotated[bool, typer.Option("--plain", help="Plain text on a terminal, too.")] = False,
    url: Url = None,
    token_file: TokenFile = None,
    profile: Profile = None,
    stack: Stack = None,
) -> None:
    """Talk with Claude in a session.

    Enter sends, Alt-Enter begins a new line, the arrow keys bring back what you typed before. Ctrl-C drops
    the line or cancels the answer (a second one does not wait for the bridge to say so), Ctrl-D leaves.
    /help lists the commands. In a pipe every line is a message, and Ctrl-C ends it all.

    --system gives the session instructions of its own, with the first message. They hold until others are
    named, and for this session only: not for one that /new begins.
    """
    import asyncio

    from bridge_cli import sessions
    from bridge_cli.chatting import Manner
    from bridge_cli.instructions import read_instructions

    if go_on and session:
        raise UsageError("--continue and a session's name exclude one another")
    if session:
        sessions.checked_name(session)
    instructions = read_instructions(system)
    endpoint = chosen_endpoint(url, token_file, profile, stack)
    name = sessions.last(endpoint) if go_on else session or sessions.new_name()
    manner = Manner(model or endpoint.model, recall or endpoint.recall, instructions, why, plain)
    raise typer.Exit(asyncio.run(_chat(endpoint, name, manner)))


async def _chat(endpoint: Endpoint, session: str, manner: Manner) -> int:
    from bridge_cli.chatting import Chat
    from bridge_cli.client import BridgeClient
    from bridge_cli.lines import line_reader
    from bridge_cli.terminal import notice

    async with BridgeClient(endpoint, notice=notice) as bridge:
        return await Chat(bridge, endpoint, session, manner).run(line_reader())
