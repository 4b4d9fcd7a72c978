"""The original's sessions, out of its table or a file; both are only read.

A file is what `aws dynamodb scan` prints, DynamoDB's export to S3 (one or several of its files put together,
gzipped or not), or lines of items; an item may be typed as DynamoDB has it, or be plain JSON.
"""

from __future__ import annotations

import gzip
import json
import re
import sys
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from bridge_cli.aws import in_words
from bridge_cli.errors import NotConfigured, UsageError
from bridge_cli.frames import well_formed
from bridge_cli.migrating_messages import Message, left_out, messages_of, plain

_NEEDS = "It takes dynamodb:Scan on the original's table, and nothing that writes."
_GZIP = b"\x1f\x8b"
_KINDS = {"S", "N", "B", "SS", "NS", "BS", "M", "L", "NULL", "BOOL"}
_KNOWN = {"session_id", "context", "last_updated", "ttl"}
_MILLISECONDS_FROM = 10**11  # as seconds that would be in the year 5138


@dataclass(frozen=True)
class Original:
    """A session of the original's.

    `last_updated` is in milliseconds since the epoch, None where the item does not tell. `problem` says why
    it cannot be read; `left_out` names what it holds besides.
    """

    name: str
    messages: tuple[Message, ...] = ()
    last_updated: int | None = None
    expired: bool = False
    problem: str = ""
    left_out: frozenset[str] = field(default_factory=frozenset)


def of_table(client: Any, table: str) -> Iterator[dict[str, Any]]:
    """Yield the items of a table as plain values. Raises NotConfigured."""
    pages = iter(client.get_paginator("scan").paginate(TableName=table, ConsistentRead=True))
    while True:
        with in_words(f"the table {table}", _NEEDS):
            page = next(pages, None)
        if page is None:
            return
        for item in page["Items"]:
            yield plain({"M": item})


def of_file(path: str) -> Iterator[dict[str, Any]]:
    """Yield the items of a file as plain values; `-` is standard input.

    Raises NotConfigured where it cannot be read, and UsageError where it holds something else.
    """
    name = "standard input" if path == "-" else path
    try:
        content = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
        if content.startswith(_GZIP):
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        why = getattr(error, "strerror", None) or error
        raise NotConfigured(f"{name} cannot be read: {why}") from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _no_items(name, "it is not UTF-8") from None
    try:
        whole = json.loads(text)
    except RecursionError:
        raise _no_items(name, "it is nested too deeply") from None
    except ValueError:
        yield from _of_lines(text, name)
        return
    items = whole.get("Items", [whole]) if isinstance(whole, dict) else whole
    if isinstance(whole, dict) and whole.get("NextToken"):
        raise _no_items(name, "it is the first part of a scan only: leave out --max-items")
    if not isinstance(items, list):
        raise _no_items(name, "it holds no list of items")
    for number, item in enumerate(items, start=1):
        yield _item(item, f"{name}, item {number}")


def _of_lines(text: str, name: str) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            told = json.loads(line)
        except (ValueError, RecursionError):
            raise _no_items(f"{name}, line {number}", "it is no JSON") from None
        yield _item(told, f"{name}, line {number}")


def _item(told: Any, where: str) -> dict[str, Any]:
    if isinstance(told, dict) and isinstance(told.get("Item"), dict):  # DynamoDB's export
        told = told["Item"]
    if not isinstance(told, dict):
        raise _no_items(where, "it is no item")
    if told and all(
        isinstance(each, dict) and len(each) == 1 and each.keys() <= _KINDS for each in told.values()
    ):
        try:
            told = plain({"M": told})
        except (AttributeError, TypeError, ValueError):
            raise _no_items(where, "it is no item that DynamoDB would write") from None
    return dict(told)


def _no_items(where: str, why: str) -> UsageError:
    return UsageError(
        f"{where}: {why}", hint="`aws dynamodb scan --table-name NAME --consistent-read > FILE` writes one."
    )


def originals(items: Iterable[dict[str, Any]], now: float) -> Iterator[Original]:
    """Yield the sessions that items are. Raises UsageError for another kind of table."""
    for item in items:
        if "session_id" not in item and "hash" in item:
            raise UsageError(
                "this is the original's table of hashes, which holds nothing to migrate: a hash of each "
                "context that was kept, and no conversation",
                hint="Name the table whose key is `session_id`.",
            )
        if "seq" in item:
            raise UsageError(
                "this is a table of the bridge's, and none of the original's",
                hint="`bridge export` and `bridge import` move its sessions.",
            )
        yield _original(item, now)


def _original(item: dict[str, Any], now: float) -> Original:
    name = item.get("session_id")
    if not isinstance(name, str) or not name:
        keys = ", ".join(sorted(item)[:5])
        return Original("", problem=f"an item without a `session_id` (it has {keys or 'nothing'})")
    if well_formed(name) != name:
        return Original(ascii(name), problem="its `session_id` holds half a character, which no table does")
    ttl = _number(item.get("ttl"))
    other = frozenset(left_out(item.get("context")) | (item.keys() - _KNOWN))
    expired = ttl is not None and 0 < ttl <= now
    last_updated = _milliseconds(item.get("last_updated"))
    try:
        messages = tuple(messages_of(item.get("context")))
    except ValueError as error:
        return Original(name, problem=str(error), expired=expired)
    except RecursionError:
        return Original(name, problem="its context is nested too deeply", expired=expired)
    return Original(name, messages, last_updated, expired, left_out=other)


def _milliseconds(told: Any) -> int | None:
    """Return a time in milliseconds since the epoch; None where it is none, or none since 1970."""
    number = _number(told)
    try:
        if number is not None:
            found = int(number if number >= _MILLISECONDS_FROM else number * 1000)
        else:
            moment = datetime.fromisoformat(re.sub(r"[zZ]$", "+00:00", str(told).strip()))
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            found = int(moment.timestamp() * 1000)
        datetime.fromtimestamp(found / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return found if found > 0 else None


def _number(told: Any) -> Decimal | None:
    if isinstance(told, bool) or told is None:
        return None
    try:
        number = Decimal(str(told).strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
