"""Columns of numbers as bytes: what a segment is made of.

A column's numbers take one, two, four or eight bytes each, as its largest one needs. Bytes of one rank
stand together (all low ones, then all next ones), since those are alike and compress well. Both ways
everything is done by the standard library in C.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise

_CODES = {1: "B", 2: "H", 4: "I", 8: "Q"}


class Columns:
    """Columns that are written one after the other, and read in the same order."""

    def __init__(self, data: bytes = b"", shapes: Sequence[int] = ()) -> None:
        self.data = bytearray(data)
        self.shapes = list(shapes)
        """Of each column how many numbers it has, and how many bytes each takes."""
        self._column = 0
        self._at = 0

    def write(self, numbers: Iterable[int]) -> None:
        """Append a column of numbers from 0 to 2**64 - 1."""
        column = array("Q", numbers)
        width = max(1, (max(column, default=0).bit_length() + 7) // 8)
        width = next(each for each in _CODES if each >= width)
        raw = _little(array(_CODES[width], column)).tobytes()
        for rank in range(width):
            self.data += raw[rank::width]
        self.shapes += (len(column), width)

    def read(self) -> Sequence[int]:
        """Return the next column."""
        count, width = self.shapes[self._column : self._column + 2]
        part = self.data[self._at : self._at + count * width]
        self._column += 2
        self._at += count * width
        if width == 1:
            return part
        raw = bytearray(count * width)
        for rank in range(width):
            raw[rank::width] = part[rank * count : (rank + 1) * count]
        column = array(_CODES[width])
        column.frombytes(raw)
        return _little(column)

    def write_steps(self, numbers: Iterable[int]) -> None:
        """Append a column of numbers from -2**62 on, each as its distance from the one before."""
        self.write(_folded(b - a for a, b in pairwise((0, *numbers))))

    def read_steps(self) -> list[int]:
        """Return the next column, which ``write_steps`` wrote."""
        return list(accumulate((n >> 1) ^ -(n & 1) for n in self.read()))

    def write_rising(self, numbers: Iterable[int]) -> None:
        """Append a column of numbers of which none is less than the one before."""
        self.write(b - a for a, b in pairwise((0, *numbers)))

    def read_rising(self) -> list[int]:
        """Return the next column, which ``write_rising`` wrote."""
        return list(accumulate(self.read()))


def _folded(numbers: Iterable[int]) -> Iterable[int]:
    # Small ones of either sign become small ones without: 0, -1, 1, -2 are 0, 1, 2, 3.
    return (n << 1 if n >= 0 else ~n << 1 | 1 for n in numbers)


def _little(column: array[int]) -> array[int]:
    if sys.byteorder == "big":
        column.byteswap()
    return column
