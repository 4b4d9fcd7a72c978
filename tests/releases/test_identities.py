"""What CloudFormation knows the stored things by is what it was in the last release.

Another logical id, key, index or name makes CloudFormation create a new table, secret or log group: what the
old one holds is lost to the bridge. That is a major version, and tells its users how to move.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Any

from aws_cdk import App, Stack
from aws_cdk.assertions import Template

from claude_context_bridge import ContextBridge
from tests.infrastructure.conftest import NO_BUNDLING, ROOT, synthesize
from tests.releases import kept

# By what of it a resource is known, and what else of it cannot change without a loss.
IDENTITY: Mapping[str, tuple[str, ...]] = {
    "AWS::DynamoDB::GlobalTable": (
        "TableName",
        "KeySchema",
        "AttributeDefinitions",
        "GlobalSecondaryIndexes",
        "LocalSecondaryIndexes",
        "StreamSpecification",
        "TimeToLiveSpecification",
        "BillingMode",
    ),
    "AWS::SecretsManager::Secret": ("Name", "GenerateSecretString", "SecretString"),
    "AWS::Logs::LogGroup": ("LogGroupName",),
}


def _identities(template: Mapping[str, Any]) -> dict[str, Any]:
    return {
        logical_id: {
            "Type": it["Type"],
            **{name: it.get("Properties", {}).get(name) for name in IDENTITY[it["Type"]]},
        }
        for logical_id, it in template["Resources"].items()
        if it["Type"] in IDENTITY
    }


def _compare(today: Mapping[str, Any], last: Mapping[str, Any]) -> None:
    now, then = _identities(today), _identities(last)
    assert len(then) == 9  # two tables, two secrets, five functions' logs
    changed = {logical_id: (it, now.get(logical_id)) for logical_id, it in then.items()}
    changed = {logical_id: both for logical_id, both in changed.items() if both[0] != both[1]}
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert not changed or _major(version) > _major(kept.VERSION), (
        f"after an upgrade from {kept.VERSION} the bridge would have lost what these hold; such a change is "
        f"a major version, and {version} is none: {changed}"
    )


def _major(version: str) -> int:
    return int(version.partition(".")[0])


def test_prods_tables_secrets_and_logs_are_those_of_the_last_release() -> None:
    _compare(synthesize("prod").template, kept.template("prod"))


def test_those_of_a_bridge_in_somebodys_stack_are_too() -> None:
    stack = Stack(App(context=NO_BUNDLING), "Somebodys")
    ContextBridge(stack, "Bridge")
    _compare(Template.from_stack(stack).to_json(), kept.template("construct"))
