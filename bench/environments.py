"""The environments of cdk.json: what synthesizes each, and its template."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

os.environ.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "20")

from aws_cdk import App
from aws_cdk.assertions import Template

from stacks.bridge_stack import BridgeStack
from stacks.settings import SettingsError, read

ROOT = Path(__file__).resolve().parents[1]

REQUIRED = {"alarm_email": "you@example.com"}
"""What an environment may ask of whoever deploys it: a setting that cdk.json cannot know."""


def names() -> tuple[str, ...]:
    """Return the environments' names, in cdk.json's order."""
    return tuple(_context()["environments"])


def context_of(environment: str) -> dict[str, Any]:
    """Return the context that synthesizes an environment: cdk.json's, and what it requires besides.

    Raises SettingsError where it cannot be synthesized with that either.
    """
    context = _context() | {"env": environment}
    try:
        read(context)
    except SettingsError:
        read(context | REQUIRED)
        return context | REQUIRED
    return context


def template_of(environment: str) -> Mapping[str, Any]:
    """Return an environment's template, without the functions' code: nothing is installed for it."""
    context = context_of(environment)
    unchecked = {"aws:cdk:bundling-stacks": [], "@aws-cdk/core:validateAgainstDefaultRules": False}
    app = App(context=context | unchecked)
    stack = BridgeStack(app, read(context))
    template: Mapping[str, Any] = Template.from_stack(stack).to_json()
    return template


def _context() -> dict[str, Any]:
    context: dict[str, Any] = json.loads((ROOT / "cdk.json").read_text())["context"]
    return context
