"""What hostile input costs: four times as much of it, at most about four times the steps and copied bytes.

Counted, not timed (`metering`). What CPython does in C is counted by the lengths of its operands and results:
its JSON reader and its regular expressions here go over a text once, and it refuses numbers of more than
4,300 digits, whose reading would be quadratic.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import an_exchange
from tests.fuzz.effort import effort
from tests.fuzz.metering import Meter, metered

MANY = 1_000
"""Repetitions to begin with: enough that what is quadratic outweighs what is not."""

METER, (SSE, REQUESTS, FRAMES, PAGES, DECODING) = metered(
    "bridge.protocol.sse",
    "bridge.protocol.requests",
    "bridge.protocol.frames",
    "bridge.protocol.pages",
    "bridge_cli.protocol",
)


def check(of: Callable[[int], object], many: int = MANY, meter: Meter = METER) -> None:
    """Check that the cost of four times as ``many`` repetitions is about four times as much."""
    once = meter.cost(lambda: of(many))
    assert once > 0
    assert meter.cost(lambda: of(4 * many)) <= 5 * max(once, many)


def cut(stream: bytes, size: int) -> Iterator[bytes]:
    return (stream[at : at + size] for at in range(0, len(stream), size or len(stream)))


def streamed(chunks: Iterator[bytes]) -> None:
    list(SSE.read(SSE.lines_of(chunks), "m"))


STREAMS = {
    "a line": (b"", b"x", b""),
    "a line of data": (b"data: ", b"x", b"\n\n"),
    "returns": (b"", b"\r", b""),
    "line ends": (b"", b"\r\n", b""),
    "empty lines": (b"data: {}", b"\n", b""),
    "short lines that return": (b"", b"x\r", b""),
    "comments": (b"", b": x\n", b""),
    "comments within an event": (b"data: {}\n", b": x\n", b"\n"),
    "data in lines": (b"data: [\n", b"data:1,\n", b"data:1]\n\n"),
    "empty data": (b"", b"data\n", b"\n"),
    "events": (b"", b'data: {"type":"ping"}\n\n', b""),
    "pieces": (
        b"",
        b'data: {"type":"content_block_delta","delta":{"type":"text_delta","text":"x"}}\n\n',
        b"",
    ),
    "counts": (b"", b'data: {"type":"message_delta","usage":{"output_tokens":9}}\n\n', b""),
    "beginnings": (b"", b'data: {"type":"message_start","message":{"model":"m"}}\n\n', b""),
    "brackets": (b"data: ", b"[", b"\n\n"),
    "objects": (b"data: ", b'{"a":', b"\n\n"),
    "escapes": (
        b'data: {"type":"content_block_delta","delta":{"type":"text_delta","text":"',
        b"\\n",
        b'"}}\n\n',
    ),
    "halves": (
        b'data: {"type":"content_block_delta","delta":{"type":"text_delta","text":"',
        b"\\ud800",
        b'"}}\n\n',
    ),
    "a name": (b'data: {"type":"message_start","message":{"model":"', b"\\ud800x", b'"}}\n\n'),
    "a reason": (b'data: {"type":"error","error":{"type":"', b"x", b'"}}\n\n'),
    "fields": (b'data: {"type":"message_delta"', b',"usage":{}', b"}\n\n"),
    "no text": (b"data: ", b"\xff\xfe", b"\n\n"),
    "digits": (b'data: {"usage":', b"9", b"}\n\n"),
}


@pytest.mark.parametrize("size", [1, 512, 0], ids="in chunks of {}".format)
@pytest.mark.parametrize("stream", STREAMS)
def test_a_stream(stream: str, size: int) -> None:
    before, again, after = STREAMS[stream]
    many = 2 * MANY // max(2, len(again) // 8)
    check(lambda times: streamed(cut(before + again * times + after, size)), many)


@pytest.mark.parametrize("begun", [b"x", b"x\r", b"data: {}\n"], ids=repr)
@pytest.mark.parametrize("empty", [b"", b":", b"\r"], ids=repr)
def test_a_long_line_and_then_many_small_chunks(begun: bytes, empty: bytes) -> None:
    check(lambda times: streamed(iter([begun[:1] * 9 * times, begun, *[empty] * times])))


@effort(0.3)
@given(
    st.tuples(st.binary(max_size=30), st.binary(min_size=1, max_size=9), st.binary(max_size=9))
    | st.tuples(*[st.sampled_from([part for parts in STREAMS.values() for part in parts if part])] * 3),
    st.sampled_from([1, 2, 100, 0]),
)
def test_a_stream_of_anything(parts: tuple[bytes, bytes, bytes], size: int) -> None:
    before, again, after = parts
    check(lambda times: streamed(cut(before + again * times + after, size)), 2_000 // len(again))


TEXTS = {
    "a message": ('{"action":"query","message":"', "x", '"}'),
    "escapes": ('{"action":"query","message":"', "\\n", '"}'),
    "halves": ('{"action":"query","message":"', "\\ud800", '"}'),
    "blanks": ('{"action":"query","message":"', " ", '"}'),
    "space": ("", " ", "{}"),
    "an action": ('{"action":"', "x", '"}'),
    "a name": ('{"action":"history","session_id":"', "x", '"}'),
    "a mark": ('{"action":"history","session_id":"s","before":"', "1", '"}'),
    "an id": ('{"action":"ping","request_id":"', "a-", '"}'),
    "fields": ('{"action":"ping"', ',"action":"ping"', "}"),
    "brackets": ('{"action":', "[", "}"),
    "objects": ("", '{"action":', ""),
    "closed brackets": ("[" * 900, "[],", "]" * 900),
    "digits": ('{"action":"sessions","limit":', "9", "}"),
    "a fraction": ('{"action":"sessions","limit":0.', "9", "}"),
    "numbers": ('{"action":"sessions","limit":[0', ",1e400", "]}"),
    "characters": ('{"action":"recall","text":"', "😀", '"}'),
    "a type": ('{"type":"', "x", '"}'),
    "a delta": ('{"type":"delta","seq":1,"text":"', "\\ud800", '"}'),
    "a wrong number": ('{"type":"delta","text":"","seq":"', "x", '"}'),
    "exchanges": ('{"type":"history","session_id":"s","exchanges":[', '{"turn":1,"context":[]},', "null]}"),
    "blocks": (
        '{"type":"history","session_id":"s","exchanges":[{"turn":1,"context":[{"role":"","content":[{}',
        ",{}",
        "]}]}]}",
    ),
    "passages": ('{"type":"answer","session_id":"s","memory":{"recalled":[', "{},", "{}]}}"),
    "tokens": ('{"type":"answer","session_id":"s","usage":{"a":1', ',"b":2', "}}"),
}


@pytest.mark.parametrize("text", TEXTS)
def test_a_frame(text: str) -> None:
    before, again, after = TEXTS[text]
    many = MANY // len(again)
    check(lambda times: REQUESTS.parse(before + again * times + after, max_message_length=60_000), many)
    check(lambda times: DECODING.decode(before + again * times + after), many)


@pytest.mark.parametrize("piece", ["x", "\x00", '"', "😀", "中\n"])
@pytest.mark.parametrize("limit", [6, 1_000])
def test_a_text_in_pieces(piece: str, limit: int) -> None:
    check(lambda times: list(FRAMES.split(piece * times, limit)))


@pytest.mark.parametrize("piece", ["x", "\x00", "😀"])
def test_a_page_of_a_long_history(piece: str) -> None:
    def page(times: int) -> None:
        newest_first = iter([an_exchange(turn, piece * times, piece * times) for turn in (2, 1)])
        PAGES.page(newest_first, before=None, first_turn=1, limit=50)

    check(page, 16_000)


def test_numbers_of_many_digits_are_not_read() -> None:
    assert 0 < sys.get_int_max_str_digits() <= 4300


WAYS = {
    "linear_join": "b''.join([data] * 1 + [data[at:at + 1] for at in range(len(data))])",
    "linear_growth": "grow(bytearray(), data)",
    "linear_list": "[part for part in data.split(b'x')]",
    "quadratic_growth": "grow(b'', data)",
    "quadratic_rest": "[data[at:] for at in range(len(data))]",
    "quadratic_join": "rejoin(data)",
    "quadratic_search": "[b'y' in data for at in range(len(data))]",
    "quadratic_loop": "[0 for a in data for b in data]",
    "quadratic_replacement": "[data.replace(b'x', b'') for at in range(len(data))]",
}


@pytest.fixture(scope="module")
def ways(tmp_path_factory: pytest.TempPathFactory) -> tuple[Meter, ModuleType]:
    """A module of ways to go over bytes, metered."""
    folder: Path = tmp_path_factory.mktemp("ways")
    source = "\n".join(f"def {name}(data):\n    return {body}\n" for name, body in WAYS.items())
    source += "def grow(whole, data):\n    for at in range(len(data)):\n        whole += data[at:at + 1]\n"
    source += (
        "def rejoin(data):\n    parts = []\n    for at in data:\n        parts = [b''.join([*parts, b'x'])]\n"
    )
    (folder / "ways_to_go.py").write_text(source)
    sys.path.insert(0, str(folder))
    try:
        meter, (module,) = metered("ways_to_go")
    finally:
        sys.path.remove(str(folder))
    return meter, module


@pytest.mark.parametrize("way", WAYS)
def test_the_meter_tells_what_is_quadratic(way: str, ways: tuple[Meter, ModuleType]) -> None:
    meter, module = ways
    once, more = (meter.cost(partial(getattr(module, way), b"x" * n)) for n in (200, 800))
    assert (more > 10 * once) == way.startswith("quadratic")
