"""DynamoDB capacity, counted as AWS bills it.

Write units come from the emulator's ``ConsumedCapacity``, which counts an item's size, its indexes
and a transaction's doubling as AWS documents them. It does not look at sizes when it counts reads:
those are computed here from the items that a call returned.
"""

from __future__ import annotations

import math
from typing import Any

READ_UNIT_BYTES = 4096


def item_size(item: dict[str, Any]) -> int:
    """Return an item's billed size in bytes: its attributes' names and values."""
    return sum(len(name.encode()) + _value_size(value) for name, value in item.items())


def read_units(items: list[dict[str, Any]], *, consistent: bool) -> float:
    """Return the units of one `GetItem` or `Query` that returned ``items``: at least one step of 4 KB."""
    steps = max(1, math.ceil(sum(map(item_size, items)) / READ_UNIT_BYTES))
    return steps * (1.0 if consistent else 0.5)


def batch_read_units(request: dict[str, Any], response: dict[str, Any]) -> float:
    """Return the units of one `BatchGetItem`, each key a step of its own, also one that is not there."""
    units = 0.0
    for table, asked in request["RequestItems"].items():
        found = response["Responses"].get(table, [])
        missing = len(asked["Keys"]) - len(found)
        consistent = asked.get("ConsistentRead", False)
        units += sum(read_units([item], consistent=consistent) for item in found)
        units += missing * read_units([], consistent=consistent)
    return units


def _value_size(value: dict[str, Any]) -> int:
    ((kind, plain),) = value.items()
    match kind:
        case "S" | "B":
            return len(plain if kind == "B" else plain.encode())
        case "N":
            return len(plain.lstrip("-").replace(".", "").strip("0")) // 2 + 2
        case "M":
            return 3 + sum(1 + len(k.encode()) + _value_size(v) for k, v in plain.items())
        case "L":
            return 3 + sum(1 + _value_size(v) for v in plain)
        case "BOOL" | "NULL":
            return 1
        case "SS":
            return sum(len(member.encode()) for member in plain)
    raise ValueError(f"no size is known of the type {kind}")
