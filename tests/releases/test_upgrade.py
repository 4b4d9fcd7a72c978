"""The last release is deployed and has been used; today's app is deployed over it, and then once more."""

from __future__ import annotations

import json
import subprocess
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import jwt
import pytest

from bench.standin import INSTANT, StandIn
from bridge_local import ports, record, toolchain
from bridge_local.deployment import STACK
from bridge_local.runtime import LocalAws
from bridge_local.status import Status
from tests.e2e.deployed import ANTHROPIC_KEY
from tests.e2e.switchboard import Switchboard
from tests.e2e.wire import Wire
from tests.releases import kept

OLD_APP = """
from aws_cdk import App, Stack
from aws_cdk.cloudformation_include import CfnInclude

app = App()
CfnInclude(Stack(app, "{stack}"), "Released", template_file="released.template.json")
app.synth()
"""
STATEFUL = ("AWS::DynamoDB::GlobalTable", "AWS::SecretsManager::Secret", "AWS::Logs::LogGroup")
SESSION = "travel"

pytestmark = pytest.mark.timeout(420)  # whoever waits first for the two deployments


@dataclass
class Upgraded:
    """A local AWS with today's app, and what it was with the last release."""

    local: LocalAws
    status: Status
    switchboard: Switchboard
    names_before: dict[str, str]
    """Of tables, secrets and log groups: their physical ids by their logical ones."""
    signing_key_before: str = field(repr=False)

    def connect(self, owner: str) -> Wire:
        now = int(time.time())
        claims = {"sub": owner, "iat": now, "exp": now + 600, "jti": uuid.uuid4().hex}
        return Wire(self.status.url, jwt.encode(claims, self.signing_key_before, algorithm="HS256"))


def _aws(status: Status, service: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=status.aws_endpoint,
        region_name=status.region,
        aws_access_key_id="000000000000",
        aws_secret_access_key="local",
    )


def _names(status: Status) -> dict[str, str]:
    """Return the physical names of what is kept, by logical ids."""
    pages = _aws(status, "cloudformation").get_paginator("list_stack_resources").paginate(StackName=STACK)
    listed = [each for page in pages for each in page["StackResourceSummaries"]]
    return {
        each["LogicalResourceId"]: each["PhysicalResourceId"]
        for each in listed
        if each["ResourceType"] in STATEFUL
    }


def _signing_key(status: Status) -> str:
    secrets = _aws(status, "secretsmanager")
    return str(secrets.get_secret_value(SecretId=status.outputs["SigningSecretArn"])["SecretString"])


def _released_app(folder: Path) -> Path:
    """Make an app of the last release's template; its functions do nothing: the asset is not kept."""
    template = kept.template("local")
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Lambda::Function":
            resource["Properties"] |= {
                "Code": {"ZipFile": "def handler(event, context):\n    return {'batchItemFailures': []}\n"},
                "Handler": "index.handler",
            }
    # CDK adds its own.
    template.pop("Parameters", None)
    template.pop("Rules", None)
    folder.mkdir()
    (folder / "released.template.json").write_text(json.dumps(template))
    (folder / "app.py").write_text(OLD_APP.format(stack=STACK))
    (folder / "cdk.json").write_text(json.dumps({"app": "python3 app.py"}))
    return folder


@pytest.fixture(scope="module")
def upgraded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upgraded]:
    folder = tmp_path_factory.mktemp("upgraded")
    state = folder / "state"
    with StandIn() as stand_in, Switchboard(lambda _: stand_in.url) as switchboard:
        old = LocalAws(state, app=_released_app(folder / "released"))
        today = LocalAws(state)
        try:
            before = old.up(port=ports.free_port(32_000))
            names, key = _names(before), _signing_key(before)
            for table, output in (("sessions", "SessionsTable"), ("hashes", "HashesTable")):
                kept.put(_aws(before, "dynamodb"), before.outputs[output], kept.items(table))
            settings = {
                "anthropic_base_url": switchboard.url,
                "model": INSTANT,
                "allowed_models": INSTANT,
                "summary_model": INSTANT,
                "session_ttl_hours": "87840",  # as the items were written
                "memory_ttl_days": "3660",
            }
            status = today.up(settings=settings, api_key=ANTHROPIC_KEY)
            yield Upgraded(today, status, switchboard, names, key)
        finally:
            today.down()


