"""`bridge dead-letters`: turns that could not be worked on, and how they get back in line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridge_cli.commands.options import AsJson, Profile, Stack

if TYPE_CHECKING:
    from bridge_cli.dead_letters import DeadLetter, DeadLetters

LIST_EXAMPLES = """
Examples:
  bridge dead-letters list --stack claude-context-bridge-prod
  bridge dead-letters list --json | jq -r '.dead_letters[].owner' | sort | uniq -c
"""
REDRIVE_EXAMPLES = """
Examples:
  bridge dead-letters redrive --stack claude-context-bridge-prod
  bridge dead-letters redrive --no-wait
"""

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="See turns that could not be worked on, and move them."
)

QueueUrl = Annotated[
    str | None,
    typer.Option("--queue", metavar="URL", help="The dead-letter queue, where no stack tells it."),
]


def list_letters(
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="At most so many.")] = 100,
    show_text: Annotated[bool, typer.Option("--show-text", help="Show what the owners wrote, too.")] = False,
    as_json: AsJson = False,
    queue: QueueUrl = None,
    profile: Profile = None,
    stack: Stack = None,
) -> None:
    """List the turns that stand in the dead-letter queue.

    They were delivered three times, and not even their failure could be recorded: their sessions hold nothing
    of them, and their owners got no answer. After 14 days they are gone.

    It takes AWS credentials that may receive from the queue. Looking hides them from others for a moment, and
    counts as a delivery. In a pipe: tab-separated owner, session, request_id, when it was accepted (or else
    first delivered, UTC), deliveries, and with --show-text the message on one line.
    """
    from bridge_cli.terminal import notice

    letters, more = _queue(queue, profile, stack).look(limit)
    if as_json:
        _print_json({"dead_letters": [one.as_json(show_text=show_text) for one in letters], "more": more})
        return
    _print(letters, show_text=show_text)
    if more and len(letters) == limit:
        notice(f"There are about {more:,} more: --limit.")
    elif more:
        notice(
            f"There are about {more:,} more that SQS does not show before others of their sessions are gone."
        )
    elif not letters:
        notice("No turn stands in the dead-letter queue.")


def redrive(
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Do not wait until all are moved.")] = False,
    as_json: AsJson = False,
    queue: QueueUrl = None,
    profile: Profile = None,
    stack: Stack = None,
) -> None:
    """Move what stands in the dead-letter queue back in line.

    Mend first what stopped them: else they come back. SQS moves them (StartMessageMoveTask), in their order.
    A turn that was answered after all is not asked again, and one that had begun is recorded as failed: its
    owner may ask again. Ctrl-C ends the waiting and not the move.
    """
    from bridge_cli.dead_letters import follow
    from bridge_cli.terminal import notice

    look = _queue(queue, profile, stack).move_back()
    if look is None:
        notice("There is nothing to move: no turn stands in the dead-letter queue.")
        if as_json:
            _print_json({"moved": 0})
        return
    if no_wait:
        notice("SQS moves them. `bridge dead-letters list` tells what is left.")
        if as_json:
            _print_json({"moved": None})
        return
    moved = follow(look, notice)
    if as_json:
        _print_json({"moved": moved})
    else:
        typer.echo(f"Moved {moved:,} back in line.")


def _queue(url: str | None, profile: str | None, stack: str | None) -> DeadLetters:
    from bridge_cli.configuration import Choice, configure
    from bridge_cli.dead_letters import DeadLetters
    from bridge_cli.terminal import notice

    found = configure(Choice(profile=profile, stack=stack), notice)
    named = url or found.needed(
        "DeadLetterQueueUrl", "which queue holds the dead letters", "the queue (--queue URL)"
    )
    return DeadLetters(found.aws.client("sqs"), named)


def _print(letters: list[DeadLetter], *, show_text: bool) -> None:
    import sys

    from bridge_cli.terminal import harmless

    if not sys.stdout.isatty():
        for one in letters:
            texts = [_one_line(one.text)] if show_text else []
            at = one.accepted or one.received
            print(*_or_empty(one.owner, one.session_id, one.request_id, at, one.deliveries), *texts, sep="\t")
        return
    if not letters:
        return
    from rich.console import Console
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    from bridge_cli.tables import local_time

    # Text, not markup: names and messages are what somebody typed
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("Owner", overflow="fold")
    table.add_column("Session", overflow="fold")
    table.add_column("Request", no_wrap=True)
    table.add_column("Accepted", no_wrap=True)
    table.add_column("Deliveries", justify="right")
    for one in letters:
        cells = [Text(harmless(cell)) for cell in _or_empty(one.owner, one.session_id, one.request_id)]
        table.add_row(*cells, local_time(one.accepted or one.received or ""), str(one.deliveries))
    console = Console()
    console.print(table)
    for one in letters if show_text else ():
        console.print()
        console.print(Text(harmless(one.request_id or one.message_id), style="bold"))
        console.print(Padding(Text(harmless(one.text or "")), (0, 0, 0, 2)))


def _or_empty(*values: object) -> list[str]:
    return ["" if value is None else str(value) for value in values]


def _one_line(text: str | None) -> str:
    return " ".join((text or "").split())


def _print_json(told: dict[str, Any]) -> None:
    import json

    typer.echo(json.dumps(told, ensure_ascii=False))
