"""`bridge export` and `bridge import`: sessions as lines of JSON, with an operator's AWS credentials."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bridge_cli.commands.options import AsJson, Profile, Stack, Table

if TYPE_CHECKING:
    from bridge_cli.archive_table import SessionsTable

EXPORT_EXAMPLES = """
Examples:
  bridge export --stack claude-context-bridge-prod -o sessions.jsonl
  bridge export --owner ada --session plans --session chat-m36wydxg > ada.jsonl
  bridge export --owner ada | gzip > ada.jsonl.gz
"""
IMPORT_EXAMPLES = """
Examples:
  bridge import sessions.jsonl --stack claude-context-bridge-staging
  bridge import ada.jsonl --owner "team/ada"
  gunzip -c ada.jsonl.gz | bridge import -
"""


def export(
    owner: Annotated[
        str | None, typer.Option("--owner", metavar="NAME", help="Only this owner's sessions.")
    ] = None,
    sessions: Annotated[
        list[str] | None,
        typer.Option("--session", "-s", metavar="NAME", help="Only sessions of this name (repeatable)."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write there, with mode 600.")
    ] = None,
    table: Table = None,
    profile: Profile = None,
    stack: Stack = None,
) -> None:
    """Write out sessions with all that was said in them, one item a line.

    That is every session whose exchanges are still kept, also one that has expired; not what was forgotten.
    Where nothing is there of the owner or of a session that is named, the exit code is 1, and FILE is left as
    it was. The whole table is read for it, unless both an owner and sessions are named. It takes AWS
    credentials that may read the sessions table.

    What is written holds what people said, in clear: keep it as you would keep that. What its owner forgets
    later stays in it; but what was forgotten stays closed to imports of an older export for up to 18 days.
    """
    import time

    from bridge_cli.exporting import check_found, written_whole
    from bridge_cli.exporting import export as write_sessions
    from bridge_cli.sessions import checked_name
    from bridge_cli.tables import counted
    from bridge_cli.terminal import notice
    from bridge_cli.tokens import checked_owner

    chosen = {checked_name(session) for session in sessions or ()}
    if owner is not None:
        checked_owner(owner)
    source = _table(table, profile, stack)
    if output is None:
        out = typer.get_binary_stream("stdout")
        done = write_sessions(source, owner, chosen, time.time(), out.write)
        out.flush()
        check_found(done, owner)
    else:
        with written_whole(output) as file:
            done = write_sessions(source, owner, chosen, time.time(), file.write)
            check_found(done, owner)  # before it takes the place of what was exported earlier
    notice(f"Exported {counted(done.sessions, 'session')} with {counted(done.exchanges, 'exchange')}.")


def import_archive(
    archive: Annotated[str, typer.Argument(metavar="FILE", help="What was exported; `-` is standard input.")],
    owner: Annotated[
        str | None, typer.Option("--owner", metavar="NAME", help="Whose it shall be, instead of the file's.")
    ] = None,
    as_json: AsJson = False,
    table: Table = None,
    profile: Profile = None,
    stack: Stack = None,
) -> None:
    """Put exported sessions into an environment.

    What is not there is put there. What is there and the same is passed over, so that an import may be said
    again. What is there and differs stays as it is: the session is told, and the exit code is 1. What is past
    its time is left out. A session that was forgotten after the export stays closed to it for up to 18 days:
    import it later, or with --owner.

    The file is looked through before anything is written; one that is broken or not whole is refused. Recall
    finds what was imported within a minute or so. It takes AWS credentials that may write to the sessions
    table.
    """
    from bridge_cli.archive_file import opened
    from bridge_cli.errors import UsageError
    from bridge_cli.importing import Importer
    from bridge_cli.tables import counted
    from bridge_cli.terminal import harmless, notice
    from bridge_cli.tokens import checked_owner

    if owner is not None:
        checked_owner(owner)
    with opened(archive) as file:
        parts = file.parts()
        if owner is not None and len({part.owner for part in parts}) > 1:
            raise UsageError(
                "the file holds sessions of several owners, which cannot all be given to one",
                hint="Export one owner at a time: `bridge export --owner NAME`.",
            )
        done = Importer(_table(table, profile, stack), file, owner, notice).run(parts)
    if as_json:
        import json

        told = {"put": done.put, "identical": done.identical, "expired": done.expired}
        refused = [vars(one) for one in done.refused]
        typer.echo(json.dumps(told | {"refused": refused}, ensure_ascii=False))
    else:
        for one in done.refused:
            notice(f"Refused {harmless(one.owner)}/{one.session_id}: {one.why}.")
        notice(
            f"Of {counted(len(parts), 'session')}: {counted(done.put, 'item')} put, {done.identical:,} there "
            f"already, {done.expired:,} past their time."
        )
    raise typer.Exit(1 if done.refused else 0)


def _table(name: str | None, profile: str | None, stack: str | None) -> SessionsTable:
    from bridge_cli.archive_table import SessionsTable
    from bridge_cli.configuration import Choice, configure
    from bridge_cli.terminal import notice

    found = configure(Choice(profile=profile, stack=stack), notice)
    named = name or found.needed(
        "SessionsTable", "which table holds the sessions", "the table (--table NAME)"
    )
    return SessionsTable(found.aws.client("dynamodb", attempts=10), named)
