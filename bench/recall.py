"""How much of what a question needs the recall finds, and how long it takes.

python -m bench.recall --dataset FILE [--json FILE] [--ingredients]
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Protocol
from unittest.mock import patch

# The functions' package is not installed; only its source is here.
sys.path.insert(0, str(Path(__file__).parents[1] / "lambda"))

from bench.baselines import LastCharacters, PlainBM25
from bench.dialogues import Asked, Dialogue, read, tokens
from bridge.memory import Message, RecallIndex
from bridge.memory.recall import postings, vectors
from bridge.memory.recall.scoring import Weights

RANKS = (5, 10, 20)
BUDGETS = (500, 1000, 2000, 4000)
SIZES = (600, 6000, 20000)
DEEPEST = 200
"""Messages asked for: more than any budget holds."""
COLUMNS = (*(f"R@{k}" for k in RANKS), "nDCG@10", *(f"{b:,} tok" for b in BUDGETS))

Row = tuple[float, ...]


class Finder(Protocol):
    """Something that finds messages for a question."""

    def find(self, question: str, limit: int) -> list[str]:
        """Return ids, best first."""
        ...


class Ours:
    """The bridge's recall."""

    def __init__(self, messages: Iterable[Message], weights: Weights | None = None) -> None:
        self.index = RecallIndex(messages, weights=weights or Weights())

    def find(self, question: str, limit: int) -> list[str]:
        """Return ids, best first."""
        return [hit.id for hit in self.index.search(question, limit)]


def judge(asked: Asked, found: list[str], sizes: dict[str, int]) -> Row:
    """Return a question's figures, in the order of COLUMNS."""
    evidence = asked.evidence
    recall = [len(evidence.intersection(found[:k])) / len(evidence) for k in RANKS]
    gain = sum(1 / math.log2(rank + 2) for rank, id_ in enumerate(found[:10]) if id_ in evidence)
    ideal = sum(1 / math.log2(rank + 2) for rank in range(min(10, len(evidence))))
    within = []
    for budget in BUDGETS:
        room, got = budget, set()
        for id_ in found:
            room -= sizes[id_]
            if room < 0:
                break
            got.add(id_)
        within.append(len(evidence & got) / len(evidence))
    return (*recall, gain / ideal, *within)


def quality(dialogues: list[Dialogue], make: Callable[[list[Message]], Finder]) -> dict[str, Row]:
    """Return the mean figures of all questions, and of each category."""
    rows: dict[str, list[Row]] = {"all": []}
    for dialogue in dialogues:
        finder = make(dialogue.messages)
        sizes = {message.id: tokens(message) for message in dialogue.messages}
        for asked in dialogue.questions:
            row = judge(asked, finder.find(asked.text, DEEPEST), sizes)
            rows["all"].append(row)
            rows.setdefault(asked.category, []).append(row)
    return {name: tuple(map(statistics.fmean, zip(*of, strict=True))) for name, of in rows.items()}


def speed(dialogues: list[Dialogue], size: int) -> dict[str, float]:
    """Return milliseconds to build an index of ``size`` messages, to add one, and to ask it."""
    messages = list(islice(_repeated(dialogues), size + 100))
    questions = [q.text for d in dialogues for q in d.questions][:300]
    started = time.perf_counter()
    index = RecallIndex(messages[:size])
    built = (time.perf_counter() - started) * 1000
    asked = _times(lambda text: index.search(text, 20), questions)
    added = _times(lambda message: index.add([message]), messages[size:])
    return {
        "messages": size,
        "build_ms": built,
        "query_p50_ms": asked[0],
        "query_p95_ms": asked[1],
        "add_p50_ms": added[0],
        "add_p95_ms": added[1],
    }


def _times(do: Callable[[Any], object], arguments: list[Any]) -> tuple[float, float]:
    taken = []
    for argument in arguments:
        started = time.perf_counter()
        do(argument)
        taken.append((time.perf_counter() - started) * 1000)
    taken.sort()
    return taken[len(taken) // 2], taken[int(len(taken) * 0.95)]


def _repeated(dialogues: list[Dialogue]) -> Iterable[Message]:
    """Yield the conversations' messages over and over, each time as other sessions of other ids."""
    for number, dialogue in enumerate(cycle(dialogues)):
        for message in dialogue.messages:
            yield replace(message, id=f"{number}/{message.id}", session_id=f"{number}/{message.session_id}")


def ingredients(dialogues: list[Dialogue]) -> dict[str, Row]:
    """Return the figures with each ingredient left out in turn."""
    left_out: dict[str, dict[str, float]] = {
        "speaker": {"speaker": 0, "first_person": 0},
        "dates": {"dates": 0},
        "timely": {"timely": 0},
        "kind": {"kind": 0},
        "session": {"session": 0},
        "meaning": {"meaning": 0},
        "asking": {"asking": 0},
    }
    rows = {"as it is": quality(dialogues, Ours)["all"]}
    for name, weights in left_out.items():
        rows[f"no {name}"] = quality(dialogues, partial(Ours, weights=Weights(**weights)))["all"]
    with patch.multiple(
        postings,
        TO_NEXT=0,
        TO_NEXT_IF_ASKING=0,
        TO_PREVIOUS=0,
        TO_SECOND_NEXT=0,
        TO_SECOND_PREVIOUS=0,
    ):
        rows["no neighbours"] = quality(dialogues, Ours)["all"]
    return rows


def _print(title: str, rows: dict[str, Row]) -> None:
    print(f"\n{title:<22}" + "".join(f"{name:>10}" for name in COLUMNS))
    for name, row in rows.items():
        print(f"{name:<22}" + "".join(f"{100 * value:>10.1f}" for value in row))


def main() -> None:
    """Measure, print tables, and write them as JSON where asked."""
    parser = argparse.ArgumentParser(prog="bench.recall", description=__doc__)
    parser.add_argument("--dataset", type=Path, required=True, help="the conversations; see bench/README.md")
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    parser.add_argument("--ingredients", action="store_true", help="leave each ingredient out in turn")
    arguments = parser.parse_args()
    dialogues = read(arguments.dataset)
    finders: dict[str, Callable[[list[Message]], Finder]] = {
        "recall": Ours,
        "plain BM25": PlainBM25,
        "last 8,000 characters": LastCharacters,
    }
    found = {name: quality(dialogues, make) for name, make in finders.items()}
    for name, rows in found.items():
        _print(name, rows)
    report: dict[str, Any] = {
        "quality": {
            name: {category: dict(zip(COLUMNS, row, strict=True)) for category, row in rows.items()}
            for name, rows in found.items()
        }
    }
    if arguments.ingredients:
        rows = ingredients(dialogues)
        _print("left out", rows)
        report["ingredients"] = {name: dict(zip(COLUMNS, row, strict=True)) for name, row in rows.items()}
    vectors.load.cache_clear()
    started = time.perf_counter()
    vectors.load()
    report["vectors_ms"] = (time.perf_counter() - started) * 1000
    report["speed"] = [speed(dialogues, size) for size in SIZES]
    print(f"\nword vectors loaded in {report['vectors_ms']:.1f} ms; other times in ms:")
    print("".join(f"{name.removesuffix('_ms'):>12}" for name in report["speed"][0]))
    for line in report["speed"]:
        print(
            "".join(
                f"{value:>12,.2f}" if name != "messages" else f"{value:>12,}" for name, value in line.items()
            )
        )
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
