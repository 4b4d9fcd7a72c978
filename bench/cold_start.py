"""A cold start of each function: time, package, and what a snapshot would hold.

    python -m bench.cold_start [--rounds 20] [--env dev] [--python PATH] [--imports] [--json FILE]

The functions' asset is bundled as for a deployment (once; kept in build/bench) and initialised in fresh
interpreters of Lambda's Python, with the variables that the environment's template gives them and no network:
their imports, and the parts that they build before their first event.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench import package
from bench.aws_standin import AwsStandIn
from bench.environments import names, template_of
from bench.fresh import Fresh, functions_of
from claude_context_bridge.bundling import PYTHON

_LARGEST = 10


def main() -> None:
    """Measure, print, write."""
    options = _options()
    python = options.python or _lambdas_python()
    deployed = package.bundled("aarch64")
    asset = package.bundled(package.MACHINE)
    libraries = package.runtime(python)
    fresh = Fresh(python, asset, libraries)
    compiled = Fresh(python, package.with_bytecode(asset, python), libraries)
    functions = functions_of(template_of(options.env))
    result = {
        "python": _version(python),
        "machine": platform.machine(),
        "environment": options.env,
        "rounds": options.rounds,
        "functions": _functions(fresh, compiled, functions, options.rounds),
        "package": _package(deployed),
    }
    _print(result)
    if options.imports:
        _print_imports(fresh, functions)
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.cold_start", description=str(__doc__).partition("\n")[0]
    )
    parser.add_argument("--rounds", type=int, default=20, help="initialisations of each function")
    parser.add_argument("--env", default="dev", choices=names(), help="whose variables the functions get")
    parser.add_argument(
        "--python", help=f"the interpreter; by default python{PYTHON}, on the path or pyenv's"
    )
    parser.add_argument("--imports", action="store_true", help="also show what each function's imports take")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    return parser.parse_args()


def _lambdas_python() -> str:
    """Return a Python of Lambda's version, or, saying so, this one."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    found = [shutil.which(f"python{PYTHON}"), *sorted(pyenv.glob(f"versions/{PYTHON}.*/bin/python{PYTHON}"))]
    for python in found:
        if python and _version(str(python)).startswith(f"{PYTHON}."):
            return str(python)
    print(
        f"No Python {PYTHON}, which Lambda runs, is on the path or pyenv's: measuring with "
        f"{platform.python_version()}. Name one with --python."
    )
    return sys.executable


def _version(python: str) -> str:
    """Return an interpreter's version; nothing of one that does not run, as a shim without its Python."""
    command = [python, "-c", "import platform; print(platform.python_version())"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def _functions(
    fresh: Fresh, compiled: Fresh, functions: dict[str, dict[str, str]], rounds: int
) -> dict[str, Any]:
    print(f"starting {len(functions)} functions {rounds} times")
    watched = {name: fresh.watched(name, variables) for name, variables in functions.items()}
    init: dict[str, list[float]] = {name: [] for name in functions}
    alone: dict[str, list[float]] = {name: [] for name in functions}
    first: dict[str, list[float]] = {name: [] for name in functions}
    precompiled: dict[str, list[float]] = {name: [] for name in functions}
    with AwsStandIn() as aws:
        for number in range(rounds):
            for name, variables in functions.items():
                init[name].append(fresh.init(name, variables))
                alone[name].append(fresh.libraries(watched[name].clients, variables))
                if number % 2:
                    continue
                precompiled[name].append(compiled.init(name, variables))
                if event := aws.event(name):
                    first[name].append(fresh.invoked(name, event, aws.variables(variables)))
    return {
        name: {
            "init_ms": _of(init[name]),
            "libraries_ms": _of(alone[name]),
            "ratio": round(statistics.median(init[name]) / statistics.median(alone[name]), 2),
            "init_with_bytecode_ms": _of(precompiled[name]),
            "first_invocation_ms": _of(first[name]) if first[name] else None,
            **asdict(watched[name]),
        }
        for name in functions
    }


def _of(times: list[float]) -> dict[str, float]:
    ordered = sorted(times)
    last = ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
    return {"p50": round(statistics.median(ordered)), "p95": round(last)}


def _package(asset: Path) -> dict[str, Any]:
    zipped, unzipped, parts = package.sizes(asset)
    return {
        "zipped": zipped,
        "unzipped": unzipped,
        "largest": [{"part": part, "zipped": z, "unzipped": u} for part, z, u in parts[:_LARGEST]],
    }


def _print(result: dict[str, Any]) -> None:
    console = Console(width=120)
    title = f"Initialisation, Python {result['python']}, {result['machine']}: milliseconds, p50 / p95"
    table = Table("function", "init", "libraries alone", "ratio", "with bytecode", "modules", title=title)
    table.add_column("first invocation")
    for name, row in result["functions"].items():
        times = [
            "" if row[key] is None else f"{row[key]['p50']} / {row[key]['p95']}"
            for key in ("init_ms", "libraries_ms", "init_with_bytecode_ms", "first_invocation_ms")
        ]
        table.add_row(name, *times[:2], f"{row['ratio']:.2f}", times[2], str(row["modules"]), times[3])
    console.print(table)

    table = Table(
        "function",
        "clients",
        "in the snapshot",
        "built later",
        "opened",
        title="What init does for a snapshot",
    )
    for name, row in result["functions"].items():
        opened = f"{len(row['opened'])} connections, {row['threads'] - 1} threads"
        opened += f"; {row['restored']} hooks"
        table.add_row(name, *(", ".join(row[key]) for key in ("clients", "built", "later")), opened)
    console.print(table)

    sized = result["package"]
    title = f"The package (arm64): {sized['zipped'] / 1e6:.2f} MB zipped, {sized['unzipped'] / 1e6:.2f} MB"
    table = Table("part", "zipped, KB", "unzipped, KB", title=title)
    for part in sized["largest"]:
        table.add_row(part["part"], f"{part['zipped'] / 1e3:.0f}", f"{part['unzipped'] / 1e3:.0f}")
    console.print(table)


def _print_imports(fresh: Fresh, functions: dict[str, dict[str, str]]) -> None:
    console = Console(width=120)
    for name, variables in functions.items():
        times = fresh.imports(name, variables)
        table = Table("module", "by itself, ms", title=f"{name}: {len(times)} modules")
        for module, ms in list(times.items())[:25]:
            table.add_row(module, f"{ms:.1f}")
        console.print(table)


if __name__ == "__main__":
    main()
