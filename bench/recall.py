"""How much of what a question needs the recall finds, how long it takes, and how much room.

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
from datetime import UTC, timedelta
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Protocol
from unittest.mock import patch

# The functions' package is not installed; only its source is here.
sys.path.insert(0, str(Path(__file__).parents[1] / "lambda"))

from bench.baselines import LastCharacters, PlainBM25
from bench.dialogues import Asked, Dialogue, read, tokens
from bridge.memory import Message, RecallIndex, analyse, pack
from bridge.memory.recall import chains, meaning, question, ranking
from bridge.memory.recall.ids import base36
from bridge.memory.recall.scoring import Weights

RANKS = (5, 10, 20)
BUDGETS = (500, 1000, 2000, 4000)
SIZES = (600, 6000, 20000)
SEGMENT = 600
"""Messages in each of the segments whose size and loading is measured."""
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
    """Return milliseconds to build an index of ``size`` messages, load it, ask it and add to it; and bytes.

    The index that is asked was loaded from segments, and not asked before: what a function does that
    starts cold. Loading is the median of a segment's.
    """
    messages = list(islice(_as_in_the_bridge(dialogues), size + 100))
    questions = [q.text for d in dialogues for q in d.questions][:300]
    started = time.perf_counter()
    RecallIndex(messages[:size])
    built = _since(started)
    segments = [
        pack(map(analyse, messages[start : min(start + SEGMENT, size)])) for start in range(0, size, SEGMENT)
    ]
    loaded = []
    for _ in range(max(1, 10 // len(segments))):
        index = RecallIndex()
        loaded += _times(index.load, segments)
    started = time.perf_counter()
    index.search(questions[0], 20)
    first = _since(started)
    asked = sorted(_times(lambda text: index.search(text, 20), questions))
    added = sorted(_times(lambda message: index.add([message]), messages[size:]))
    return {
        "messages": size,
        "build_ms": built,
        "segment_load_ms": statistics.median(loaded),
        "first_query_ms": first,
        "query_p50_ms": asked[len(asked) // 2],
        "query_p95_ms": asked[int(len(asked) * 0.95)],
        "add_p50_ms": added[len(added) // 2],
        "add_p95_ms": added[int(len(added) * 0.95)],
        "packed_bytes": sum(map(len, segments)),
    }


def _times(do: Callable[[Any], object], arguments: list[Any]) -> list[float]:
    taken = []
    for argument in arguments:
        started = time.perf_counter()
        do(argument)
        taken.append(_since(started))
    return taken


def _since(started: float) -> float:
    return (time.perf_counter() - started) * 1000


def _as_in_the_bridge(dialogues: list[Dialogue]) -> Iterable[Message]:
    """Yield the conversations' messages over and over, each time as other sessions, with the bridge's ids.

    The first speaker is the user. A session's messages are 41 seconds apart, as data sets tell no more
    than its beginning.
    """
    for round_, dialogue in enumerate(cycle(dialogues)):
        user = dialogue.messages[0].speaker
        turns: dict[str, int] = {}
        for message in dialogue.messages:
            turn = turns[message.session_id] = turns.get(message.session_id, -1) + 1
            session = f"chat-{round_:03}{message.session_id[-5:]}"
            when = message.at.replace(tzinfo=UTC) + timedelta(milliseconds=41_077 * (turn // 2))
            speaker = "user" if message.speaker == user else "assistant"
            id_ = f"{session}#{turn // 2 + 1}#{base36(int(when.timestamp() * 1000))}#{'ua'[turn % 2]}"
            yield Message(id_, session, when, speaker, message.text)


def ingredients(dialogues: list[Dialogue]) -> dict[str, Row]:
    """Return the figures with each ingredient left out in turn."""
    left_out: dict[str, dict[str, float]] = {
        "speaker's gain": {"speaker": 0},
        "dates": {"dates": 0},
        "time words": {"timely": 0},
        "titles": {"titled": 0},
        "places": {"placed": 0},
        "session": {"session": 0},
        "meaning": {"meaning": 0},
        "asking": {"asking": 0},
        "what was asked": {"asked": 0},
        "how it was asked": {"asked_alike": 0},
    }
    rows = {"as it is": quality(dialogues, Ours)["all"]}
    for name, weights in left_out.items():
        rows[f"no {name}"] = quality(dialogues, partial(Ours, weights=Weights(**weights)))["all"]
    nothing = chains.Shares(
        to_next=(0, 0), to_previous=(0, 0), to_second_next=(0, 0), to_second_next_if_asked=(0, 0),
        to_second_previous=(0, 0),
    )  # fmt: skip
    alike = chains.Shares(own=(10, 10), to_next=(5, 5), to_previous=(3, 3), to_second_next_if_asked=(3, 3))
    for name, shares in (("no neighbours", nothing), ("questions as statements", alike)):
        with patch.object(chains, "SHARES", shares):
            rows[name] = quality(dialogues, Ours)["all"]
    with patch.object(ranking, "SURE", DEEPEST):
        rows["no order by room"] = quality(dialogues, Ours)["all"]
    with patch.object(question, "_named", lambda *_: set()):
        rows["no one named"] = quality(dialogues, Ours)["all"]
    return rows


def _print(title: str, rows: dict[str, Row]) -> None:
    print(f"\n{title:<24}" + "".join(f"{name:>10}" for name in COLUMNS))
    for name, row in rows.items():
        print(f"{name:<24}" + "".join(f"{100 * value:>10.1f}" for value in row))


def _vectors_ms() -> float:
    taken = []
    for _ in range(5):
        meaning.vocabulary.cache_clear()
        started = time.perf_counter()
        meaning.vocabulary()
        taken.append(_since(started))
    return statistics.median(taken)


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
    report["vocabulary_ms"] = _vectors_ms()
    report["speed"] = [speed(dialogues, size) for size in SIZES]
    print(f"\nvocabulary read in {report['vocabulary_ms']:.1f} ms; other times in ms:")
    for name in report["speed"][0]:
        form = "{:>12,.2f}" if name.endswith("_ms") else "{:>12,}"
        print(f"{name:<18}" + "".join(form.format(line[name]) for line in report["speed"]))
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
