"""The program: its commands, and how it ends. `bridge` and `ask-claude` are the same."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from bridge_cli.commands import ask
from bridge_cli.commands.options import AS_JSON
from bridge_cli.errors import BridgeError, Interrupted

_DEBUG = "bridge_cli.debug"
_BROKEN_PIPE = 141  # as a shell tells of a program that SIGPIPE ended


class Program(TyperGroup):
    """The commands' group; it turns every error into a line and an exit code."""

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
            if type(error).__module__.startswith("typer.") or isinstance(error, RuntimeError | EOFError):
                raise  # typer's own: usage errors, Exit, Abort
            _told(ctx, _unexpected(error))
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
        from importlib.metadata import version

        typer.echo(f"claude-context-bridge {version('claude-context-bridge')}")
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


def run() -> None:
    """Run the program under the name that it was called by."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(
                errors="replace"
            )  # a terminal that cannot show a character is no reason to fail
    app(prog_name=Path(sys.argv[0]).stem or "bridge")
