"""`bridge logs`: what the functions logged, or one turn's way through all of them."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from bridge_cli.commands.options import AsJson, Profile, Stack

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge_cli.log_lines import Line
    from bridge_cli.log_reading import CloudWatch

EXAMPLES = """
Examples:
  bridge logs --follow
  bridge logs 9f0e4c1e-4df5-4f0e-8f5d-2f6f6a0a8e11
  bridge logs --since 1d --function answer --level warning
  bridge logs --since 1h --json | jq -r 'select(.fields.code) | .fields.code' | sort | uniq -c
"""

_PAUSES = (1.0, 2.0)  # seconds


class FunctionName(StrEnum):
    """A function of the bridge."""

    connect = "connect"
    message = "message"
    answer = "answer"
    remember = "remember"
    disconnect = "disconnect"


class Level(StrEnum):
    """How grave a line is."""

    debug = "debug"
    info = "info"
    warning = "warning"
    error = "error"


BridgeName = Annotated[
    str | None,
    typer.Option(
        "--bridge",
        metavar="NAME",
        help="Of several bridges in the stack, the one with this in its logical id.",
    ),
]


def logs(
    request_id: Annotated[
        str | None,
        typer.Argument(
            metavar="REQUEST_ID",
            help="Only this turn, through all functions, with its connections (or its `claude_request_id`).",
        ),
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with what comes, until Ctrl-C.")
    ] = False,
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            metavar="TIME",
            help="From when on: 90s, 15m, 2h, 1d ago, or an ISO 8601 time. [15m; of a turn: 1d]",
        ),
    ] = None,
    function: Annotated[
        list[FunctionName] | None,
        typer.Option("--function", help="Only what this function says; may be repeated."),
    ] = None,
    level: Annotated[
        Level,
        typer.Option("--level", help="Only what is as grave as this; Lambda's own lines come with `debug`."),
    ] = Level.info,
    as_json: AsJson = False,
    bridge: BridgeName = None,
    profile: Profile = None,
    stack: Stack = None,
) -> None:
    """Show what the functions logged, in the order of time.

    With REQUEST_ID, one turn from its frame to its place in the memory: where it came in, how its answer
    ended (with `claude_request_id`, which is what Claude's API calls it), when the memory and the summary
    took it in, and when its connections were opened and closed. `bridge ask --json` and `bridge history
    --json` tell the REQUEST_ID.

    It takes AWS credentials with cloudformation:ListStackResources on the stack and logs:FilterLogEvents on
    its log groups. A line shows up some seconds after it was written. Nobody's messages are in the logs. With
    --json: an object on each line, with time, bridge, function, level, message, and the rest under `fields`.
    """
    from datetime import UTC, datetime

    from bridge_cli.log_reading import Tail, Turn
    from bridge_cli.looking_again import again_and_again, moment
    from bridge_cli.watching import watched

    wanted = [name.value for name in function or ()]
    begin = moment(since or ("1d" if request_id else "15m"), datetime.now(UTC))
    if request_id is not None:
        request_id = _checked(request_id)
    found = watched(profile, stack, bridge)
    source = found.logs(wanted if request_id is None else ())
    looking: Tail | Turn = Tail(source, begin) if request_id is None else Turn(source, request_id, begin)
    shown = 0

    def look() -> None:
        nonlocal shown
        shown += _print(looking.look(), wanted, level.value, as_json=as_json)

    if follow:
        again_and_again(look, *_PAUSES)
        return
    look()
    _tell_of_gone(source)
    if request_id is not None and not looking.found:
        raise _not_found(request_id, found.stack, since)
    if not shown:
        _tell_of_nothing(since, turn=request_id is not None)


def _print(lines: Iterable[Line], functions: list[str], level: str, *, as_json: bool) -> int:
    import json
    import sys

    from bridge_cli.log_lines import at_least
    from bridge_cli.terminal import harmless

    count = 0
    for line in lines:
        if at_least(line, level) and (not functions or line.function in functions):
            print(harmless(json.dumps(line.as_json(), ensure_ascii=False)) if as_json else line.shown())
            count += 1
    sys.stdout.flush()
    return count


def _checked(request_id: str) -> str:
    import re

    from bridge_cli.errors import UsageError

    if re.fullmatch(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", request_id):
        return request_id.lower()  # as the bridge writes a client's
    if re.fullmatch(r"[\w.:=-]{1,128}", request_id):
        return request_id
    raise UsageError(
        f"{request_id!r} is no request's id",
        hint="It is what `accepted` names; `bridge ask --json` and `bridge history SESSION --json` print it.",
    )


def _not_found(request_id: str, stack: str, since: str | None) -> Exception:
    from bridge_cli.errors import BridgeError

    return BridgeError(
        f"the logs of {stack} hold nothing of {request_id} since {since or '1d'}",
        hint="Lines show up some seconds after they are written: try again, or --follow. Older ones: --since "
        "7d, as far as `log_retention_days` keeps them. Or it went to another stack (--stack), or nowhere.",
    )


def _tell_of_nothing(since: str | None, *, turn: bool) -> None:
    from bridge_cli.terminal import notice

    if turn:
        notice("The turn is there, but no line of it is of that function or as grave as that.")
    else:
        notice(f"Nothing was logged since {since or '15m'}. Look further back: --since 1d.")


def _tell_of_gone(source: CloudWatch) -> None:
    from bridge_cli.terminal import notice

    for group in sorted(source.gone, key=lambda group: group.name):
        notice(f"The log group of {group.function} is not there any more: {group.name}")
