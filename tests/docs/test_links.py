"""No link of the documentation leads nowhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from tests.docs.blocks import PAGES, ROOT


def _links(page: Path) -> Iterator[str]:
    for token in MarkdownIt("commonmark").parse((ROOT / page).read_text()):
        for child in token.children or ():
            if child.type == "link_open":
                yield str(child.attrs["href"])


@cache
def _anchors(page: Path) -> frozenset[str]:
    """Return the names that GitHub gives a page's headings."""
    names: dict[str, int] = {}
    found = set()
    tokens = MarkdownIt("commonmark").parse((ROOT / page).read_text())
    for before, token in pairwise(tokens):
        if before.type != "heading_open":
            continue
        plain = "".join(
            child.content for child in token.children or () if child.type in {"text", "code_inline"}
        )
        name = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        count = names.get(name, 0)
        names[name] = count + 1
        found.add(f"{name}-{count}" if count else name)
    return frozenset(found)


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for link in _links(page):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        inside = target.resolve().relative_to(ROOT) if target.exists() else None
        if inside is None or (anchor and target.suffix == ".md" and anchor not in _anchors(inside)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", [page for page in PAGES if page.parts[0] == "docs"], ids=str)
def test_every_page_is_found_from_the_contents(page: Path) -> None:
    contents = Path("docs/README.md")
    if page in {contents, Path("docs/package.md")} or page.parent.name == "decisions":
        return
    linked = {((ROOT / contents).parent / link.partition("#")[0]).resolve() for link in _links(contents)}
    assert (ROOT / page) in linked
