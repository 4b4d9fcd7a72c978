"""The documentation's commands, run as they stand, page by page, against the deployed bridge.

A page's blocks run in one shell, one after the other, in an empty folder. What needs an AWS account, a
terminal or a checkout of one's own says so in the page (tests/docs/blocks.py), and is left out. Stacks of
other environments are the one that is deployed here, by another name.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from bridge_local.deployment import STACK
from tests.docs.blocks import PAGES, ROOT, Block, blocks
from tests.e2e.deployed import ANTHROPIC_KEY, Deployed

_RUN = {
    page: [block for block in blocks(page) if block.language == "sh" and block.not_run is None]
    for page in PAGES
}
_OTHERS = re.compile(r"claude-context-bridge-(?:dev|staging|prod)\b|\bAssistant\b(?!\")")


@pytest.fixture(scope="module")
def _original(bridge: Deployed) -> None:
    """Keep a conversation as the original did, for those who move over from it."""
    client = bridge.aws("dynamodb")
    client.create_table(
        TableName="claude-context",
        KeySchema=[{"AttributeName": "session_id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "session_id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    said = [("user", "My code word is quince."), ("assistant", "Noted.")]
    context = [{"M": {"role": {"S": role}, "content": {"S": content}}} for role, content in said]
    client.put_item(
        TableName="claude-context", Item={"session_id": {"S": "chat-0riginal"}, "context": {"L": context}}
    )


@pytest.mark.usefixtures("_original")
@pytest.mark.parametrize("page", [page for page, run in _RUN.items() if run], ids=str)
def test_the_commands_of_a_page(page: Path, bridge: Deployed, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    programs = tmp_path / "bin"
    _programs(programs)
    folder = tmp_path / "folder"
    folder.mkdir()
    done = subprocess.run(
        ["bash", "-c", _script(page)],
        cwd=folder,
        env=_environment(bridge, programs, home),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    *_, last = re.findall(r"^== (.*)$", done.stderr, re.MULTILINE)
    assert done.returncode == 0, f"{last} ended with {done.returncode}:\n{done.stderr[-2000:]}"
    assert last == str(_RUN[page][-1])


def _script(page: Path) -> str:
    """Return one script of a page's files and blocks, in order; it says which one it has come to."""
    parts = ["set -euo pipefail"]
    for block in blocks(page):
        if block.file is not None:
            parts.append(_written(block))
        elif block in _RUN[page]:
            parts += [f"echo {shlex.quote(f'== {block}')} >&2", _OTHERS.sub(STACK, block.content)]
    return "\n".join(parts)


def _written(block: Block) -> str:
    return f"cat > {shlex.quote(block.file or '')} <<'END-OF-FILE'\n{block.content}END-OF-FILE"


def _programs(folder: Path) -> None:
    """Put what a reader has on the path there: an activated environment."""
    folder.mkdir()
    python = shlex.quote(sys.executable)
    bridge = f"exec {python} -c 'from bridge_cli.main import run; run()' \"$@\""
    for name, line in {"python": f'exec {python} "$@"', "bridge": bridge, "ask-claude": bridge}.items():
        program = folder / name
        program.write_text(f"#!/bin/sh\n{line}\n")
        program.chmod(0o755)


def _environment(bridge: Deployed, programs: Path, home: Path) -> dict[str, str]:
    return {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "HOME": str(home),
        "PYTHONPATH": ":".join(str(ROOT / part) for part in (".", "cli", "local")),
        "BRIDGE_URL": bridge.url,
        "BRIDGE_TOKEN": bridge.token(bridge.owner),
        "ANTHROPIC_API_KEY": ANTHROPIC_KEY,
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{bridge.port}",
        "AWS_ACCESS_KEY_ID": "000000000000",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "20",
        # What the functions are bundled from comes over the network, and is tried elsewhere.
        "CDK_CONTEXT_JSON": '{"aws:cdk:bundling-stacks": []}',
    }
