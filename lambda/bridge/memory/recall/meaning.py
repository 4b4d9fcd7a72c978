"""What words mean, roughly: 256 bits a term, from a file beside this module.

The more bits two terms' codes share, the more alike they are: an exclusive or and a count, which cost
Python a twentieth of what 64 multiplications and their sum do. tools/word_vectors.py makes the file, and
word_vectors.LICENSE says whose it is. It is read once, when a term is first asked for.
"""

from __future__ import annotations

import math
import zlib
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

BITS = 256
FILE = Path(__file__).with_name("word_vectors.bin")
MAGIC = b"CCBWV2\n\0"

UNRELATED = 0.1
"""Cosine up to which two words have nothing in common."""

ALIKE = [
    max(0.0, (math.cos(math.pi * differing / BITS) - UNRELATED) / (1 - UNRELATED))
    for differing in range(BITS + 1)
]
"""How alike two terms are, from 0 to 1, by how many of their codes' bits differ. The angle between two
vectors is the share of random planes that part them."""


class Vocabulary(NamedTuple):
    """The terms of the file in their order, where each stands, their codes, and the list's checksum."""

    terms: list[str]
    numbers: dict[str, int]
    codes: bytes
    checksum: int


@lru_cache(maxsize=1)
def vocabulary() -> Vocabulary:
    """Read the file, once. Called by itself it spares the first question the wait.

    Raises ValueError if the file is damaged.
    """
    data = FILE.read_bytes()
    if not data.startswith(MAGIC):
        raise ValueError(f"{FILE.name} is no file of word codes")
    head = len(MAGIC) + 8
    count, size = (int.from_bytes(data[at : at + 4], "big") for at in (head - 8, head - 4))
    names = data[head : head + size]
    terms = names.decode("ascii").split("\n")
    codes = data[head + size :]
    if len(terms) != count or len(codes) != count * BITS // 8:
        raise ValueError(f"{FILE.name} is cut off or damaged")
    return Vocabulary(terms, dict(zip(terms, range(count), strict=True)), codes, zlib.crc32(names))


@lru_cache(maxsize=32768)
def code(number: int) -> int:
    """Return the code of the vocabulary's term of this number."""
    at = number * BITS // 8
    return int.from_bytes(vocabulary().codes[at : at + BITS // 8], "big")