def test_tables_secrets_and_logs_are_the_same(upgraded: Upgraded) -> None:
    assert len(upgraded.names_before) == 9
    assert _names(upgraded.status).items() >= upgraded.names_before.items()
    assert _signing_key(upgraded.status) == upgraded.signing_key_before


def test_every_item_is_still_there(upgraded: Upgraded) -> None:
    """But for what the functions have folded meanwhile into the owners' memory, which is more, not less."""
    dynamodb = _aws(upgraded.status, "dynamodb")
    for table, output in (("sessions", "SessionsTable"), ("hashes", "HashesTable")):
        name = upgraded.status.outputs[output]
        pages = dynamodb.get_paginator("scan").paginate(TableName=name)
        found = [item for page in pages for item in page["Items"]]
        for item in kept.items(table):
            if item.get("session_id", {}).get("S", "").startswith("memory#"):
                continue
            then = {name: value for name, value in item.items() if name not in kept.MOMENTS}
            assert any(then.items() <= each.items() for each in found), (table, then)


def test_a_session_remembers(upgraded: Upgraded) -> None:
    with upgraded.connect("ada") as wire:
        told = wire.history(SESSION)
        assert [each["turn"] for each in told["exchanges"]][:5] == [1, 2, 3, 4, 5]
        _, answer = wire.ask("How long is our boat Aurora?", session_id=SESSION, model=INSTANT)
        assert answer["turn"] == 6
        prompt = json.dumps(upgraded.switchboard.asked[-1].request, ensure_ascii=False)
        assert "keep clear of its lane on Tuesdays" in prompt  # the window
        assert "Our boat is called Aurora, she is 31 feet long." in prompt  # recalled
        assert "Ada sails to Skagen in May with her sister Ines" in prompt  # the summary
        _, answer = wire.ask("And in another session?", session_id="new", model=INSTANT)
        assert answer["turn"] == 1


def _as_if_something_had_changed(local: LocalAws) -> None:
    """Let the next `up` synthesize and deploy whether anything changed or not."""
    remembered = record.read(local.places.record)
    assert remembered.deployment is not None
    remembered.deployment.fingerprint = ""
    record.write(local.places.record, remembered)


def _template(local: LocalAws) -> dict[str, Any]:
    template: dict[str, Any] = json.loads((local.places.cdk_out / f"{STACK}.template.json").read_text())
    return template


def test_deploying_it_once_more_changes_nothing(upgraded: Upgraded) -> None:
    local, template, names = upgraded.local, _template(upgraded.local), _names(upgraded.status)
    _as_if_something_had_changed(local)
    upgraded.status = local.up()
    last = local.places.log("deploy").read_text().rpartition("\n$ cdk deploy ")[2]
    assert f"{STACK} (no changes)" in last
    assert _template(local) == template
    assert _names(upgraded.status) == names


def test_there_is_no_difference_to_what_is_deployed(upgraded: Upgraded) -> None:
    told: list[str] = []
    node = toolchain.find_node()
    aws = {
        "AWS_ENDPOINT_URL": upgraded.status.aws_endpoint,
        "AWS_ACCESS_KEY_ID": "000000000000",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_REGION": upgraded.status.region,
        "CDK_DISABLE_CLI_TELEMETRY": "true",
    }
    done = subprocess.run(
        [
            *toolchain.cdk(node, told.append),
            *("diff", "--fail", "--no-notices", "--app", str(upgraded.local.places.cdk_out)),
        ],
        env={**node.environment(), **aws},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "There were no differences" in done.stdout + done.stderr
