"""Many items at once: whatever DynamoDB leaves over is asked for again, and not without an end."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.adapters import batches, items
from bridge.adapters.items import Item
from tests.aws import SESSIONS_TABLE, Calls
from tests.fakes import KEY

Table = dict[str, Any]


def keys(count: int) -> list[Item]:
    return [items.key_of(KEY, seq) for seq in range(1, count + 1)]


def put(dynamodb: Any, count: int) -> list[Item]:
    for key in keys(count):
        dynamodb.put_item(TableName=SESSIONS_TABLE, Item=key)
    return keys(count)


def read(dynamodb: Any, wanted: list[Item], *, consistent: bool = True) -> list[int]:
    """Return the numbers of the items that are there, in their order."""
    found = batches.get(dynamodb, SESSIONS_TABLE, wanted, consistent=consistent)
    return sorted(int(item["seq"]["N"]) for item in found)


class Throttled:
    """A client of a table that takes one item of each batch, and of the first `empty` batches none."""

    def __init__(self, client: Any, empty: int = 0) -> None:
        self._client = client
        self._empty = empty
        self.asked: list[int] = []

    def batch_get_item(self, RequestItems: Table) -> Table:  # noqa: N803 - boto3's name
        (request,) = RequestItems.values()
        taken, left = self._share(request["Keys"])
        reply: Table = {"Responses": {}}
        if taken:
            reply = self._client.batch_get_item(RequestItems={SESSIONS_TABLE: {**request, "Keys": taken}})
        return {**reply, "UnprocessedKeys": {SESSIONS_TABLE: {**request, "Keys": left}} if left else {}}

    def batch_write_item(self, RequestItems: Table) -> Table:  # noqa: N803 - boto3's name
        (request,) = RequestItems.values()
        taken, left = self._share(request)
        if taken:
            self._client.batch_write_item(RequestItems={SESSIONS_TABLE: taken})
        return {"UnprocessedItems": {SESSIONS_TABLE: left} if left else {}}

    def _share(self, wanted: list[Any]) -> tuple[list[Any], list[Any]]:
        self.asked.append(len(wanted))
        taken = 0 if len(self.asked) <= self._empty else 1
        return wanted[:taken], wanted[taken:]


def test_more_than_a_batch_holds_is_read(dynamodb: Any, calls: Calls) -> None:
    wanted = put(dynamodb, 201)
    calls.clear()
    assert read(dynamodb, wanted) == list(range(1, 202))
    assert calls.made == {"BatchGetItem": 3}


def test_more_than_a_batch_holds_is_removed(dynamodb: Any, calls: Calls) -> None:
    gone = put(dynamodb, 52)[:51]
    calls.clear()
    batches.remove(dynamodb, SESSIONS_TABLE, gone)
    assert calls.made == {"BatchWriteItem": 3}
    assert read(dynamodb, keys(52)) == [52]


def test_of_nothing_nothing_is_asked(dynamodb: Any, calls: Calls) -> None:
    assert read(dynamodb, []) == []
    batches.remove(dynamodb, SESSIONS_TABLE, [])
    assert not calls.made


def test_what_is_not_there_is_no_error(dynamodb: Any) -> None:
    put(dynamodb, 1)
    assert read(dynamodb, keys(3)) == [1]
    batches.remove(dynamodb, SESSIONS_TABLE, keys(3))
    assert read(dynamodb, keys(3)) == []


@pytest.mark.parametrize("consistent", [True, False])
def test_keys_that_were_left_over_are_asked_for_again(
    dynamodb: Any, waits: list[float], consistent: bool
) -> None:
    throttled = Throttled(dynamodb)
    assert read(throttled, put(dynamodb, 4), consistent=consistent) == [1, 2, 3, 4]
    assert throttled.asked == [4, 3, 2, 1]
    assert len(waits) == 3


def test_removals_that_were_left_over_are_asked_for_again(dynamodb: Any, waits: list[float]) -> None:
    throttled = Throttled(dynamodb)
    batches.remove(throttled, SESSIONS_TABLE, put(dynamodb, 4))
    assert throttled.asked == [4, 3, 2, 1]
    assert len(waits) == 3
    assert read(dynamodb, keys(4)) == []


def test_a_throttled_table_is_given_up_in_the_end(dynamodb: Any, waits: list[float]) -> None:
    throttled = Throttled(dynamodb, empty=batches.ROUNDS)
    with pytest.raises(batches.BatchFailed):
        read(throttled, put(dynamodb, 2))
    assert throttled.asked == [2] * batches.ROUNDS
    assert all(0 < wait <= 1 for wait in waits)
    with pytest.raises(batches.BatchFailed):
        batches.remove(Throttled(dynamodb, empty=batches.ROUNDS), SESSIONS_TABLE, keys(2))
    assert read(dynamodb, keys(2)) == [1, 2]


def test_a_table_that_recovers_at_last_is_not(dynamodb: Any, waits: list[float]) -> None:
    throttled = Throttled(dynamodb, empty=batches.ROUNDS - 1)
    assert read(throttled, put(dynamodb, 1)) == [1]
    assert len(waits) == batches.ROUNDS - 1
