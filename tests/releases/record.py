"""Keep a release: its templates, and what its functions write.

Run in the release's own tree,

    RELEASE=1.0.0 python -m pytest tests/releases/record.py

writes into tests/releases/{RELEASE}/. It is a test by its fixtures only: the real handlers over moto.
"""

from __future__ import annotations

import base64
import json
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from aws_cdk import App, Stack
from aws_cdk.assertions import Template

from bridge.adapters import items
from claude_context_bridge import ContextBridge
from stacks import settings
from stacks.bridge_stack import BridgeStack
from tests import aws
from tests.contract.conftest import Deployment, deployment  # noqa: F401 - a fixture
from tests.contract.speaking import Speaker, reply
from tests.infrastructure.conftest import CONTEXT
from tests.messages_server import failing

NO_ASSETS = {"aws:cdk:bundling-stacks": [], "aws:cdk:enable-path-metadata": False}
NOTES = "Ada sails to Skagen in May with her sister Ines; the boat is called Aurora."
TRIP = [
    ("We sail to Skagen in May. My sister Ines comes along.", "A good month for it: the wind is kind."),
    ("Our boat is called Aurora, she is 31 feet long.", "Noted: Aurora, 31 feet."),
    ("Which harbour do we leave from?", "From Anholt, if the weather holds."),
    ("What should we eat on board?", "Rye bread keeps for a week, and so do quinces."),
    ("The ferry to Skagen leaves at dawn on Tuesdays.", "Then keep clear of its lane on Tuesdays. 中😀"),
]


@pytest.fixture
def folder() -> Path:
    return Path(__file__).parent / os.environ["RELEASE"]


def _keep_template(path: Path, template: Any) -> None:
    """Write a template without its assets' hashes, which name nothing that is kept."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(re.sub("[0-9a-f]{64}", "<asset>", json.dumps(template, separators=(",", ":"))) + "\n")


def _keep_items(path: Path, kept: list[Any]) -> None:
    """Write items, a line each."""
    path.write_text("[\n" + ",\n".join(json.dumps(item, sort_keys=True) for item in kept) + "\n]\n")


@pytest.mark.parametrize("environment", ["prod", "local"])
def test_keep_an_environment(folder: Path, environment: str) -> None:
    told = {"alarm_email": "you@example.com"} if environment == "prod" else {}
    app = App(context={**CONTEXT, **NO_ASSETS, "env": environment, **told})
    stack = BridgeStack(app, settings.read(app.node.get_all_context()))
    _keep_template(folder / f"{environment}.template.json", Template.from_stack(stack).to_json())


def test_keep_a_bare_construct(folder: Path) -> None:
    stack = Stack(App(context=NO_ASSETS), "Somebodys")
    ContextBridge(stack, "Bridge")
    _keep_template(folder / "construct.template.json", Template.from_stack(stack).to_json())


def test_keep_items(
    folder: Path,
    deployment: Deployment,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # As long as can be: whoever reads them does so years later.
    monkeypatch.setenv("SESSION_TTL", str(87_840 * 3600))
    monkeypatch.setenv("MEMORY_TTL", str(3660 * 86400))
    monkeypatch.setenv("CONTEXT_LIMIT", "300")
    monkeypatch.setenv("DAILY_TOKENS", "1000000")
    monkeypatch.setenv("OWNER_RATE", "1000")
    ada, eve = Speaker.of(deployment, "ada"), Speaker.of(deployment, "eve")
    for said, answered in TRIP:
        ada.say(said, "travel", answered)
    deployment.claude.reply(reply(NOTES, model="claude-haiku-5-5"))
    assert deployment.remember("ada/travel") == []  # a segment, and a summary
    ada.say("The marmalade takes nine quinces from the harbour market.", "cooking", "Nine it is.")
    _let_fail(ada)
    _say_on_the_originals_wire(ada)
    eve.say("I speak of something else entirely.", "travel", "So it seems.")
    _revoke("grace", before=int(time.time()) - 60, tokens={"5f" * 16})
    _keep_items(folder / "sessions.json", _dump(aws.SESSIONS_TABLE))
    _keep_items(folder / "hashes.json", _dump(aws.HASHES_TABLE))


def _let_fail(speaker: Speaker) -> None:
    speaker.deployment.claude.reply(failing(400, "invalid_request_error"))
    speaker.act("query", message="This one fails.", session_id="cooking")
    assert json.loads(speaker.deployment.work()[-1])["type"] == "error"


def _say_on_the_originals_wire(speaker: Speaker) -> None:
    speaker.deployment.claude.reply(reply("It still speaks to me."))
    event = {"action": "query", "message": "An old client.", "session_id": "chat-abc12345"}
    receive: Callable[..., dict[str, Any]] = speaker.deployment.receive
    context = _context(speaker.connection_id)
    assert receive(json.dumps(event), requestContext=context)["statusCode"] == 200
    assert len(speaker.deployment.work()) == 1


def _context(connection_id: str) -> dict[str, Any]:
    events = Path(__file__).parents[1] / "contract" / "events" / "message.json"
    context: dict[str, Any] = json.loads(events.read_text())["requestContext"]
    return context | {"connectionId": connection_id}


def _revoke(owner: str, **what: Any) -> None:
    """Revoke as the command line does."""
    item = {"session_id": f"revoked#{owner}", "seq": -1, "ttl": int(time.time()) + 86400, **what}
    client = boto3.client("dynamodb", region_name=aws.REGION)
    client.put_item(TableName=aws.SESSIONS_TABLE, Item=items.to_item(item))


def _dump(table: str) -> list[dict[str, Any]]:
    """Return a table's items as `aws dynamodb scan` prints them: binary values in base 64."""
    client = boto3.client("dynamodb", region_name=aws.REGION)
    pages = client.get_paginator("scan").paginate(TableName=table)
    found = [_printable(item) for page in pages for item in page["Items"]]
    return sorted(found, key=lambda item: json.dumps(item, sort_keys=True))


def _printable(value: Any) -> Any:
    match value:
        case bytes():
            return base64.b64encode(value).decode()
        case dict():
            return {name: _printable(each) for name, each in value.items()}
        case list():
            return [_printable(each) for each in value]
    return value
