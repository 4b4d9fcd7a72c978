"""The ids of a segment's messages, in few bytes, and readable whatever version of the analysis wrote them.

An id of the bridge, `{session}#{turn}#{milliseconds in base 36}#u` or `…#a`, is stored as its parts;
any other as it is.
"""

from __future__ import annotations

import json
import lzma
import re
import struct
from collections.abc import Sequence
from typing import Any

from bridge.memory.recall.columns import Columns

_HEAD = struct.Struct(">2sHII")
"""What a segment begins with: a mark, the version, the vocabulary's checksum, the size of the ids' part."""
_MARK = b"R\x02"
_FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 9, "dict_size": 1 << 20, "lc": 0, "lp": 0, "pb": 0}]
"""Without a container's header and checks. A dictionary of 1 MB is more than a segment has; the preset's
64 MB would be laid out for each."""

_SPLIT = re.compile(r"(.*)#(0|[1-9]\d{0,14})#(0|[1-9a-z][0-9a-z]{0,10})#([ua])", re.ASCII | re.DOTALL)
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_PAIRS = [high + low for high in _DIGITS for low in _DIGITS]

OTHER, USER, ASSISTANT = range(3)


def compress(meta: list[Any], columns: Columns) -> bytes:
    """Return ``columns`` and what else is JSON in one piece."""
    head = json.dumps([columns.shapes, meta], separators=(",", ":"), ensure_ascii=False)
    # The end of the line divides the two: JSON without indentation has none.
    data = head.encode("utf-8", "surrogatepass") + b"\n" + columns.data
    return lzma.compress(data, lzma.FORMAT_RAW, filters=_FILTERS)


def decompress(data: bytes) -> tuple[list[Any], Columns]:
    """Return what ``compress`` was given."""
    data = lzma.decompress(data, lzma.FORMAT_RAW, filters=_FILTERS)
    cut = data.index(b"\n")
    shapes, meta = json.loads(data[:cut].decode("utf-8", "surrogatepass"))
    return meta, Columns(data[cut + 1 :], shapes)


def join(version: int, checksum: int, ids: bytes, rest: bytes) -> bytes:
    """Return a segment of its two parts."""
    return _HEAD.pack(_MARK, version, checksum, len(ids)) + ids + rest


def cut(segment: bytes) -> tuple[int, int, bytes, bytes]:
    """Return a segment's version, its vocabulary's checksum, and its two parts.

    Raises ValueError where it is no segment.
    """
    if len(segment) < _HEAD.size or not segment.startswith(_MARK):
        raise ValueError("no segment of the recall")
    _, version, checksum, size = _HEAD.unpack_from(segment)
    return version, checksum, segment[_HEAD.size : _HEAD.size + size], segment[_HEAD.size + size :]


def pack_ids(ids: Sequence[str], sessions: Sequence[str]) -> bytes:
    """Return messages' ids with their sessions' names."""
    names = {session: number for number, session in enumerate(dict.fromkeys(sessions))}
    columns = Columns()
    kinds, turns, times, others = [], [], [], []
    for id_, session in zip(ids, sessions, strict=True):
        found = _SPLIT.fullmatch(id_)
        if found is None or found[1] != session:
            kinds.append(OTHER)
            others.append(id_)
        else:
            kinds.append(USER if found[4] == "u" else ASSISTANT)
            turns.append(int(found[2]))
            times.append(int(found[3], 36))
    columns.write(kinds)
    columns.write_steps(map(names.__getitem__, sessions))
    columns.write_steps(turns)
    columns.write_steps(times)
    return compress([list(names), others], columns)


def unpack_ids(packed: bytes) -> tuple[list[str], list[str], list[int], list[int]]:
    """Return messages' ids, the sessions' names, each message's session's number, and its milliseconds.

    The milliseconds are those of the bridge's ids, and 0 of others.
    """
    meta, columns = decompress(packed)
    names, others = meta
    kinds, sessions = columns.read(), columns.read_steps()
    turns, times = iter(columns.read_steps()), iter(columns.read_steps())
    rest = iter(others)
    ids, milliseconds = [], []
    known, text = -1, ""
    for kind, session in zip(kinds, sessions, strict=True):
        if kind == OTHER:
            ids.append(next(rest))
            milliseconds.append(0)
            continue
        time = next(times)
        if time != known:
            known, text = time, base36(time)
        ids.append(f"{names[session]}#{next(turns)}#{text}#{'u' if kind == USER else 'a'}")
        milliseconds.append(time)
    return ids, names, sessions, milliseconds


def segment_ids(segment: bytes) -> list[str]:
    """Return the ids of a segment's messages, whatever version packed it. Raises ValueError if none did."""
    return unpack_ids(cut(segment)[2])[0]


def base36(number: int) -> str:
    """Return a number from 0 on in base 36."""
    digits = ""
    while number:
        number, pair = divmod(number, 36 * 36)
        digits = _PAIRS[pair] + digits
    return digits.lstrip("0") or "0"
