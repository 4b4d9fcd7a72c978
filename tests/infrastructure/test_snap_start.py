"""Starting from a snapshot: a published version behind an alias, which everybody calls."""

import json
from collections.abc import Callable
from typing import Any

from claude_context_bridge import ContextBridge
from tests.infrastructure.conftest import Json, Synthesized

Build = Callable[..., tuple[ContextBridge, Synthesized]]

WAITED_FOR = ["Connect", "Message", "Answer"]
OTHERS = ["Disconnect", "Remember"]


def _alias(stack: Synthesized, name: str) -> Json:
    return {"Ref": stack.id_of("Lambda::Alias", f"Functions/{name}")}


def _version(stack: Synthesized, name: str) -> str:
    return stack.id_of("Lambda::Version", f"Functions/{name}")


def test_those_that_somebody_waits_for_have_a_snapshot(with_props: Build) -> None:
    _, stack = with_props(snap_start=True)
    for name in WAITED_FOR:
        assert stack.function(name.lower())["SnapStart"] == {"ApplyOn": "PublishedVersions"}
        alias = stack.one("Lambda::Alias", f"Functions/{name}")
        assert alias["Name"] == "live"
        assert alias["FunctionVersion"] == {"Fn::GetAtt": [_version(stack, name), "Version"]}
    for name in OTHERS:
        assert "SnapStart" not in stack.function(name.lower())
    assert len(stack.of_type("Lambda::Version")) == len(stack.of_type("Lambda::Alias")) == len(WAITED_FOR)


def test_the_alias_is_what_is_called(with_props: Build) -> None:
    _, stack = with_props(snap_start=True)
    for route, name in (("$connect", "Connect"), ("$default", "Message")):
        integration = stack.one("ApiGatewayV2::Integration", f"WebSocket/Api/{route}-Route")
        assert _alias(stack, name) in integration["IntegrationUri"]["Fn::Join"][1]
        permission = stack.one("Lambda::Permission", f"WebSocket/Api/{route}-Route")
        assert permission["FunctionName"] == _alias(stack, name)
    mapping = stack.one("Lambda::EventSourceMapping", "Functions/Answer")
    assert stack.id_of("Lambda::Alias", "Functions/Answer") in json.dumps(mapping["FunctionName"])
    assert '":live"' in json.dumps(mapping["FunctionName"]) or "Fn::Select" in json.dumps(mapping)
    disconnect = stack.one("ApiGatewayV2::Integration", "WebSocket/Api/$disconnect-Route")
    assert stack.id_of("Lambda::Function", "Functions/Disconnect") in json.dumps(disconnect)


def _versions(with_props: Build, **props: Any) -> dict[str, str]:
    _, stack = with_props(snap_start=True, **props)
    return {name: _version(stack, name) for name in WAITED_FOR}


def test_a_setting_that_changes_publishes_a_version_of_whoever_is_told(with_props: Build) -> None:
    """A version keeps its environment for ever: the same logical id would go on with the old one."""
    before = _versions(with_props)
    assert _versions(with_props) == before
    prompted = _versions(with_props, system_prompt="You cook.")
    assert {name for name in WAITED_FOR if prompted[name] != before[name]} == {"Answer"}
    logged = _versions(with_props, log_level="DEBUG")
    assert {name for name in WAITED_FOR if logged[name] != before[name]} == set(WAITED_FOR)


def test_what_is_added_last_is_in_the_version_too(with_props: Build) -> None:
    before = _versions(with_props)
    moved = _versions(with_props, callback_url="https://gateway.example.com/{stage}")
    assert {name for name in WAITED_FOR if moved[name] != before[name]} == {"Answer", "Message"}


def test_grants_are_as_without(with_props: Build) -> None:
    _, without = with_props()
    _, stack = with_props(snap_start=True)
    assert stack.of_type("IAM::Policy") == without.of_type("IAM::Policy")
    assert stack.of_type("IAM::Role") == without.of_type("IAM::Role")


def test_it_adds_versions_and_aliases_and_nothing_else_changes_its_logical_id(with_props: Build) -> None:
    _, without = with_props()
    _, stack = with_props(snap_start=True)
    assert without.resources.keys() <= stack.resources.keys()
    added = {stack.resources[name]["Type"] for name in stack.resources.keys() - without.resources.keys()}
    assert added == {"AWS::Lambda::Version", "AWS::Lambda::Alias"}
