"""`bridge doctor`: what is wrong, and how to mend it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from bridge_cli.commands.options import AsJson, Profile, Stack, TokenFile, Url

if TYPE_CHECKING:
    from bridge_cli.configuration import Choice
    from bridge_cli.diagnosis import Check

EXAMPLES = """
Examples:
  bridge doctor
  bridge doctor --profile prod
  bridge doctor --json | jq '.checks[] | select(.ok == false)'
"""

_MARKS = {True: ("✓", "green"), False: ("✗", "red"), None: ("-", "bright_black")}


def doctor(
    as_json: AsJson = False,
    url: Url = None,
    token_file: TokenFile = None,
    profile: Profile = None,
    stack: Stack = None,
) -> None:
    """Check the configuration step by step, and say how to mend what is wrong.

    ✓ is in order, ✗ is not, - does not apply or could not be looked at. The exit code is 1 where something is
    wrong.
    """
    import asyncio

    from bridge_cli.configuration import Choice

    checks = asyncio.run(_examine(Choice(url, token_file, profile, stack), show=not as_json))
    healthy = all(check.ok is not False for check in checks)
    if as_json:
        import json

        told = {"ok": healthy, "checks": [vars(check) for check in checks]}
        typer.echo(json.dumps(told, ensure_ascii=False))
    raise typer.Exit(0 if healthy else 1)


async def _examine(choice: Choice, *, show: bool) -> list[Check]:
    from bridge_cli.diagnosis import examine

    checks = []
    async for check in examine(choice):
        checks.append(check)
        if show:
            _print(check)
    return checks


def _print(check: Check) -> None:
    mark, color = _MARKS[check.ok]
    typer.echo(f"{typer.style(mark, fg=color)} {check.name}: {check.detail}")
    if check.mend:
        typer.echo(f"    {check.mend}")
