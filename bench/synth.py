"""How long the app takes to synthesize, beside an empty stack with the same imports; and what takes it.

    python -m bench.synth [--rounds 5] [--env dev --env prod] [--json FILE]

Every synthesis is a process of its own, the app's and the empty stack's taking turns, in a copy of the app
that nobody edits meanwhile. The functions' code is bundled before, once: a synth finds it in cdk.out from the
second time on. One more process of each environment counts its calls to jsii's kernel, by the file of the
construct that makes them. Both stacks are checked by CDK's own rules when they are synthesized, which is half
of the empty one's time; the CDK command line's own start is in neither.
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
from bridge_local.toolchain import find_node

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
        bare = _BARE.format(modules=app.run(["-c", _IMPORTED], {}).strip().replace(" ", ", "))
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

    def run(self, arguments: list[str], environment: dict[str, str]) -> str:
        """Run Python with arguments; return what it printed."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CDK_"))}
        ours = {"PATH": find_node().environment()["PATH"], "PYTHONPATH": str(self.folder)}
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env={**kept, **ours, **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"error: the synthesis failed:\n{done.stderr[-2000:]}")
        return done.stdout

    def timed(self, arguments: list[str], environment: dict[str, str]) -> tuple[float, float]:
        """Run the same and return the seconds it took, and those of processors."""
        before, begun = _processor_seconds(), time.perf_counter()
        self.run(arguments, environment)
        return time.perf_counter() - begun, _processor_seconds() - before


def _copy(folder: Path) -> _App:
    copy = folder / "app"
    for name in ("stacks", "claude_context_bridge", "lambda", "bench"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("app.py", "cdk.json"):
        shutil.copy(ROOT / name, copy / name)
    return _App(copy)


def _measure(app: _App, environment: str, bare: str, rounds: int) -> dict[str, Any]:
    out = {"CDK_OUTDIR": str(app.folder / f"{environment}.out")}
    told = out | {"CDK_CONTEXT_JSON": json.dumps(context_of(environment))}
    nothing = {"CDK_OUTDIR": str(app.folder / "bare.out"), "CDK_CONTEXT_JSON": "{}"}
    app.run(["app.py"], told)  # bundles
    counted = json.loads(app.run(["-m", "bench.jsii_calls"], told).splitlines()[-1])
    taken = [(app.timed(["app.py"], told), app.timed(["-c", bare], nothing)) for _ in range(rounds)]
    result: dict[str, Any] = {"rounds": rounds}
    for number, kind in enumerate(("seconds", "processor_seconds")):
        ours, empty = ([pair[which][number] for pair in taken] for which in (0, 1))
        result[kind] = {
            "app": round(statistics.median(ours), 2),
            "bare": round(statistics.median(empty), 2),
            # Of each round by itself: what else ran on the machine slowed both down.
            "ratio": round(statistics.median(a / b for a, b in zip(ours, empty, strict=True)), 2),
        }
    return result | {"jsii": counted}


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _print(result: dict[str, Any]) -> None:
    console = Console(width=110)
    table = Table("environment", "", "app", "empty stack", "ratio", title="Synthesis, seconds (medians)")
    for name, row in result["environments"].items():
        for kind in ("seconds", "processor_seconds"):
            figures = [f"{row[kind][what]:.2f}" for what in ("app", "bare", "ratio")]
            table.add_row(name, "by the clock" if kind == "seconds" else "of processors", *figures)
    console.print(table)
    for name, row in result["environments"].items():
        parts = Table("made in", "calls", "ms in jsii", "ms in all", title=f"{name}: what the app takes")
        for part in row["jsii"]["parts"]:
            parts.add_row(part["file"], str(part["calls"]), str(part["jsii_ms"]), str(part["ms"]))
        parts.add_row("together", str(row["jsii"]["calls"]), "", "")
        console.print(parts)
    worst = max(row["seconds"]["ratio"] for row in result["environments"].values())
    console.print(f"{worst:.2f} times an empty stack at worst; the bound is {BOUND}")


if __name__ == "__main__":
    main()
