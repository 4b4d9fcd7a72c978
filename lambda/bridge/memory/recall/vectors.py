"""What words mean, roughly: 64 small numbers a term, from a file beside this module.

They bring messages to the front that say a question's thing in other words: a third of a point of
recall@10 (docs/decisions/0011-recall-index.md). tools/word_vectors.py makes the file, and
word_vectors.LICENSE says whose they are. It is read once, when a vector is first asked for.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable
from functools import lru_cache
from operator import add, mul
from pathlib import Path
from typing import TypeAlias

DIMENSIONS = 64
FILE = Path(__file__).with_name("word_vectors.bin")
MAGIC = b"CCBWV1\n\0"

Vector: TypeAlias = "array[float]"
"""A unit vector of 4-byte floats."""


@lru_cache(maxsize=1)
def load() -> tuple[dict[str, int], memoryview]:
    """Read the file, once: where each term's row begins, and all rows.

    Called by itself it spares the first question the wait. Raises ValueError if the file is damaged.
    """
    data = FILE.read_bytes()
    if not data.startswith(MAGIC):
        raise ValueError(f"{FILE.name} is no file of word vectors")
    head = len(MAGIC) + 8
    count, size = (int.from_bytes(data[at : at + 4], "big") for at in (head - 8, head - 4))
    names = data[head : head + size].decode("ascii").split("\n")
    rows = memoryview(data)[head + size :].cast("b")
    if len(names) != count or len(rows) != count * DIMENSIONS:
        raise ValueError(f"{FILE.name} is cut off or damaged")
    return dict(zip(names, range(0, len(rows), DIMENSIONS), strict=True)), rows


def vector(terms: Iterable[str]) -> Vector | None:
    """Return the unit vector of what ``terms`` mean together, or None where none of them is known.

    A term's own length in the file is how much it tells, so that a plain sum is a weighted one.
    """
    offsets, rows = load()
    total: list[int] | None = None
    for term in terms:
        at = offsets.get(term)
        if at is not None:
            row = rows[at : at + DIMENSIONS]
            total = row.tolist() if total is None else list(map(add, total, row))
    if total is None:
        return None
    length = math.sqrt(sum(map(mul, total, total)))
    return array("f", [value / length for value in total]) if length else None


def likeness(one: Vector, other: Vector) -> float:
    """Return the cosine of two unit vectors, from -1 to 1."""
    cosine: float = sum(map(mul, one, other))
    return cosine
