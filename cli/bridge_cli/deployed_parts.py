"""What a stack's bridges are made of: CloudFormation tells, by the logical ids of the construct's parts."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, cast, get_args

from bridge_cli.aws import in_words
from bridge_cli.errors import NotConfigured

Function = Literal["connect", "message", "answer", "remember", "disconnect"]

FUNCTIONS: tuple[Function, ...] = get_args(Function)
"""The functions of a bridge, in the order in which a connection meets them."""

_NEEDS = "It takes cloudformation:ListStackResources on the stack."

# What CDK makes of the paths `{bridge}/Functions/Answer/Log/Resource` (claude_context_bridge/function.py) and
# `{bridge}/Queue/Turns/Resource` (queue.py).
_NAMES = "|".join(name.capitalize() for name in FUNCTIONS)
_LOG = re.compile(rf"(\w*)Functions({_NAMES})Log[0-9A-F]{{8}}")
_FUNCTION = re.compile(rf"(\w*)Functions({_NAMES})Function[0-9A-F]{{8}}")
_QUEUE = re.compile(r"(\w*)Queue(Turns|DeadLetters)[0-9A-F]{8}")


@dataclass(frozen=True)
class LogGroup:
    """A function's log: the bridge's part of its logical id, the function, and CloudWatch's name for it."""

    bridge: str
    function: Function
    name: str


@dataclass
class Bridge:
    """One bridge of a stack: its part of the logical ids, its logs and functions, and its queues' URLs."""

    name: str
    logs: list[LogGroup] = field(default_factory=list)
    functions: set[str] = field(default_factory=set)
    turns: str | None = None
    dead_letters: str | None = None


def bridges_of(cloudformation: Any, stack: str) -> list[Bridge]:
    """Return a stack's bridges. Raises NotConfigured where it has none, or AWS does not tell."""
    found: dict[str, Bridge] = {}
    for kind, logical_id, physical_id in _resources(cloudformation, stack):
        if kind == "AWS::Logs::LogGroup" and (told := _LOG.fullmatch(logical_id)):
            function = cast(Function, told[2].lower())
            _bridge(found, told[1]).logs.append(LogGroup(told[1], function, physical_id))
        elif kind == "AWS::Lambda::Function" and (told := _FUNCTION.fullmatch(logical_id)):
            _bridge(found, told[1]).functions.add(physical_id)
        elif kind == "AWS::SQS::Queue" and (told := _QUEUE.fullmatch(logical_id)):
            bridge = _bridge(found, told[1])
            bridge.turns = physical_id if told[2] == "Turns" else bridge.turns
            bridge.dead_letters = physical_id if told[2] == "DeadLetters" else bridge.dead_letters
    bridges = [bridge for bridge in found.values() if bridge.logs]
    if not bridges:
        raise NotConfigured(
            f"the stack {stack} has no log group of a bridge's function",
            hint="Is it the right stack? A bridge in a nested stack is found under that stack's own name.",
        )
    return bridges


def named(bridges: Collection[Bridge], part: str) -> list[Bridge]:
    """Return the bridges whose logical ids contain ``part``, in upper or lower case. Raises NotConfigured."""
    chosen = [bridge for bridge in bridges if part.lower() in bridge.name.lower()]
    if not chosen:
        names = ", ".join(sorted(bridge.name for bridge in bridges))
        raise NotConfigured(f"the stack has no bridge of the name {part}", hint=f"It has: {names}.")
    return chosen


def logs_of(bridges: Iterable[Bridge], functions: Collection[str] = ()) -> list[LogGroup]:
    """Return the bridges' log groups; of some functions only, where any are named."""
    groups = [group for bridge in bridges for group in bridge.logs]
    groups.sort(key=lambda group: FUNCTIONS.index(group.function))
    return [group for group in groups if not functions or group.function in functions]


def _bridge(found: dict[str, Bridge], name: str) -> Bridge:
    return found.setdefault(name, Bridge(name))


def _resources(cloudformation: Any, stack: str) -> Iterator[tuple[str, str, str]]:
    """Yield each resource's type, logical id and physical id."""
    with in_words(f"the resources of the stack {stack}", _NEEDS):
        for page in cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack):
            for one in page["StackResourceSummaries"]:
                if one.get("PhysicalResourceId"):
                    yield one["ResourceType"], one["LogicalResourceId"], one["PhysicalResourceId"]
