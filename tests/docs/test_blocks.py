"""What stands in fences is what its language says; what a shell can run, tests/e2e/test_docs.py runs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from tests.docs.blocks import LANGUAGES, PAGES, Block, blocks


def _of(*languages: str) -> Sequence[Block]:
    return [block for page in PAGES for block in blocks(page) if block.language in languages]


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_block_says_what_it_is(page: Path) -> None:
    assert {str(block): block.language for block in blocks(page) if block.language not in LANGUAGES} == {}


@pytest.mark.parametrize("block", _of("python"), ids=str)
def test_python_compiles(block: Block) -> None:
    compile(block.content, str(block), "exec")


@pytest.mark.parametrize("block", _of("json"), ids=str)
def test_json_is_json(block: Block) -> None:
    text = block.content.strip()
    try:
        json.loads(text if text.startswith(("{", "[")) else f"{{{text}}}")  # a part of an object
    except json.JSONDecodeError:
        for line in text.splitlines():  # or an object a line
            json.loads(line)


@pytest.mark.parametrize("block", _of("yaml"), ids=str)
def test_yaml_is_yaml(block: Block) -> None:
    assert isinstance(yaml.safe_load(block.content), dict | list)


def test_what_is_not_run_says_why() -> None:
    assert [str(block) for block in _of("sh") if block.not_run is not None and len(block.not_run) < 10] == []
    assert [str(block) for block in _of("sh") if block.not_run is None]
