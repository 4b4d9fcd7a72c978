"""`bridge local up`, `down` and `status`."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import types
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Run the bridge on this machine, in an emulated AWS.",
)

_STATE_DIR = Annotated[
    Path | None,
    typer.Option(
        "--state-dir",
        envvar="BRIDGE_LOCAL_STATE",
        help="The folder that keeps it; by default one among your application data.",
        show_default=False,
    ),
]
_AS_JSON = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command(
    epilog="""\b
Examples:
  bridge local up
  ANTHROPIC_API_KEY=sk-ant-… bridge local up
  bridge local up --set auth=none --set context_limit=20000
  bridge local up --unset auth
"""
)
def up(
    given: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="A setting of the environment; remembered. Repeatable."
        ),
    ] = None,
    unset: Annotated[
        list[str] | None,
        typer.Option("--unset", metavar="NAME", help="Forget a setting: back to its default. Repeatable."),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            min=1, max=65_535, help="The emulator's port; remembered. 4566 at first.", show_default=False
        ),
    ] = None,
    tiny: Annotated[
        bool,
        typer.Option("--tiny", help="Let the tiny local model answer, even where there is a key for Claude."),
    ] = False,
    state_dir: _STATE_DIR = None,
    as_json: _AS_JSON = False,
) -> None:
    """Start the local AWS, and deploy the bridge into it if anything changed.

    With ANTHROPIC_API_KEY set, or a key put there by `bridge key set`, Claude answers (at ANTHROPIC_BASE_URL,
    if that is set); without, a tiny language model on this machine does. The first time takes minutes, and a
    network; later ones take seconds, and none.
    """
    from bridge_local.runtime import LocalAws

    signal.signal(signal.SIGTERM, _interrupt)
    aws = LocalAws(state_dir, progress=_Progress())
    ran = aws.places.record.exists() and aws.status()
    status = aws.up(
        settings=dict(_setting(text) for text in given or []),
        unset=unset or [],
        port=port,
        api_key=os.environ.get("ANTHROPIC_API_KEY", "").strip(),
        base_url=os.environ.get("ANTHROPIC_BASE_URL", "").strip(),
        tiny=tiny,
    )
    if as_json:
        typer.echo(json.dumps(status.as_json(), indent=2))
        return
    unchanged = ran and ran.running and ran.pids.get("daemon") == status.pids.get("daemon")
    typer.echo(f"the local AWS {'was up already' if unchanged else 'is up'}: {status.url}")
    typer.echo(f"{'note: ' if status.tiny_model else ''}{status.model_note}")
    typer.echo('try: bridge ask "What can you do?"     stop: bridge local down')


@app.command(
    epilog="""\b
Examples:
  bridge local down
"""
)
def down(state_dir: _STATE_DIR = None) -> None:
    """Stop the local AWS. What was said is kept for the next `up`."""
    from bridge_local.runtime import LocalAws

    aws = LocalAws(state_dir, progress=_Progress())
    if aws.down():
        typer.echo(f"the local AWS is down; its state is kept in {aws.places.root}")
    else:
        typer.echo("the local AWS was not up")


@app.command(
    epilog="""\b
Examples:
  bridge local status
  export BRIDGE_TOKEN=$(bridge local status --json | jq -r .token)
"""
)
def status(state_dir: _STATE_DIR = None, as_json: _AS_JSON = False) -> None:
    """Tell whether the local AWS is up, where, and who answers. Not up: exit code 1."""
    from bridge_local.runtime import LocalAws

    told = LocalAws(state_dir).status()
    if as_json:
        typer.echo(json.dumps(told.as_json(), indent=2))
    elif not told.running:
        typer.echo("the local AWS is not up: bridge local up")
    else:
        lines = {
            "url": told.url,
            "model": told.model,
            "note": told.model_note,
            "auth": told.auth,
            "token": told.token or "",
            "aws endpoint": told.aws_endpoint,
            "answered": f"{told.answered}, failed {told.failed}",
            "remembered": f"{told.remembered} changes, waiting {told.to_remember}, given up {told.given_up}",
            "trouble": told.trouble,
            "processes": ", ".join(f"{name} {pid}" for name, pid in told.pids.items()),
            "settings": ", ".join(f"{name}={value}" for name, value in told.settings.items()),
            "folder": told.state_dir,
            "logs": str(Path(told.state_dir) / "logs"),
        }
        for name, value in lines.items():
            if value:
                typer.echo(f"{name:13}{value}")
    if not told.running:
        raise typer.Exit(1)


def _setting(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator or not name.strip():
        raise typer.BadParameter(f"{text}: a setting is given as NAME=VALUE", param_hint="--set")
    return name.strip(), value


def _interrupt(_number: int, _frame: types.FrameType | None) -> None:
    raise KeyboardInterrupt


class _Progress:
    """Lines on standard error, each with the seconds since the first."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def __call__(self, line: str) -> None:
        print(f"[{time.monotonic() - self._began:5.1f} s] {line}", file=sys.stderr, flush=True)
