"""Which bridges of which stack are looked at, and how: for `bridge logs` and `bridge top`."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from bridge_cli.aws import AwsAccess
from bridge_cli.configuration import Choice, Configuration, configure
from bridge_cli.deployed_parts import Bridge, bridges_of, logs_of, named
from bridge_cli.errors import NotConfigured
from bridge_cli.log_reading import CloudWatch
from bridge_cli.queue_depths import Depths, depths_of
from bridge_cli.terminal import notice


@dataclass(frozen=True)
class Watched:
    """Bridges that are looked at, and the AWS that they run in."""

    aws: AwsAccess
    stack: str
    bridges: list[Bridge]

    def logs(self, functions: Collection[str] = ()) -> CloudWatch:
        """Return where their lines are read; those of some functions only, where any are named."""
        return CloudWatch(self.aws.client("logs", attempts=6), logs_of(self.bridges, functions))

    def depths(self) -> Depths:
        """Return how many turns are in work, wait, or were given up."""
        turns = [bridge.turns for bridge in self.bridges if bridge.turns]
        dead_letters = [bridge.dead_letters for bridge in self.bridges if bridge.dead_letters]
        return depths_of(self.aws.client("sqs"), turns, dead_letters)


def watched(profile: str | None, stack: str | None, bridge: str | None) -> Watched:
    """Return what the options mean: a stack's bridges, or the one on this machine. Raises NotConfigured.

    ``bridge`` is a part of a bridge's logical id. Without it a stack that is named with a prefix
    (`NAME/PREFIX`) means the bridge whose outputs bear that; else all of the stack's are meant.
    """
    found = configure(Choice(profile=profile, stack=stack), notice)
    name, prefix = _stack(found)
    bridges = bridges_of(found.aws.client("cloudformation"), name)
    if bridge:
        bridges = named(bridges, bridge)
    elif prefix:
        function = found.output("AnswerFunction")
        bridges = [one for one in bridges if function in one.functions]
        if not bridges:
            raise NotConfigured(
                f"the stack {name} does not tell which of its bridges {prefix} is",
                hint=f"Emit its output {prefix}AnswerFunction, or name it by its logical id: --bridge NAME.",
            )
    return Watched(found.aws, name, bridges)


def _stack(found: Configuration) -> tuple[str, str]:
    if found.stack is not None:
        name, _, prefix = found.stack.partition("/")
        return name, prefix
    if found.local is not None:
        return found.local.stack, ""
    raise NotConfigured(
        "it is not known which stack's logs are meant",
        hint="Name it: --stack claude-context-bridge-prod, or `bridge config set stack NAME`; "
        "or start a bridge here: `bridge local up`.",
    )
