"""Every `cdk deploy` of the documentation has settings that the app takes, and goes together."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator

import pytest

from stacks.settings import read
from tests.docs.blocks import PAGES, ROOT, Block, blocks


def _deployments() -> Iterator[tuple[Block, str, dict[str, str]]]:
    """Yield each command line with its `-c` settings."""
    for page in PAGES:
        for block in blocks(page):
            for line in block.content.replace("\\\n", " ").splitlines():
                if block.language == "sh" and line.strip().startswith("cdk deploy"):
                    words = shlex.split(line, comments=True)
                    pairs = [words[i + 1] for i, word in enumerate(words) if word == "-c"]
                    yield block, line, dict(pair.split("=", 1) for pair in pairs)


_ALL = list(_deployments())


@pytest.mark.parametrize(("block", "line", "settings"), _ALL, ids=[f"{it[0]}" for it in _ALL])
def test_what_is_deployed_is_taken(block: Block, line: str, settings: dict[str, str]) -> None:
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    assert read({**context, **settings}).environment == settings["env"]
