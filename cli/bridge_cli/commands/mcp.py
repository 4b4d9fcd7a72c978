"""`bridge mcp`: the bridge as tools for another AI."""

from __future__ import annotations

import signal
import sys
from typing import Annotated

import typer

from bridge_cli.commands.options import Profile, Stack, TokenFile, Url
from bridge_cli.errors import NotConfigured
from bridge_cli.memory import RecallScope

EXAMPLES = """
Examples:
  claude mcp add bridge -- bridge mcp
  claude mcp add bridge -- bridge mcp --profile prod --session claude-code
  bridge mcp --recall owner
"""


def mcp(
    session: Annotated[
        str | None,
        typer.Option("--session", "-s", metavar="NAME", help="Its session (else a new one each time)."),
    ] = None,
    recall: Annotated[
        RecallScope | None,
        typer.Option(
            "--recall",
            help="Where `ask` looks for what bears on a message: in all your sessions, in its own, nowhere "
            "(else the profile's `recall`, else its own).",
        ),
    ] = None,
    url: Url = None,
    token_file: TokenFile = None,
    profile: Profile = None,
    stack: Stack = None,
) -> None:
    """Serve the bridge to another AI, as MCP tools.

    You do not run it: an MCP client such as Claude Code does, and speaks to it over standard input and
    output. It offers the tools ask, recall, sessions, history and forget. Each server begins a session of its
    own, and its questions look there only, so that two AIs do not hear of each other; --session and --recall
    (or the profile's `recall`) change that. Standard output carries nothing but the protocol, standard error
    the log.
    """
    try:
        from bridge_cli.mcp_server.server import make_server
    except ImportError as error:  # nothing that it needs is installed, or another version of it
        raise NotConfigured(
            "`bridge mcp` is an extra that is not installed",
            hint="In a clone of the bridge: pip install '.[mcp]'",
        ) from error
    from bridge_cli.configuration import Choice, configure
    from bridge_cli.endpoint import Endpoint
    from bridge_cli.sessions import checked_name, new_name
    from bridge_cli.terminal import notice

    choice = Choice(url, token_file, profile, stack)
    name = checked_name(session) if session else new_name("mcp")

    def find() -> Endpoint:
        return configure(choice, notice).endpoint()

    if sys.stdin.isatty():
        notice("This waits for an MCP client. Add it to one: claude mcp add bridge -- bridge mcp")
    # Ctrl-C, which clients send, too, ends it at once: Python's own way would wait for another line of input.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    make_server(find, name, recall).run("stdio")
