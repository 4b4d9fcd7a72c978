"""What a memory costs in input tokens, and how much of what a question needs it tells Claude.

python -m bench.cost --dataset FILE [--json FILE]
"""

from __future__ import annotations

import argparse
import html
import json
import re
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.caching import Call
from bench.dialogues import Dialogue, read
from bench.strategies import NAMED, ORIGINAL, STRATEGIES, Said, Strategy
from bridge.memory.prompt import Prompt

GAPS = (timedelta(seconds=30), timedelta(minutes=10))
"""From one exchange to the next, where the data set has one time for all of a session."""

ASKED_AFTER = timedelta(days=1)
"""From the conversation's end to the first question; the others follow a gap apart."""

QUOTED = 0.5
"""The share of a message's characters from which on it counts as told."""

GREETING, FAREWELL = "Hi.", "OK."
"""What an exchange lacks where Claude's side begins a session, or the owner's ends it."""

_QUOTATION = re.compile(r"<(?:user|you) [^>]*>(.*?)</(?:user|you)>", re.DOTALL)


def exchanges(dialogue: Dialogue, gap: timedelta) -> list[Said]:
    """Return a dialogue's messages as exchanges; bench/README.md tells how.

    An exchange has its first message's time, or is ``gap`` after the one before where that is later.
    """
    owner = dialogue.messages[0].speaker
    said: list[Said] = []
    for session, messages in groupby(dialogue.messages, key=lambda message: message.session_id):
        runs = [list(run) for _, run in groupby(messages, key=lambda message: message.speaker == owner)]
        if runs[0][0].speaker != owner:
            runs.insert(0, [])
        for n in range(0, len(runs), 2):
            both = [*runs[n], *(runs[n + 1] if n + 1 < len(runs) else ())]
            at = both[0].at.replace(tzinfo=both[0].at.tzinfo or UTC)
            if n:
                at = max(at, said[-1].at + gap)
            question, answer = ("\n".join(m.text for m in run) for run in (runs[n], both[len(runs[n]) :]))
            said.append(Said(session, at, question or GREETING, answer or FAREWELL))
    return said


def addressed(question: str, dialogue: Dialogue) -> str:
    """Return a question as the owner asks Claude: "I" and "you" instead of the speakers' names."""
    owner = dialogue.messages[0].speaker
    other = next((m.speaker for m in dialogue.messages if m.speaker != owner), "")
    for name, subject, possessive in ((owner, "I", "my"), (other, "you", "your")):
        if name:
            question = re.sub(rf"\b{re.escape(name)}['\u2019]s\b", possessive, question)
            question = re.sub(rf"\b{re.escape(name)}\b", subject, question)
    return question


def told(asked: Prompt) -> list[str]:
    """Return the texts that a prompt tells: its quotations, and its other blocks as they are."""
    texts: list[str] = []
    for block in (block for message in asked.messages for block in message["content"]):
        quoted = _QUOTATION.findall(block["text"]) if block["text"].startswith("<memory ") else None
        texts += [block["text"]] if quoted is None else map(html.unescape, quoted)
    return texts


def is_told(message: str, texts: Iterable[str]) -> bool:
    """Tell whether at least QUOTED of a message stands in texts: a passage of it, or its end after a cut."""
    message = message.strip()
    end = message[len(message) - max(1, round(QUOTED * len(message))) :]
    return any(end in text or (text in message and len(text) >= QUOTED * len(message)) for text in texts)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question's call, and the share of its evidence that the prompt held."""

    call: Call
    evidence: float


def replay(
    dialogues: Sequence[Dialogue], make: Callable[[], Strategy], gap: timedelta, *, named: bool
) -> tuple[list[Call], list[Asked]]:
    """Go through every conversation, then ask its questions."""
    calls, asked = [], []
    for dialogue in dialogues:
        strategy = make()
        said = exchanges(dialogue, gap)
        calls += [_light(strategy.say(each)) for each in said]
        texts = {message.id: message.text for message in dialogue.messages}
        at = said[-1].at + ASKED_AFTER
        for question in dialogue.questions:
            call = strategy.ask(question.text if named else addressed(question.text, dialogue), at)
            there = told(call.prompt)
            found = statistics.fmean(is_told(texts[id_], there) for id_ in question.evidence)
            asked.append(Asked(_light(call), found))
            at += gap
    return calls, asked


