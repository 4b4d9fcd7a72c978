"""What is thrown at the parsers: JSON as no library writes it, bytes in any cut, things changed at random."""

from __future__ import annotations

import json
from collections.abc import Callable

from hypothesis import strategies as st

FRAME_EDGE = 131_072
"""Bytes of the longest frame."""

_pieces = st.sampled_from(
    [
        *["a", "é", "中", "😀", " ", "\x7f", "\u2028", "\\n", '\\"', "\\\\", "\\/", "-", "_", "1", "null"],
        *["\\u0000", "\\u00e9", "\\ud83d", "\\ude00", "\\ud83d\\ude00", "\\uD800"],
    ]
)
_numbers = st.one_of(
    st.integers(-(10**20), 10**20).map(str),
    st.floats().map(json.dumps),  # with NaN and Infinity, which Python reads although they are no JSON
    st.sampled_from(["-0", "1e999", "-1e999", "1E-999", "1e5", "9" * 4300, "9" * 4301, "0." + "9" * 5000]),
)


def strings(*worth: str) -> st.SearchStrategy[str]:
    """Draw strings of JSON, quotes included: any text, hostile escapes, or what is ``worth`` a try."""
    hostile = st.lists(_pieces, max_size=8).map(lambda pieces: '"' + "".join(pieces) + '"')
    written = hostile | st.text(max_size=12).map(_quoted)
    return written | st.sampled_from(worth).map(_quoted) if worth else written


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def json_texts(keys: list[str], worth: list[str]) -> st.SearchStrategy[str]:
    """Draw values of JSON as text, as no library writes it: with any of the ``keys``, some of them twice."""
    names = strings(*keys)
    leaves = st.sampled_from(["null", "true", "false", "[]", "{}"]) | _numbers | strings(*worth)
    return st.recursive(
        leaves,
        lambda inner: (
            st.lists(inner, max_size=4).map(lambda items: f"[{','.join(items)}]")
            | st.lists(st.tuples(names, inner), max_size=6).map(
                lambda pairs: "{" + ",".join(f"{name}:{value}" for name, value in pairs) + "}"
            )
        ),
        max_leaves=12,
    )


nestings = st.builds(
    lambda begin, end, depth, closed: begin * depth + "1" + (end * depth if closed else ""),
    *[st.sampled_from(["[", '{"action":', '[{"a":', "[[],"]), st.sampled_from(["]", "}", "}]", "]]"])],
    st.sampled_from([1, 10, 400, 990, 1100, 3000, 20_000, 60_000]),
    st.booleans(),
)
"""Values within values within values, most of them closed the wrong way."""


def changed(drawn: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """Draw something with a few cuts, repetitions, insertions and swaps at any place."""

    def apply(whole: bytes, changes: list[tuple[Callable[[bytes, bytes], bytes], float, int]]) -> bytes:
        for change, where, length in changes:
            at = int(where * len(whole))
            whole = whole[:at] + change(whole[at : at + length], whole[:length]) + whole[at + length :]
        return whole

    operations: list[Callable[[bytes, bytes], bytes]] = [
        lambda _, __: b"",
        lambda here, _: here * 2,
        lambda here, _: here[::-1],
        lambda _, other: other,
        lambda here, _: bytes(byte ^ 0x80 for byte in here),
        lambda here, _: here.replace(b"\n", b"\r\n"),
        lambda here, _: here.replace(b"\n", b"\r"),
        lambda _, __: b"\n\n",
        lambda _, __: b"\\ud800",
        lambda _, __: b"9" * 5000,
    ]
    change = st.tuples(st.sampled_from(operations), st.floats(0, 1), st.sampled_from([0, 1, 2, 7, 40, 300]))
    return st.builds(apply, drawn, st.lists(change, max_size=4))


@st.composite
def cuts(draw: st.DrawFn, whole: bytes) -> list[bytes]:
    """Draw a way to cut bytes into chunks, empty ones among them."""
    size = draw(st.sampled_from([1, 2, 3, 7, 512, 0]))
    if size:
        return [whole[at : at + size] for at in range(0, len(whole), size)]
    at = sorted(draw(st.lists(st.integers(0, len(whole)), max_size=12)))
    return [whole[a:b] for a, b in zip([0, *at], [*at, len(whole)], strict=True)]
