"""The last release, as it was kept: its version, its templates, its items."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import Any

FOLDER = max(
    (folder for folder in Path(__file__).parent.iterdir() if (folder / "sessions.json").is_file()),
    key=lambda folder: [int(part) for part in folder.name.split(".")],
)
VERSION = FOLDER.name

MOMENTS = ("ttl", "expires")
"""The attributes that `items` may have set anew."""

Item = dict[str, Any]


def template(name: str) -> dict[str, Any]:
    """Return a template: `prod`, `local` or `construct`."""
    kept: dict[str, Any] = json.loads((FOLDER / f"{name}.template.json").read_text())
    return kept


def items(table: str) -> list[Item]:
    """Return the items of `sessions` or `hashes`, as boto3 takes them, none of them expired.

    What would have expired by now has another hour to live: an upgrade takes minutes.
    """
    soon = int(time.time()) + 3600
    kept: list[Item] = [_decoded(item) for item in json.loads((FOLDER / f"{table}.json").read_text())]
    for item in kept:
        for moment in MOMENTS:
            if moment in item:
                item[moment] = {"N": str(max(soon, int(float(item[moment]["N"]))))}
    return kept


def put(client: Any, table: str, kept: list[Item]) -> None:
    """Put items into a table by boto3's `client`."""
    for item in kept:
        client.put_item(TableName=table, Item=item)


def _decoded(value: Any) -> Any:
    match value:
        case {"B": str(text)}:
            return {"B": base64.b64decode(text)}
        case dict():
            return {name: _decoded(each) for name, each in value.items()}
        case list():
            return [_decoded(each) for each in value]
    return value
