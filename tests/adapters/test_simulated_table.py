"""The table in which the functions are tried side by side answers as moto does, whatever they ask of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests import aws
from tests.fuzz.effort import effort
from tests.simulated.expressions import Item
from tests.simulated.facts import HASHES, SESSIONS
from tests.simulated.machine import Bridge
from tests.simulated.table import Table
from tests.simulated.world import World

TABLES = {SESSIONS: aws.SESSIONS_TABLE, HASHES: aws.HASHES_TABLE}


class Taped:
    """A table that writes down what was asked of it, and what it answered."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self.tape: list[tuple[str, dict[str, Any], Any]] = []

    def items(self, table: str) -> list[Item]:
        return self._table.items(table)

    def sweep(self, now: float) -> None:
        before = {name: self.items(name) for name in TABLES}
        self._table.sweep(now)
        for name, items in before.items():
            for item in items:
                if item not in self.items(name):
                    keys = ("hash",) if name == HASHES else ("session_id", "seq")
                    self.tape.append(
                        ("delete_item", {"TableName": name, "Key": {key: item[key] for key in keys}}, {})
                    )

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def call(**request: Any) -> Any:
            try:
                reply = getattr(self._table, operation)(**request)
            except ClientError as error:
                self.tape.append((operation, request, error))
                raise
            self.tape.append((operation, request, reply))
            return reply

        return call


class Replayed(Bridge):
    """A machine whose calls are made to moto, too, once it is over."""

    def a_world(self, context_limit: int, daily_tokens: int | None) -> World:
        world = super().a_world(context_limit, daily_tokens)
        self.taped = world.table = Taped(world.table)  # type: ignore[assignment]
        return world

    def teardown(self) -> None:
        super().teardown()
        client = boto3.client("dynamodb", region_name=aws.REGION)
        for table in TABLES.values():
            client.delete_table(TableName=table)
        aws.create_tables()
        for operation, request, answered in self.taped.tape:
            compare(operation, request, answered, on_moto(client, operation, renamed(request)))


def renamed(value: Any) -> Any:
    """Return a request with the names of moto's tables."""
    if isinstance(value, list):
        return [renamed(each) for each in value]
    if not isinstance(value, dict):
        return value
    changed = {TABLES.get(name, name): renamed(each) for name, each in value.items()}
    if "TableName" in value:
        changed["TableName"] = TABLES[value["TableName"]]
    return changed


def on_moto(client: Any, operation: str, request: dict[str, Any]) -> Any:
    try:
        return getattr(client, operation)(**request)
    except ClientError as error:
        return error


def compare(operation: str, request: dict[str, Any], answered: Any, moto: Any) -> None:
    told = f"{operation} {request}"
    if isinstance(answered, ClientError):
        assert isinstance(moto, ClientError), told
        assert moto.response["Error"]["Code"] == answered.response["Error"]["Code"], told
        assert same(moto.response.get("Item"), answered.response.get("Item")), told
        assert codes(moto) == codes(answered), told
        return
    assert not isinstance(moto, ClientError), f"{told}: {moto}"
    assert same(moto.get("Item"), answered.get("Item")), told
    assert same(moto.get("Attributes"), answered.get("Attributes")), told
    for table, found in answered.get("Responses", {}).items():
        theirs = moto["Responses"][TABLES[table]]
        assert sorted(map(comparable, found)) == sorted(map(comparable, theirs)), told
    if "Items" in answered:
        page = list(map(comparable, answered["Items"]))
        theirs = list(map(comparable, moto["Items"]))
        assert page == theirs[: len(page)], told
        assert "LastEvaluatedKey" in answered or page == theirs, told


def codes(error: ClientError) -> list[str]:
    return [str(reason["Code"]) for reason in error.response.get("CancellationReasons", ())]


def same(one: Item | None, other: Item | None) -> bool:
    return comparable(one) == comparable(other)


def comparable(item: Item | None) -> str:
    """Return an item's text, with the members of its sets in order."""
    ordered = {
        name: {kind: sorted(value) if kind == "SS" else value for kind, value in typed.items()}
        for name, typed in (item or {}).items()
    }
    return str(sorted(ordered.items()))


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with aws.aws(monkeypatch):
        aws.create_tables()
        yield


def test_it_answers_as_moto_does(tables: None) -> None:
    run_state_machine_as_test(Replayed, settings=settings(effort(0.08), stateful_step_count=30))
