"""`bridge migrate`: the original's table into a bridge, with an operator's AWS credentials."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridge_cli.commands.options import AsJson, Profile, Stack, Table

if TYPE_CHECKING:
    from bridge_cli.archive_table import SessionsTable
    from bridge_cli.configuration import Configuration
    from bridge_cli.migrating_lifetimes import Lifetimes
    from bridge_cli.migrating_report import Report

EXAMPLES = """
Examples:
  bridge migrate --from claude-context --owner anonymous --stack claude-context-bridge-prod --dry-run
  bridge migrate --from claude-context --from-region us-east-1 --owner ada
  aws dynamodb scan --table-name claude-context --consistent-read > original.json
  bridge migrate --from-file original.json --owner ada --json
"""


def migrate(
    owner: Annotated[
        str,
        typer.Option(
            "--owner",
            metavar="NAME",
            help="Whose the sessions shall be: the original knew no owners. Its own clients, which need an "
            "environment with `auth: none`, are `anonymous` there.",
        ),
    ],
    source: Annotated[
        str | None, typer.Option("--from", metavar="TABLE", help="The original's table of contexts.")
    ] = None,
    source_file: Annotated[
        str | None,
        typer.Option(
            "--from-file",
            metavar="FILE",
            help="What `aws dynamodb scan` printed, or an export of DynamoDB's; `-` is standard input.",
        ),
    ] = None,
    source_region: Annotated[
        str | None, typer.Option("--from-region", metavar="REGION", help="Where the original's table is.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Tell what would be done, and do none of it.")
    ] = False,
    apologies: Annotated[
        list[str] | None,
        typer.Option(
            "--apology",
            metavar="TEXT",
            help="An answer that begins so is none of Claude's, but the original's apology (repeatable).",
        ),
    ] = None,
    beside: Annotated[
        bool,
        typer.Option("--beside", help="Where a name is another conversation's, put it to NAME-original."),
    ] = False,
    keep_dates: Annotated[
        bool,
        typer.Option(
            "--keep-dates", help="Date what was said by the original's `last_updated`, not by today."
        ),
    ] = False,
    expired: Annotated[
        bool, typer.Option("--expired", help="Also sessions that are past the original's own `ttl`.")
    ] = False,
    even_forgotten: Annotated[
        bool, typer.Option("--even-forgotten", help="Also sessions that were forgotten in the last 18 days.")
    ] = False,
    memory_ttl_days: Annotated[
        int | None,
        typer.Option(
            "--memory-ttl-days", min=1, help="The environment's `memory_ttl_days`, where no stack tells it."
        ),
    ] = None,
    session_ttl_hours: Annotated[
        int | None,
        typer.Option(
            "--session-ttl-hours", min=1, help="Its `session_ttl_hours`, where no stack tells them."
        ),
    ] = None,
    as_json: AsJson = False,
    table: Table = None,
    profile: Profile = None,
    stack: Stack = None,
) -> None:
    """Take in the conversations of the bridge's prototype, which kept them in a table of one item a session.

    All that was said in a session stands in the bridge's session of the same name afterwards, in its order.
    Said again, it changes nothing; what was said in the original since then is added. The original's table is
    only read. A session that the bridge's users went on with, or began, under the same name stays as it is.

    What was said is dated today, a millisecond apart: the original kept one time for a whole session, and the
    bridge keeps what was said for its `memory_ttl_days` from its date on. Where something of a session could
    not be taken in, it is told with the reason, and the exit code is 1. It takes AWS credentials that may
    read the one table and write to the other.
    """
    import time

    from bridge_cli.configuration import Choice, configure
    from bridge_cli.errors import UsageError
    from bridge_cli.migrating import Choices, Migration
    from bridge_cli.migrating_lifetimes import told
    from bridge_cli.migrating_source import of_file, originals
    from bridge_cli.terminal import notice
    from bridge_cli.tokens import checked_owner

    checked_owner(owner)
    if (source is None) == (source_file is None):
        raise UsageError(
            "what is to be migrated is not named, or twice",
            hint="Give one of --from TABLE and --from-file FILE.",
        )
    if any(not apology.strip() for apology in apologies or ()):
        raise UsageError("an apology without a word would be every answer", hint="Give its first words.")
    found = configure(Choice(profile=profile, stack=stack), notice)
    target = _target(found, table)
    if source is not None and source == target and source_region is None:
        raise UsageError(f"{source} is the bridge's own table", hint="Name the original's table with --from.")
    if source_region is not None and source is None:
        raise UsageError("--from-region belongs to --from TABLE")
    lifetimes = _lifetimes(found, memory_ttl_days, session_ttl_hours)
    for line in told(lifetimes):
        notice(line)
    choices = Choices(
        owner,
        lifetimes,
        apologies=tuple(apologies or ()),
        keep_dates=keep_dates,
        beside=beside,
        expired=expired,
        even_forgotten=even_forgotten,
        dry_run=dry_run,
    )
    items = _scanned(found, source, source_region) if source is not None else of_file(source_file or "")
    report = Migration(_sessions(found, target), choices, notice).run(originals(items, time.time()))
    if as_json:
        import json

        typer.echo(json.dumps(report.as_json() | {"dry_run": dry_run}, ensure_ascii=False))
    else:
        _tell(report, dry_run=dry_run)
    raise typer.Exit(1 if report.failed else 0)


def _target(found: Configuration, table: str | None) -> str:
    return table or found.needed(
        "SessionsTable", "which table the sessions go to", "the table (--table NAME)"
    )


def _sessions(found: Configuration, table: str) -> SessionsTable:
    from bridge_cli.archive_table import SessionsTable

    return SessionsTable(found.aws.client("dynamodb", attempts=10), table)


def _scanned(found: Configuration, table: str, region: str | None) -> Iterator[dict[str, Any]]:
    from dataclasses import replace

    from bridge_cli.migrating_source import of_table

    aws = replace(found.aws, region=region) if region is not None else found.aws
    return of_table(aws.client("dynamodb", attempts=10), table)


def _lifetimes(found: Configuration, memory_ttl_days: int | None, session_ttl_hours: int | None) -> Lifetimes:
    """Return how long the environment keeps things: as the options say, else as its answer function does."""
    from bridge_cli.migrating_lifetimes import DAY, HOUR, Lifetimes, of_function, unknown

    if memory_ttl_days is not None and session_ttl_hours is not None:
        return Lifetimes(memory_ttl_days * DAY, session_ttl_hours * HOUR)
    function = found.output("AnswerFunction")
    if function is None:
        raise unknown("it is not known how long the environment keeps what was said")
    told = of_function(found.aws.client("lambda"), function)
    return Lifetimes(
        told.memory if memory_ttl_days is None else memory_ttl_days * DAY,
        told.session if session_ttl_hours is None else session_ttl_hours * HOUR,
    )


def _tell(report: Report, *, dry_run: bool) -> None:
    from bridge_cli.tables import counted
    from bridge_cli.terminal import harmless, notice

    for one in report.told:
        renamed = f" (as {one.target}: the bridge takes no such name)" if one.renamed else ""
        beside = f" (as {one.target})" if one.beside else ""
        why = f": {one.why}" if one.why else ""
        notice(f"{one.status.capitalize()} {harmless(one.session)}{renamed}{beside}{harmless(why)}.")
    for name, count in sorted(report.left_out.items()):
        notice(f"Left out: the attribute {harmless(name)} of {counted(count, 'session')}.")
    sessions, messages, exchanges = report.sessions, report.messages, report.exchanges
    would = "Would be done, of " if dry_run else "Of "
    notice(
        f"{would}{counted(sessions['source'], 'session')}: {sessions['migrated']:,} migrated, "
        f"{sessions['added']:,} added to, {sessions['there']:,} there already, {sessions['empty']:,} empty, "
        f"{sessions['skipped']:,} skipped, {sessions['failed']:,} failed."
    )
    notice(
        f"Of {counted(messages['source'], 'message')}: {messages['written']:,} written in "
        f"{counted(exchanges['written'], 'exchange')}, {messages['there']:,} there already, "
        f"{messages['past']:,} migrated before and past their time, {messages['skipped']:,} not taken in."
    )
