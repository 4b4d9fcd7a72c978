"""Analysed messages as bytes and back, so that what was worked out once need not be again.

Compressed JSON: the standard library reads it in C, and messages of one conversation share most of
their words. Terms are numbered by first appearance in the segment. Word vectors are left out, since
they follow from the terms. Deterministic: the same messages give the same bytes.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from bridge.memory.recall.analysis import Analysis, Passage

VERSION = 2
"""Of the format and of the analysis: whatever changes terms, dates or traits makes segments stale."""


class StaleSegment(ValueError):
    """The segment was written by another version: its messages have to be analysed again."""


def pack(analyses: Iterable[Analysis]) -> bytes:
    """Return a segment that holds ``analyses`` in their order."""
    numbers: dict[str, int] = {}
    sessions: dict[str, int] = {}
    speakers: dict[str, int] = {}
    rows = [
        [
            each.id,
            sessions.setdefault(each.session_id, len(sessions)),
            each.at.isoformat(),
            speakers.setdefault(each.speaker, len(speakers)),
            [
                [
                    [numbers.setdefault(term, len(numbers)) for term in passage.counts],
                    {n: count for n, count in enumerate(passage.counts.values()) if count > 1},
                    passage.dates,
                    passage.traits,
                    passage.start,
                    passage.end,
                ]
                for passage in each.passages
            ],
        ]
        for each in analyses
    ]
    content = [VERSION, list(numbers), list(sessions), list(speakers), rows]
    return zlib.compress(json.dumps(content, separators=(",", ":")).encode("ascii"), 9)


def unpack(segment: bytes) -> list[Analysis]:
    """Return what ``pack`` was given. Raises StaleSegment where another version packed it."""
    version, *content = json.loads(zlib.decompress(segment))
    if version != VERSION:
        raise StaleSegment(f"version {version}, where {VERSION} is read")
    terms, sessions, speakers, rows = content
    return [
        Analysis(
            id_,
            sessions[session],
            datetime.fromisoformat(at),
            speakers[speaker],
            tuple(_passage(passage, terms) for passage in passages),
        )
        for id_, session, at, speaker, passages in rows
    ]


def _passage(packed: list[Any], terms: list[str]) -> Passage:
    numbers, repeated, dates, traits, start, end = packed
    counts = dict.fromkeys(map(terms.__getitem__, numbers), 1)
    if repeated:
        for n, count in repeated.items():
            counts[terms[numbers[int(n)]]] = count
    return Passage(counts, tuple(dates), traits, start, end)
