"""`bridge top`: what happens, live."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bridge_cli.commands.logs import BridgeName
from bridge_cli.commands.options import AsJson, Profile, Stack

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge_cli.queue_depths import Depths
    from bridge_cli.top_figures import Figures

    Look = Callable[[], tuple[Depths, Figures, list[str]]]

EXAMPLES = """
Examples:
  bridge top
  bridge top --stack claude-context-bridge-prod --since 1h --interval 5
  bridge top --once
  bridge top --json | jq .dollars
"""

_FUNCTIONS = ("message", "answer", "remember")
_LAST = 15
_BESIDES = 12  # lines of the view that are no turns


def top(
    interval: Annotated[
        float, typer.Option("--interval", "-i", min=1, max=3600, help="Seconds between two looks.")
    ] = 2,
    once: Annotated[bool, typer.Option("--once", help="Look once, and end.")] = False,
    since: Annotated[
        str, typer.Option("--since", metavar="TIME", help="What to count: the last 90s, 15m, 2h, 1d.")
    ] = "15m",
    as_json: AsJson = False,
    bridge: BridgeName = None,
    profile: Profile = None,
    stack: Stack = None,
) -> None:
    """Show what happens: turns, times, tokens, dollars, errors, and the last turns, until Ctrl-C.

    Turns that wait, are in work or lie in the dead-letter queue are SQS's count; all else is counted from
    the functions' logs of the last minutes, which are some seconds behind: CloudWatch's metrics are by a
    minute. Tokens and dollars are those of turns and summaries. `First` is from the message's arrival to the
    first word, `Took` to the end.

    Where standard output is no terminal, and with --json, it looks once. It takes AWS credentials with
    cloudformation:ListStackResources on the stack, logs:FilterLogEvents on its log groups and
    sqs:GetQueueAttributes on its queues.
    """
    import sys
    from datetime import UTC, datetime

    from bridge_cli.log_reading import Tail
    from bridge_cli.looking_again import moment
    from bridge_cli.top_figures import Lately
    from bridge_cli.top_view import lines_of
    from bridge_cli.watching import watched

    now = datetime.now(UTC)
    begin = moment(since, now)
    found = watched(profile, stack, bridge)
    tail, lately = Tail(found.logs(_FUNCTIONS), begin), Lately(now - begin)
    title = f"{found.stack} · since {since}"

    def look(last: int = _LAST) -> tuple[Depths, Figures, list[str]]:
        depths = found.depths()
        now = datetime.now(UTC)
        figures = lately.figures(tail.look(), now)
        return depths, figures, lines_of(title, now, depths, figures, last)

    if as_json:
        _print_json(*look()[:2])
    elif once or not sys.stdout.isatty():
        typer.echo("\n".join(look()[2]))
    else:
        _live(look, interval)


def _live(look: Callable[[int], tuple[Depths, Figures, list[str]]], interval: float) -> None:
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    from bridge_cli.looking_again import again_and_again

    console = Console()
    with Live(console=console, auto_refresh=False) as live:

        def show() -> None:
            lines = look(max(1, console.height - _BESIDES))[2]
            live.update(Text("\n".join(lines), no_wrap=True, overflow="ellipsis"), refresh=True)

        again_and_again(show, 0.8 * interval, 1.2 * interval)


def _print_json(depths: Depths, figures: Figures) -> None:
    import json

    typer.echo(json.dumps({"queue": vars(depths), **figures.as_json()}, ensure_ascii=False))
