from __future__ import annotations

import threading
from collections import defaultdict
from typing import Any

import pytest

from bridge_local import reaping

TABLE = "sessions-of-a-test"


@pytest.fixture
def dynamodb(monkeypatch: pytest.MonkeyPatch) -> Any:
    """MiniStack's, with a table of two items whose stream is on."""
    from ministack.services import dynamodb

    items = {seq: {"session_id": {"S": "a/s"}, "seq": {"N": seq}} for seq in ("0", "1")}
    table = {
        "TableName": TABLE,
        "TableArn": f"arn:aws:dynamodb:us-east-1:000000000000:table/{TABLE}",
        "pk_name": "session_id",
        "sk_name": "seq",
        "items": defaultdict(dict, {"a/s": items}),
        "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"},
    }
    dynamodb._tables[TABLE] = table
    monkeypatch.setattr(dynamodb, "_remove_item", dynamodb._remove_item)  # put back after the test
    reaping.install()
    yield dynamodb
    dynamodb._tables.pop(TABLE)
    dynamodb._stream_records.pop(TABLE, None)


def remove(dynamodb: Any, seq: str, *, thread: str) -> None:
    removing = threading.Thread(
        target=dynamodb._remove_item, args=(dynamodb._tables[TABLE], "a/s", seq), name=thread
    )
    removing.start()
    removing.join()


def test_the_stream_tells_of_what_expired(dynamodb: Any) -> None:
    remove(dynamodb, "1", thread=reaping.REAPER)
    (told,) = dynamodb._stream_records[TABLE]
    assert told["eventName"] == "REMOVE"
    assert told["dynamodb"]["Keys"] == {"session_id": {"S": "a/s"}, "seq": {"N": "1"}}
    assert not told["dynamodb"].keys() & {"NewImage", "OldImage"}


def test_what_is_deleted_is_told_of_by_the_emulator_itself(dynamodb: Any) -> None:
    remove(dynamodb, "1", thread="request")
    remove(dynamodb, "17", thread=reaping.REAPER)  # was not there
    assert not dynamodb._stream_records.get(TABLE)
