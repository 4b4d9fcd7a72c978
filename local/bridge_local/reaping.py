"""Lets the table's stream tell of items that expired, as DynamoDB does; the emulator removes them in silence.

It reaches into MiniStack at three names of `ministack.services.dynamodb`: `_remove_item`, which every removal
goes through, `_emit_stream_event`, which every other one calls as well, and the reaper's thread by its name.
"""

from __future__ import annotations

import threading
from typing import Any

REAPER = "dynamodb-ttl-reaper"


def install() -> None:
    """Put it in MiniStack's place."""
    from ministack.services import dynamodb

    remove = dynamodb._remove_item

    def remove_and_tell(table: Any, partition: Any, sort: Any) -> Any:
        removed = remove(table, partition, sort)
        if removed is not None and threading.current_thread().name == REAPER:
            dynamodb._emit_stream_event(table["TableName"], "REMOVE", removed, None)
        return removed

    dynamodb._remove_item = remove_and_tell
