"""What a turn reads of a long memory, cold and warm: AWS calls and read units before Claude is asked.

    python -m bench.memory --dataset FILE [--messages 6000] [--json FILE]

Fills the memory of one owner in a local AWS of its own, through the functions' own adapters, with the
dataset's messages in exchanges of two; tends it as the remember function does; then lets the real answer
function answer the dataset's questions in a session of their own, each once with a function that has just
started and once more with the same one. Prints a table, and writes the same as JSON.
"""

from __future__ import annotations

import argparse
import importlib
import json
import statistics
import uuid
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench import counting
from bench.deployment import deployed
from bench.dialogues import Dialogue, read
from bench.standin import INSTANT, StandIn
from bridge.conversation import Exchange, Session, SessionKey

PER_SESSION = 40
"""Exchanges of a session: about what a day's conversation in the dataset has."""

TEND_EVERY = 8
QUESTIONS = 25


def main() -> None:
    """Fill, ask, print, write."""
    options = _options()
    with deployed() as (_, status):
        result = _measure(status, read(options.dataset), options.messages)
    _print(result)
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.memory", description=__doc__)
    parser.add_argument("--dataset", type=Path, required=True, help="conversations, see bench/README.md")
    parser.add_argument("--messages", type=int, default=6000, help="messages remembered")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    return parser.parse_args()


def _measure(status: dict[str, Any], dialogues: list[Dialogue], messages: int) -> dict[str, Any]:
    questions = [asked.text for dialogue in dialogues for asked in dialogue.questions]
    step = max(1, len(questions) // QUESTIONS)
    cold, warm = [], []
    with StandIn() as claude:
        functions = counting.Functions(status, status["outputs"], claude)
        size = _fill(dialogues, messages)
        for question in questions[::step][:QUESTIONS]:
            functions.start_anew()
            cold.append(functions.turn(f"cold-{uuid.uuid4().hex[:8]}", question))
            warm.append(functions.turn(f"warm-{uuid.uuid4().hex[:8]}", question))
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "messages": messages,
        **size,
        "cold": _summary(cold),
        "warm": _summary(warm),
    }


def _fill(dialogues: list[Dialogue], messages: int) -> dict[str, int]:
    """Keep so many messages as exchanges of two, by the functions' own code; return what they take."""
    bootstrap = importlib.import_module("bridge.bootstrap")
    sessions, remembering = bootstrap._sessions(), bootstrap.remembering()
    header: Session
    began = datetime.now(UTC) - timedelta(hours=20)
    said = islice(cycle(m.text for dialogue in dialogues for m in dialogue.messages), messages)
    for number, (question, answer) in enumerate(zip(said, said, strict=False)):
        key = SessionKey(counting.OWNER, f"chat-{number // PER_SESSION:04d}")
        turn = number % PER_SESSION + 1
        if turn == 1:
            header = Session.begin(key, 1)
        exchange = Exchange(
            turn=turn,
            first_turn=1,
            at=began + timedelta(seconds=20 * number),
            request_id=str(uuid.uuid4()),
            question=question,
            answer=answer,
            model=INSTANT,
            stop_reason="end_turn",
        )
        header = header.caught_up([exchange])
        sessions.keep(exchange, header)
        header = replace(header, version=turn)
        if number % TEND_EVERY == TEND_EVERY - 1:
            remembering.tend(counting.OWNER)
    head = bootstrap._archive().head(counting.OWNER)
    return {
        "segments": len(head.segments),
        "segment_bytes": sum(segment.size for segment in head.segments),
        "pending": len(head.pending),
    }


def _summary(counts: list[counting.Count]) -> dict[str, Any]:
    calls: Counter[str] = Counter()
    for count in counts:
        calls += count.queue_to_claude
    units = sorted(count.read_units for count in counts)
    return {
        "turns": len(counts),
        "calls_to_claude": {name: round(times / len(counts), 2) for name, times in calls.items()},
        "most_calls_to_claude": max(sum(count.queue_to_claude.values()) for count in counts),
        "read_units_median": statistics.median(units),
        "read_units_most": units[-1],
        "write_units_median": statistics.median(count.write_units for count in counts),
    }


def _print(result: dict[str, Any]) -> None:
    title = (
        f"A question to a memory of {result['messages']:,} messages: {result['segments']} segments,"
        f" {result['segment_bytes']:,} bytes, {result['pending']} exchanges pending"
    )
    table = Table("function", "n", "queue to Claude", "most calls", title=title)
    table.add_column("read units, median / most")
    table.add_column("write units")
    for name in ("cold", "warm"):
        row = result[name]
        calls = ", ".join(f"{times:g} {call}" for call, times in sorted(row["calls_to_claude"].items()))
        units = f"{row['read_units_median']:g} / {row['read_units_most']:g}"
        writes = f"{row['write_units_median']:g}"
        table.add_row(name, str(row["turns"]), calls, str(row["most_calls_to_claude"]), units, writes)
    Console(width=130).print(table)


if __name__ == "__main__":
    main()
