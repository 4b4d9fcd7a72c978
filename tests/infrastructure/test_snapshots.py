"""One snapshot per part of the construct, one of what the stack adds: a change is meant, or a bug."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.infrastructure.conftest import Synthesized


@pytest.mark.parametrize("part", ["Storage", "Queue", "Secrets", "WebSocket", "Monitoring"])
def test_part(part: str, prod: Synthesized, json_snapshot: Callable[[Any], None]) -> None:
    json_snapshot(prod.under(f"Bridge/{part}"))


@pytest.mark.parametrize("name", ["Connect", "Disconnect", "Message", "Answer", "Remember"])
def test_function(name: str, prod: Synthesized, json_snapshot: Callable[[Any], None]) -> None:
    json_snapshot(prod.under(f"Bridge/Functions/{name}"))


def test_stack(prod: Synthesized, json_snapshot: Callable[[Any], None]) -> None:
    """A logical id that changes replaces its resource; a stateful one's loss is everybody's memory."""
    json_snapshot(
        {
            "Description": prod.template["Description"],
            "Outputs": prod.template["Outputs"],
            "Resources": {name: it["Type"] for name, it in sorted(prod.resources.items())},
        }
    )
