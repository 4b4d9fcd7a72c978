"""What a turn takes: time at the client's end, and AWS calls, units and posts.

    python -m bench.turn [--turns 100] [--idle 60] [--json FILE]

Brings up a local AWS of its own in a temporary folder, deploys the real template into it with a Claude
stand-in behind it, measures, and removes everything again. Prints a table, and writes the same as JSON.
"""

from __future__ import annotations

import argparse
import json
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench import counting, latency
from bench.deployment import deployed
from bench.standin import INSTANT, STEADY

COUNTED_TURNS = (10, 100, 1000)
IDLE_TURNS = 3
STREAMS_AT_ONCE = 4


def main() -> None:
    """Measure, print, write."""
    options = _options()
    with deployed(STEADY) as (_, status):
        result = _measure(status, options)
    _print(result)
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.turn", description=__doc__)
    parser.add_argument("--turns", type=int, default=100, help="measured turns for each stand-in")
    parser.add_argument("--idle", type=float, default=60, help="seconds of silence before a late turn")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    return parser.parse_args()


def _measure(status: dict[str, Any], options: argparse.Namespace) -> dict[str, Any]:
    print("talking to the stand-in that answers at once")
    instant = latency.measure(status, INSTANT, turns=options.turns)
    print(f"the same after {options.idle:.0f} s of silence, {IDLE_TURNS} times")
    idle = latency.measure(status, INSTANT, turns=IDLE_TURNS, idle=options.idle)
    print(f"talking to the stand-in that streams for six seconds, {STREAMS_AT_ONCE} sessions side by side")
    steady = latency.measure(status, STEADY, turns=options.turns, at_once=STREAMS_AT_ONCE)
    print("counting the calls of a session with 1,000 turns")
    counts = counting.count_turns(status, status["outputs"], COUNTED_TURNS)
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "latency_ms": {
            "instant": latency.summary(instant),
            "instant_after_idle": latency.summary(idle),
            "steady": latency.summary(steady),
        },
        "turns": {str(turn): count.as_json() for turn, count in counts.items()},
    }


def _print(result: dict[str, Any]) -> None:
    console = Console(width=110)
    console.print(_latency_table(result["latency_ms"]))
    console.print(_count_table(result["turns"]))


def _latency_table(latencies: dict[str, dict[str, float]]) -> Table:
    title = "Milliseconds after the send, warm: p50 / p95"
    table = Table("stand-in", "n", "accepted", "first delta", "answer", "posts p50 / max", title=title)
    for name, row in latencies.items():
        times = [f"{row[f'{t}_p50']} / {row[f'{t}_p95']}" for t in ("accepted", "first_delta", "answer")]
        table.add_row(name, str(row["n"]), *times, f"{row['posts_p50']:.0f} / {row['posts_max']:.0f}")
    return table


def _count_table(turns: dict[str, dict[str, Any]]) -> Table:
    title = "Counted, for a turn with 1 KB of text"
    table = Table("turn", "to accepted", "queue to Claude", "after Claude", "write units", title=title)
    for name in ("read units", "posts"):
        table.add_column(name)
    for turn, count in turns.items():
        calls = [
            ", ".join(f"{n} {name}" for name, n in sorted(count[phase].items()))
            for phase in ("to_accepted", "queue_to_claude", "after_claude")
        ]
        units = [f"{count['write_units']:g}", f"{count['read_units']:g}", str(count["posts"])]
        table.add_row(turn, *calls, *units)
    return table


if __name__ == "__main__":
    main()
