"""How long the app takes to synthesize, beside an empty stack with the same imports; and what takes it.

    python -m bench.synth [--rounds 5] [--env dev --env prod] [--json FILE]

Both are synthesized by `cdk synth`, as people do, and as programs alone, without the CDK command line's own
start. The app's and the empty stack's take turns, in a copy of the app that nobody edits meanwhile. The
functions' code is bundled before, once: a synth finds it in cdk.out from the second time on. One more process
of each environment counts its calls to jsii's kernel, by the file of the construct that makes them. Both
stacks are checked by CDK's own rules when they are synthesized, which is half of the empty program's time.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.environments import ROOT, context_of, names
from bridge_local.toolchain import cdk, find_node

BOUND = 1.5
"""The most that the app may take, in times of the empty stack."""

_IMPORTED = """
import sys
import stacks.bridge_stack, stacks.settings
print(" ".join(sorted(name for name in sys.modules if name.startswith("aws_cdk.") and name.count(".") == 1
                      and not name.rpartition(".")[2].startswith("_"))))
"""
_BARE = "import {modules}\nfrom aws_cdk import App, Stack\napp = App()\nStack(app, 'Bare')\napp.synth()\n"


def main() -> None:
    """Measure, print, write."""
    options = _options()
    environments: dict[str, Any] = {}
    result = {"bound": BOUND, "environments": environments}
    with tempfile.TemporaryDirectory() as folder:
        app = _copy(Path(folder))
        bare = _BARE.format(modules=app.run([sys.executable, "-c", _IMPORTED], {}).strip().replace(" ", ", "))
        for environment in options.env or ("dev", "prod"):
            print(f"synthesizing {environment}, {options.rounds} times")
            environments[environment] = _measure(app, environment, bare, options.rounds)
    _print(result)
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.synth", description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="syntheses of each")
    parser.add_argument("--env", action="append", choices=names(), help="dev and prod, unless named")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    return parser.parse_args()


@dataclass(frozen=True)
class _App:
    """A folder with the app, and how programs are run in it."""

    folder: Path

    cdk: tuple[str, ...]
    """The CDK command line."""

    def run(self, command: list[str], environment: dict[str, str], folder: Path | None = None) -> str:
        """Run a program, here unless told; return what it printed."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CDK_"))}
        ours = {"PATH": find_node().environment()["PATH"], "PYTHONPATH": str(self.folder)}
        ours["CDK_DISABLE_CLI_TELEMETRY"] = ours["CDK_DISABLE_VERSION_CHECK"] = "true"
        done = subprocess.run(
            command,
            cwd=folder or self.folder,
            env={**kept, **ours, **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"error: the synthesis failed:\n{done.stderr[-2000:]}")
        return done.stdout

    def timed(self, *run: Any) -> tuple[float, float]:
        """Run the same and return the seconds it took, and those of processors."""
        before, begun = _processor_seconds(), time.perf_counter()
        self.run(*run)
        return time.perf_counter() - begun, _processor_seconds() - before


def _copy(folder: Path) -> _App:
    copy = folder / "app"
    for name in ("stacks", "claude_context_bridge", "lambda", "bench"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("app.py", "cdk.json"):
        shutil.copy(ROOT / name, copy / name)
    return _App(copy, cdk(find_node(), print))


def _measure(app: _App, environment: str, bare: str, rounds: int) -> dict[str, Any]:
    told = {
        "CDK_OUTDIR": str(app.folder / "alone.out"),
        "CDK_CONTEXT_JSON": json.dumps(context_of(environment)),
    }
    nothing = {"CDK_OUTDIR": str(app.folder / "bare.out"), "CDK_CONTEXT_JSON": "{}"}
    empty = _folder_of(app, bare)
    _settle(app.folder, "app.py", context_of(environment))
    synth = [*app.cdk, "synth", "--quiet", "--no-notices"]
    ways = {
        "cdk synth": (((synth, {}), (synth, {}, empty))),
        "alone": (([sys.executable, "app.py"], told), ([sys.executable, "-c", bare], nothing)),
    }
    result: dict[str, Any] = {"rounds": rounds}
    for way, (ours, theirs) in ways.items():
        app.run(*ours)  # bundles
        result[way] = _compared([(app.timed(*ours), app.timed(*theirs)) for _ in range(rounds)])
    counted = app.run([sys.executable, "-m", "bench.jsii_calls"], told)
    return result | {"jsii": json.loads(counted.splitlines()[-1])}


def _folder_of(app: _App, bare: str) -> Path:
    folder = app.folder.parent / "bare"
    folder.mkdir(exist_ok=True)
    (folder / "bare.py").write_text(bare)
    _settle(folder, "bare.py", {})
    return folder


def _settle(folder: Path, program: str, context: Any) -> None:
    settings = {"app": f'"{sys.executable}" {program}', "context": context}
    (folder / "cdk.json").write_text(json.dumps(settings))


def _compared(taken: list[tuple[tuple[float, float], tuple[float, float]]]) -> dict[str, dict[str, float]]:
    result = {}
    for number, kind in enumerate(("seconds", "processor_seconds")):
        ours, empty = ([pair[which][number] for pair in taken] for which in (0, 1))
        result[kind] = {
            "app": round(statistics.median(ours), 2),
            "bare": round(statistics.median(empty), 2),
            # Of each round by itself: what else ran on the machine slowed both down.
            "ratio": round(statistics.median(a / b for a, b in zip(ours, empty, strict=True)), 2),
        }
    return result


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _print(result: dict[str, Any]) -> None:
    console = Console(width=110)
    table = Table("environment", "", "", "app", "empty stack", "ratio", title="Synthesis, seconds (medians)")
    for name, row in result["environments"].items():
        for way in ("cdk synth", "alone"):
            for kind, said in (("seconds", "by the clock"), ("processor_seconds", "of processors")):
                figures = [f"{row[way][kind][what]:.2f}" for what in ("app", "bare", "ratio")]
                table.add_row(name, way, said, *figures)
    console.print(table)
    for name, row in result["environments"].items():
        parts = Table("made in", "calls", "ms in jsii", "ms in all", title=f"{name}: what the app takes")
        for part in row["jsii"]["parts"]:
            parts.add_row(part["file"], str(part["calls"]), str(part["jsii_ms"]), str(part["ms"]))
        parts.add_row("together", str(row["jsii"]["calls"]), "", "")
        console.print(parts)
    worst = max(row["cdk synth"]["seconds"]["ratio"] for row in result["environments"].values())
    console.print(f"cdk synth takes {worst:.2f} times an empty stack's at worst; the bound is {BOUND}")


if __name__ == "__main__":
    main()
