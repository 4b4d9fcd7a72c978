"""The documentation's pages, and the code in them.

What stands in an HTML comment before a fence says what becomes of it, and is not seen by readers:

    <!-- file: app.py -->        it is a file's content, for the blocks of its page that follow
    <!-- not run: why -->        a shell cannot run it in a test
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).resolve().parents[2]

PAGES = sorted(
    page.relative_to(ROOT)
    for page in (
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "bench").glob("*.md"),
    )
)

LANGUAGES = {"sh", "python", "json", "yaml", "text", "console", "js", "mermaid"}
"""`text` is output, `console` a dialogue with a program, `js` JSON with placeholders."""

_COMMENT = re.compile(r"<!-- (file|not run): (.+?) -->")


@dataclass(frozen=True)
class Block:
    """A fence: where it is, its language, its content, and what is said about it."""

    page: Path
    line: int
    language: str
    content: str
    file: str | None = None
    not_run: str | None = None

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


@cache
def blocks(page: Path) -> tuple[Block, ...]:
    """Return a page's fences, in order."""
    return tuple(_blocks(page))


def _blocks(page: Path) -> Iterator[Block]:
    said: dict[str, str] = {}
    for token in MarkdownIt("commonmark").parse((ROOT / page).read_text()):
        if token.type == "html_block":
            said = {found[1]: found[2] for found in _COMMENT.finditer(token.content)}
        elif token.type == "fence":
            assert token.map is not None
            yield Block(
                page,
                token.map[0] + 1,
                token.info.strip(),
                token.content,
                file=said.get("file"),
                not_run=said.get("not run"),
            )
            said = {}
        elif token.content:
            said = {}
