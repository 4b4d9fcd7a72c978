"""Templates to look at: the environments of cdk.json, and the construct with props of a test's own."""

import json
import os
import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

os.environ.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "20")

import pytest
from aws_cdk import App, Stack
from aws_cdk.assertions import Template
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension

from claude_context_bridge import BridgeProps, ContextBridge
from stacks.bridge_stack import BridgeStack
from stacks.settings import read

ROOT = Path(__file__).resolve().parents[2]
CONTEXT: Mapping[str, Any] = json.loads((ROOT / "cdk.json").read_text())["context"]
NO_BUNDLING = {"aws:cdk:bundling-stacks": [], "aws:cdk:enable-path-metadata": True}

REQUIRED = {"prod": {"alarm_email": "oncall@example.com"}}
"""What an environment is not deployed without."""

Json = dict[str, Any]


class Synthesized:
    """A template, with the questions that the tests ask of it."""

    def __init__(self, template: Mapping[str, Any]) -> None:
        self.template = template
        self.resources: dict[str, Json] = template["Resources"]

    def of_type(self, kind: str) -> dict[str, Json]:
        """All resources of a type (without its `AWS::`), by logical id."""
        return {name: it for name, it in self.resources.items() if it["Type"] == f"AWS::{kind}"}

    def under(self, path: str) -> dict[str, Json]:
        """All resources of a part of the construct, by logical id, without CDK's metadata."""
        return {
            name: {key: value for key, value in it.items() if key != "Metadata"}
            for name, it in self.resources.items()
            if f"/{path}/" in it["Metadata"]["aws:cdk:path"]
        }

    def one(self, kind: str, path: str) -> Json:
        """The properties of the only resource of a type in a part of the construct."""
        (found,) = (it for it in self.under(path).values() if it["Type"] == f"AWS::{kind}")
        properties: Json = found["Properties"]
        return properties

    def id_of(self, kind: str, path: str) -> str:
        """The logical id of the only resource of a type in a part of the construct."""
        (found,) = (name for name, it in self.under(path).items() if it["Type"] == f"AWS::{kind}")
        return found

    def function(self, name: str) -> Json:
        """The properties of the function of that name."""
        return self.one("Lambda::Function", f"Functions/{name.capitalize()}")


@cache
def synthesize(environment: str = "dev", **overrides: str) -> Synthesized:
    """The stack of an environment of cdk.json, with settings overridden as by `-c`."""
    app = App(
        context={**CONTEXT, **NO_BUNDLING, **REQUIRED.get(environment, {}), "env": environment, **overrides}
    )
    stack = BridgeStack(app, read(app.node.get_all_context()))
    return Synthesized(Template.from_stack(stack).to_json())


@pytest.fixture(scope="session")
def prod() -> Synthesized:
    """The stack of prod."""
    return synthesize("prod")


@pytest.fixture(scope="session")
def with_props() -> Callable[..., tuple[ContextBridge, Synthesized]]:
    """Put a bridge with some props into a stack of somebody's."""

    def build(**props: Any) -> tuple[ContextBridge, Synthesized]:
        stack = Stack(App(context=NO_BUNDLING), "Somebodys")
        bridge = ContextBridge(stack, "Bridge", BridgeProps(**props))
        return bridge, Synthesized(Template.from_stack(stack).to_json())

    return build


@pytest.fixture
def json_snapshot(snapshot: SnapshotAssertion) -> Callable[[Any], None]:
    """Compare with the stored JSON; hashes of assets and versions, new with every edit, do not count."""
    stored = snapshot.use_extension(JSONSnapshotExtension)

    def compare(value: Any) -> None:
        text = re.sub("[0-9a-f]{64}", "<asset>", json.dumps(value))
        assert json.loads(re.sub(r"(CurrentVersion[0-9A-F]{8})[0-9a-f]{32}", r"\1<version>", text)) == stored

    return compare
