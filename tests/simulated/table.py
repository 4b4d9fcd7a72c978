"""DynamoDB in this process: the calls that the adapters make, each in one step, in microseconds.

moto gives the same answers (`tests.adapters.test_simulated_table` compares them), a hundred times slower.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import ClientError

from tests.simulated.expressions import Bindings, Item, condition, plain, update

PAGE = 3
"""Items of a query's page, so that everybody has to turn pages."""

_KEYS = {"session_id": "S", "seq": "N", "hash": "S"}


class ConditionalCheckFailedException(ClientError):  # type: ignore[misc]
    """An item is not as it was asked to be."""


class TransactionCanceledException(ClientError):  # type: ignore[misc]
    """One of the items is not as it was asked to be."""


class TransactionConflictException(ClientError):  # type: ignore[misc]
    """A transaction is under way."""


class Exceptions:
    """What a client names its errors by."""

    ConditionalCheckFailedException = ConditionalCheckFailedException
    TransactionCanceledException = TransactionCanceledException
    TransactionConflictException = TransactionConflictException


class Table:
    """All tables: a table's ``keys`` make an item's place in it."""

    def __init__(self, **keys: tuple[str, ...]) -> None:
        self._keys = keys
        self._items: dict[str, dict[tuple[Any, ...], Item]] = {name: {} for name in keys}

    def items(self, table: str) -> list[Item]:
        """Return everything that is in a table, whatever its time."""
        return list(self._items[table].values())

    def sweep(self, now: float) -> None:
        """Remove what is past its time, as DynamoDB does when it finds the time."""
        for there in self._items.values():
            for place in [place for place, item in there.items() if plain(item["ttl"]) <= now]:
                del there[place]

    def get_item(self, TableName: str, Key: Item, **_: object) -> dict[str, Any]:  # noqa: N803
        item = self._items[TableName].get(self._place(TableName, Key))
        return {} if item is None else {"Item": dict(item)}

    def put_item(self, TableName: str, Item: Item, **request: Any) -> dict[str, Any]:  # noqa: N803
        place = self._place(TableName, Item)
        self._check(self._items[TableName].get(place), request)
        self._items[TableName][place] = dict(Item)
        return {}

    def update_item(self, TableName: str, Key: Item, **request: Any) -> dict[str, Any]:  # noqa: N803
        place = self._place(TableName, Key)
        before = self._items[TableName].get(place)
        self._check(before, request)
        self._items[TableName][place] = after = self._updated(before, Key, request)
        return {"Attributes": dict(after)} if request.get("ReturnValues") == "ALL_NEW" else {}

    def delete_item(self, TableName: str, Key: Item, **request: Any) -> dict[str, Any]:  # noqa: N803
        place = self._place(TableName, Key)
        self._check(self._items[TableName].get(place), request)
        self._items[TableName].pop(place, None)
        return {}

    def batch_get_item(self, RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803
        found: dict[str, list[Item]] = {}
        for table, asked in RequestItems.items():
            places = [self._place(table, key) for key in asked["Keys"]]
            assert len(set(places)) == len(places) <= 100, "DynamoDB refuses such a batch"
            items = (self._items[table][place] for place in places if place in self._items[table])
            found[table] = [_projected(item, asked) for item in items]
        return {"Responses": found, "UnprocessedKeys": {}}

    def batch_write_item(self, RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803
        for table, writes in RequestItems.items():
            assert 1 <= len(writes) <= 25, "DynamoDB refuses such a batch"
            for write in writes:
                self._items[table].pop(self._place(table, write["DeleteRequest"]["Key"]), None)
        return {"UnprocessedItems": {}}

    def transact_write_items(self, TransactItems: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        writes: dict[str, Callable[..., object]] = {
            "Update": self.update_item,
            "Put": self.put_item,
            "Delete": self.delete_item,
        }
        actions = [(kind, each) for action in TransactItems for kind, each in action.items()]
        reasons: list[dict[str, Any]] = []
        for _, each in actions:
            place = self._place(each["TableName"], each.get("Key") or each["Item"])
            there = self._items[each["TableName"]].get(place)
            reasons.append({"Code": "None" if _met(there, each) else "ConditionalCheckFailed"})
            if reasons[-1]["Code"] != "None" and there and "ReturnValuesOnConditionCheckFailure" in each:
                reasons[-1]["Item"] = dict(there)
        if any(reason["Code"] != "None" for reason in reasons):
            raise TransactionCanceledException(
                {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": reasons},
                "TransactWriteItems",
            )
        for kind, each in actions:
            writes[kind](**{name: value for name, value in each.items() if name != "ReturnValues"})
        return {}

    def query(self, TableName: str, **request: Any) -> dict[str, Any]:  # noqa: N803
        keys = self._keys[TableName]
        order = "last_updated" if "IndexName" in request else keys[-1]
        bound = Bindings(request)
        bound.check(
            request["KeyConditionExpression"],
            request.get("FilterExpression"),
            request.get("ProjectionExpression"),
        )
        wanted = condition(request["KeyConditionExpression"])
        found = [item for item in self.items(TableName) if order in item and wanted(item, bound)]
        backwards = not request.get("ScanIndexForward", True)
        found.sort(key=lambda item: (plain(item[order]), self._place(TableName, item)), reverse=backwards)
        if start := request.get("ExclusiveStartKey"):
            places = [self._place(TableName, item) for item in found]
            found = found[places.index(self._place(TableName, start)) + 1 :]
        limit = min(request.get("Limit", PAGE), PAGE)
        page, more = found[:limit], found[limit:]
        passes = condition(request["FilterExpression"]) if "FilterExpression" in request else None
        items = [_projected(item, request) for item in page if passes is None or passes(item, bound)]
        last = {name: page[-1][name] for name in {*keys, order}} if more else None
        return {"Items": items} | ({"LastEvaluatedKey": last} if last else {})

    def _place(self, table: str, key: Item) -> tuple[Any, ...]:
        names = self._keys[table]
        for name in names:
            assert key[name].keys() == {_KEYS[name]}, f"the key {name} is {key[name]}"
        return tuple(plain(key[name]) for name in names)

    def _check(self, there: Item | None, request: dict[str, Any]) -> None:
        if _met(there, request):
            return
        response: Any = {"Error": {"Code": "ConditionalCheckFailedException", "Message": "no"}}
        if request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD" and there is not None:
            response["Item"] = dict(there)
        raise ConditionalCheckFailedException(response, "a write")

    @staticmethod
    def _updated(before: Item | None, key: Item, request: dict[str, Any]) -> Item:
        bound = Bindings(request)
        after = dict(before or key)
        update(request["UpdateExpression"])(after, before or {}, bound)
        return after


def _met(there: Item | None, request: dict[str, Any]) -> bool:
    bound = Bindings(request)
    expression = request.get("ConditionExpression")
    bound.check(expression, request.get("UpdateExpression"))
    return expression is None or condition(expression)(there or {}, bound)


def _projected(item: Item, request: dict[str, Any]) -> Item:
    projection = request.get("ProjectionExpression")
    if projection is None:
        return dict(item)
    names = Bindings(request)
    wanted = {names.name(name.strip()) for name in projection.split(",")}
    return {name: value for name, value in item.items() if name in wanted}


class Paginator:
    """Turns the pages of a client's queries."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def paginate(self, **request: Any) -> Iterator[dict[str, Any]]:
        """Yield one page after the other."""
        while True:
            page = self._client.query(**request)
            yield page
            if "LastEvaluatedKey" not in page:
                return
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]
