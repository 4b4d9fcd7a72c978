"""Markdown on a terminal: finished blocks are printed once and for good, whatever the pieces."""

from __future__ import annotations

import io
import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from bridge_cli.markdown import MarkdownAnswer, finished_length
from bridge_cli.terminal import harmless

TEXT = """# Title

A paragraph of
two lines.

- one
- two

  still two

1. first
2. second

```python
x = 1

y = 2
```

| a | b |
|---|---|
| 1 | 2 |

The end."""


def rendered(pieces: list[str], height: int = 30) -> str:
    file = io.StringIO()
    console = Console(
        file=file, force_terminal=True, width=60, height=height, color_system=None, legacy_windows=False
    )
    view = MarkdownAnswer(console)
    for piece in pieces:
        view._drawn = 0  # draw every piece
        view.show(piece)
    view.finish()
    view.finish()
    return screen(file.getvalue())


def screen(written: str) -> str:
    """Return what a terminal shows in the end, scrollback included: enough of one for what rich writes."""
    lines, row = [""], 0
    for part in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|\r|\n|[^\x1b\r\n]+", written):
        if part == "\n":
            row += 1
            if row == len(lines):
                lines.append("")
        elif part.endswith("A") and part.startswith("\x1b"):
            row -= int(part[2:-1] or 1)
            assert row >= 0, "drew over what was before"
        elif part == "\x1b[2K":
            lines[row] = ""
        elif not part.startswith("\x1b") and part != "\r":
            lines[row] += part
    return "\n".join(line.rstrip() for line in lines).strip()


WHOLE = rendered([TEXT])


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(0, len(TEXT)), max_size=30), st.integers(4, 40))
def test_however_it_comes_it_looks_the_same_in_the_end(cuts: list[int], height: int) -> None:
    marks = sorted({0, len(TEXT), *cuts})
    pieces = [TEXT[begin:end] for begin, end in pairwise(marks)]
    assert rendered(pieces, height) == WHOLE


def test_every_character_by_itself_looks_the_same_in_the_end() -> None:
    assert rendered([*TEXT]) == WHOLE
    assert "two lines.\n\n • one\n • two" in WHOLE


def test_a_block_longer_than_the_screen_is_whole_in_the_scrollback() -> None:
    code = "```\n" + "".join(f"line {number}\n" for number in range(200)) + "```\n"
    shown = rendered([code[start : start + 50] for start in range(0, len(code), 50)], height=10)
    assert [line.strip() for line in shown.splitlines() if line.strip()] == [f"line {n}" for n in range(200)]


@pytest.mark.parametrize(
    ("text", "finished"),
    [
        ("", ""),
        ("a paragraph", ""),
        ("one\n\ntwo", ""),
        ("one\n\ntwo\n", "one\n\n"),
        ("para\n#", ""),
        ("- a\n\npara\n", "- a\n\n"),
        ("- a\n\n  more\n", ""),
        ("```\na\n\nb\n", ""),
        ("x\n\n```\na\n```\ny\n", "x\n\n```\na\n```\n"),
        ("one\u2028one\n\ntwo\n", "one\u2028one\n\n"),
    ],
)
def test_only_what_more_text_cannot_change_is_finished(text: str, finished: str) -> None:
    assert text[: finished_length(text)] == finished


def test_an_answer_cannot_steer_the_terminal() -> None:
    assert harmless("a\x1b[2Jb\x07\x9b31mc\td\ne\r\n") == "a[2Jb31mc\td\ne\n"
