"""The program: its commands, and how it ends. `bridge` and `ask-claude` are the same."""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

try:
    import typer
    import typer.main
    from typer.core import TyperGroup
except ModuleNotFoundError:  # installed without its extra, for the construct alone
    print("bridge: what the command line needs is not installed", file=sys.stderr)
    print("In a clone of the bridge: pip install '.[cli]'", file=sys.stderr)
    raise SystemExit(3) from None

from bridge_cli import local_aws
from bridge_cli.commands import (
    archive,
    ask,
    chat,
    config,
    dead_letters,
    doctor,
    key,
    listing,
    local,
    logs,
    mcp,
    migrate,
    remembering,
    token,
    top,
    usage,
)
from bridge_cli.commands.options import AS_JSON
from bridge_cli.errors import BridgeError, Interrupted

_DEBUG = "bridge_cli.debug"
GROUP_EXAMPLE = "\b\nExample:\n  {}"
_BROKEN_PIPE = 141  # as a shell tells of a program that SIGPIPE ended


class Program(TyperGroup):
    """The commands' group; it turns every error into a line and an exit code."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command; `local` is an extra, and imported only when it is asked for."""
        if cmd_name == "local" and local_aws.installed():
            try:
                commands = importlib.import_module("bridge_local.commands")
            except ImportError:  # what it needs is not installed
                return super().get_command(ctx, cmd_name)
            command = typer.main.get_group(commands.app)
            command.epilog = command.epilog or GROUP_EXAMPLE.format("bridge local up")
            return command
        return super().get_command(ctx, cmd_name)

    def invoke(self, ctx: Any) -> Any:
        """Run the command; the only place where errors are told."""
        try:
            return super().invoke(ctx)
        except BridgeError as error:
            _told(ctx, error)
            raise typer.Exit(error.exit_code) from error
        except KeyboardInterrupt:
            _told(ctx, Interrupted("interrupted"))
            raise typer.Exit(Interrupted.exit_code) from None
        except BrokenPipeError:
            # Whoever read the answer has had enough. Python would complain when it flushes at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(_BROKEN_PIPE) from None
        except Exception as error:
            if type(error).__module__.partition(".")[0] in {"typer", "click"}:
                raise  # their own: usage errors, Exit, Abort
            unexpected = _unexpected(error)
            unexpected.__cause__ = error
            _told(ctx, unexpected)
            raise typer.Exit(1) from error


def _unexpected(error: Exception) -> BridgeError:
    return BridgeError(
        f"something unexpected happened: {type(error).__name__}: {error}",
        hint="`bridge --debug …` shows where; please report it.",
    )


def _told(ctx: Any, error: BridgeError) -> None:
    if ctx.meta.get(_DEBUG):
        import traceback

        traceback.print_exception(error)
    if ctx.meta.get(AS_JSON):
        typer.echo(json.dumps({"error": error.as_json()}, ensure_ascii=False))
        return
    print(f"{ctx.find_root().info_name}: {error.message}", file=sys.stderr)
    if error.hint:
        print(error.hint, file=sys.stderr)


app = typer.Typer(
    cls=Program,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(value: bool) -> None:
    if value:
        from bridge_cli.version import installed_version

        typer.echo(f"claude-context-bridge {installed_version() or '(not installed)'}")
        raise typer.Exit


@app.callback(
    epilog="""\b
Examples:
  bridge ask "What does a sort key do?"
  bridge chat
  bridge doctor
"""
)
def program(
    context: typer.Context,
    debug: Annotated[
        bool, typer.Option("--debug", envvar="BRIDGE_DEBUG", help="Show where an error comes from.")
    ] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Talk to Claude through a bridge that remembers."""
    context.meta[_DEBUG] = debug


def add(command: Callable[..., None], examples: str, to: typer.Typer = app, name: str | None = None) -> None:
    """Add a command, with its examples at the end of its help."""
    to.command(name, epilog="\b" + examples)(command)


add(ask.ask, ask.EXAMPLES)
add(chat.chat, chat.EXAMPLES)
add(listing.sessions, listing.SESSIONS_EXAMPLES)
add(listing.history, listing.HISTORY_EXAMPLES)
add(remembering.recall, remembering.RECALL_EXAMPLES)
add(remembering.forget, remembering.FORGET_EXAMPLES)
add(usage.usage, usage.EXAMPLES)
add(mcp.mcp, mcp.EXAMPLES)
add(logs.logs, logs.EXAMPLES)
add(top.top, top.EXAMPLES)
add(doctor.doctor, doctor.EXAMPLES)
add(config.set_setting, config.SET_EXAMPLES, config.app, "set")
add(config.unset, config.UNSET_EXAMPLES, config.app)
add(config.get, config.GET_EXAMPLES, config.app)
add(config.list_profiles, config.LIST_EXAMPLES, config.app, "list")
add(config.use, config.USE_EXAMPLES, config.app)
add(config.remove, config.REMOVE_EXAMPLES, config.app)
add(config.path, config.PATH_EXAMPLES, config.app)
add(token.create, token.CREATE_EXAMPLES, token.app)
add(token.revoke, token.REVOKE_EXAMPLES, token.app)
add(token.revoked, token.REVOKED_EXAMPLES, token.app)
add(key.set_key, key.SET_EXAMPLES, key.app, "set")
add(archive.export, archive.EXPORT_EXAMPLES)
add(archive.import_archive, archive.IMPORT_EXAMPLES, name="import")
add(migrate.migrate, migrate.EXAMPLES)
add(dead_letters.list_letters, dead_letters.LIST_EXAMPLES, dead_letters.app, "list")
add(dead_letters.redrive, dead_letters.REDRIVE_EXAMPLES, dead_letters.app)
app.add_typer(config.app, name="config", epilog=GROUP_EXAMPLE.format("bridge config list"))
app.add_typer(token.app, name="token", epilog=GROUP_EXAMPLE.format("bridge token create --owner ada"))
app.add_typer(key.app, name="key", epilog=GROUP_EXAMPLE.format("bridge key set"))
app.add_typer(dead_letters.app, name="dead-letters", epilog=GROUP_EXAMPLE.format("bridge dead-letters list"))
app.command(
    "local",
    epilog="\b" + local.EXAMPLES,
    context_settings={"ignore_unknown_options": True, "help_option_names": ["-h", "--help"]},
)(local.missing)


def run() -> None:
    """Run the program under the name that it was called by."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(
                errors="replace"
            )  # a terminal that cannot show a character is no reason to fail
    app(prog_name=Path(sys.argv[0]).stem or "bridge")
