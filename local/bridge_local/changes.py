"""The changes that a table's stream tells of, as an event source mapping hands them to its function.

Only what the bridge's mapping asks for is here: filters of equality and `anything-but`, batches, retries.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Change = Mapping[str, Any]
"""A record of the stream, as GetRecords returns it."""
Pattern = Mapping[str, Any]


class UnknownRule(ValueError):
    """A filter has a rule that this module does not know."""


@dataclass(frozen=True)
class Following:
    """What a mapping says: which stream is followed, which changes matter, and how they are handed on."""

    stream_arn: str
    patterns: tuple[Pattern, ...]
    batch_size: int
    retries: int

    def wants(self, change: Change) -> bool:
        """Tell whether any filter lets a change through; without filters, every one passes."""
        return not self.patterns or any(_matches(change, pattern) for pattern in self.patterns)

    def event(self, changes: Iterable[Change]) -> dict[str, Any]:
        """Return the event that Lambda's pollers make of changes."""
        return {"Records": [{**change, "eventSourceARN": self.stream_arn} for change in changes]}


def following(mappings: Iterable[Mapping[str, Any]]) -> Following | None:
    """Return what the first mapping says that follows a table's stream. Raises UnknownRule."""
    for mapping in mappings:
        if ":dynamodb:" in mapping["EventSourceArn"]:
            filters = (mapping.get("FilterCriteria") or {}).get("Filters", [])
            patterns = tuple(json.loads(it["Pattern"]) for it in filters)
            for pattern in patterns:
                _check(pattern)
            return Following(
                mapping["EventSourceArn"],
                patterns,
                mapping["BatchSize"],
                mapping.get("MaximumRetryAttempts", 0),
            )
    return None


def key(change: Change) -> str:
    """Return the partition key of what changed: changes under one stay in order."""
    return str(change["dynamodb"]["Keys"]["session_id"]["S"])


def number(change: Change) -> str:
    """Return a change's sequence number, by which a function names it."""
    return str(change["dynamodb"]["SequenceNumber"])


def done(changes: Iterable[Change], returned: object) -> int:
    """Return how many of a batch's changes are done, by what its function returned.

    As Lambda does it: the failed one with the lowest number is where the batch begins anew. A name that is
    in no change counts as the whole batch.
    """
    failed = returned.get("batchItemFailures") if isinstance(returned, Mapping) else None
    numbers = [number(change) for change in changes]
    if not failed:
        return len(numbers)
    positions = [numbers.index(it["itemIdentifier"]) for it in failed if it.get("itemIdentifier") in numbers]
    return min(positions) if len(positions) == len(failed) else 0


def _matches(value: object, pattern: Pattern) -> bool:
    if not isinstance(value, Mapping):
        return False
    for name, rule in pattern.items():
        if name not in value:
            return False
        if isinstance(rule, Mapping):
            if not _matches(value[name], rule):
                return False
        elif not any(_allows(value[name], choice) for choice in rule):
            return False
    return True


def _allows(value: object, choice: object) -> bool:
    if isinstance(choice, Mapping):
        return value not in choice["anything-but"]
    return value == choice


def _check(pattern: Pattern) -> None:
    for rule in pattern.values():
        if isinstance(rule, Mapping):
            _check(rule)
        else:
            for choice in rule:
                if isinstance(choice, Mapping) and set(choice) != {"anything-but"}:
                    raise UnknownRule(f"a filter's rule is not known here: {json.dumps(choice)}")