def _light(call: Call) -> Call:
    """Return a call without its prompt, of which there are too many."""
    return replace(call, prompt=Prompt([], []))


def figures(calls: Sequence[Call]) -> dict[str, float]:
    """Return what calls took: tokens and equivalents a call, and the share of all input read cached."""
    inputs, billed = [call.input for call in calls], [call.billed for call in calls]
    return {
        "calls": len(calls),
        "input_median": statistics.median(inputs),
        "input_mean": statistics.fmean(inputs),
        "billed_median": statistics.median(billed),
        "billed_mean": statistics.fmean(billed),
        "summary_mean": statistics.fmean(call.summary for call in calls),
        "cache_hit_share": sum(call.usage.cache_read_input_tokens for call in calls) / sum(inputs),
    }


def measure(dialogues: Sequence[Dialogue], gap: timedelta) -> dict[str, dict[str, dict[str, float]]]:
    """Return the figures of the turns and of the questions, by strategy."""
    turns, questions = {}, {}
    for name, make in STRATEGIES.items():
        calls, asked = replay(dialogues, make, gap, named=name == NAMED)
        turns[name] = figures(calls)
        evidence = statistics.fmean(each.evidence for each in asked)
        questions[name] = {"evidence": evidence, **figures([each.call for each in asked])}
    for row in turns.values():
        row["billed_to_original"] = row["billed_mean"] / turns[ORIGINAL]["billed_mean"]
    for row in questions.values():
        row["billed_to_original"] = row["billed_mean"] / questions[ORIGINAL]["billed_mean"]
        row["evidence_to_original"] = row["evidence"] / (questions[ORIGINAL]["evidence"] or 1)
    return {"turns": turns, "questions": questions}


def _turns_table(rows: dict[str, dict[str, float]], gap: str) -> Table:
    calls = next(iter(rows.values()))["calls"]
    table = Table(title=f"(a) {calls:,} turns, {gap} apart: input tokens a call", title_justify="left")
    for name in ("strategy", "input", "mean", "billed as", "mean", "summary", "cache hits", "to original"):
        table.add_column(name, justify="left" if name == "strategy" else "right")
    for name, row in rows.items():
        if name != NAMED:
            table.add_row(
                name,
                *(f"{row[kind]:,.0f}" for kind in ("input_median", "input_mean")),
                *(f"{row[kind]:,.0f}" for kind in ("billed_median", "billed_mean", "summary_mean")),
                f"{row['cache_hit_share']:.0%}",
                f"{row['billed_to_original']:.2f}",
            )
    return table


def _questions_table(rows: dict[str, dict[str, float]], gap: str) -> Table:
    calls = next(iter(rows.values()))["calls"]
    title = f"(b) {calls:,} questions in new sessions, {gap} apart: evidence told, input tokens a call"
    table = Table(title=title, title_justify="left")
    for name in ("strategy", "evidence", "to original", "input mean", "billed as", "mean", "to original"):
        table.add_column(name, justify="left" if name == "strategy" else "right")
    for name, row in rows.items():
        table.add_row(
            name,
            f"{row['evidence']:.1%}",
            f"{row['evidence_to_original']:.1f}",
            *(f"{row[kind]:,.0f}" for kind in ("input_mean", "billed_median", "billed_mean")),
            f"{row['billed_to_original']:.2f}",
        )
    return table


def main() -> None:
    """Measure, print tables, and write them as JSON where asked."""
    parser = argparse.ArgumentParser(prog="python -m bench.cost", description=__doc__)
    parser.add_argument("--dataset", type=Path, required=True, help="the conversations; see bench/README.md")
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    options = parser.parse_args()
    dialogues = read(options.dataset)
    console = Console(width=110)
    report: dict[str, Any] = {}
    for gap in GAPS:
        seconds = f"{gap.total_seconds():.0f}"
        found = report[seconds] = measure(dialogues, gap)
        console.print(_turns_table(found["turns"], f"{seconds} s"))
        console.print(_questions_table(found["questions"], f"{seconds} s"))
    if options.json:
        options.json.write_text(json.dumps({"by_gap_seconds": report}, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
