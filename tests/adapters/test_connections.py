"""Connections: who speaks, for as long as a connection can live."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.adapters import items
from bridge.adapters.connections import DynamoConnections
from bridge.adapters.lately import KNOWN_AT_MOST
from bridge.ports.speaking import Connection
from tests.aws import SESSIONS_TABLE, Calls
from tests.fakes import START, FakeClock

ADA = Connection("abc=", "ada", 1_800_000_000, "5f5f", 1_795_376_200)
CALLER = Connection("ghi=", "arn:aws:iam::123456789012:user/ada", None, None, 1_795_376_200)
ANONYMOUS = Connection("def=", "anonymous", None)


@pytest.fixture
def connections(dynamodb: Any, calls: Calls, clock: FakeClock) -> DynamoConnections:
    return DynamoConnections(dynamodb, SESSIONS_TABLE, clock)


def test_what_was_opened_is_found_until_it_is_closed(dynamodb: Any, connections: DynamoConnections) -> None:
    for connection in (ADA, CALLER, ANONYMOUS):
        connections.open(connection)
        assert connections.find(connection.connection_id) == connection
    assert connections.find("jkl=") is None
    connections.close("abc=")
    assert DynamoConnections(dynamodb, SESSIONS_TABLE, FakeClock()).find("abc=") is None
    connections.close("abc=")


def test_a_record_outlives_the_longest_connection_and_no_more(
    connections: DynamoConnections, clock: FakeClock
) -> None:
    connections.open(ADA)
    clock.advance(hours=2)
    assert connections.find("abc=") == ADA
    clock.advance(minutes=10)
    assert connections.find("abc=") is None


def test_for_a_minute_it_is_not_read_again(
    connections: DynamoConnections, clock: FakeClock, calls: Calls
) -> None:
    connections.open(ADA)
    calls.clear()
    connections.find("abc=")
    clock.advance(seconds=59)
    connections.find("abc=")
    assert calls.made == {"GetItem": 1}
    clock.advance(seconds=1)
    connections.find("abc=")
    assert calls.made == {"GetItem": 2}


def test_a_stranger_is_looked_up_every_time(connections: DynamoConnections, calls: Calls) -> None:
    assert connections.find("abc=") is None
    connections.open(ADA)
    assert connections.find("abc=") == ADA


def test_it_remembers_only_so_many(connections: DynamoConnections, calls: Calls) -> None:
    names = [str(number) for number in range(KNOWN_AT_MOST + 1)]
    for name in names:
        connections.open(Connection(name, "ada", None))
        connections.find(name)
    calls.clear()
    for name in reversed(names):
        connections.find(name)
    assert calls.made == {"GetItem": 1}


def test_a_record_from_before_tokens_could_be_revoked(connections: DynamoConnections) -> None:
    connections.open(Connection("abc=", "ada", 1_800_000_000))
    found = connections.find("abc=")
    assert found is not None
    assert (found.token_id, found.issued, found.proven) == (None, 0, True)
    assert not ANONYMOUS.proven
    item = items.connection_item(ANONYMOUS, START)
    assert {"expires", "token_id", "issued"}.isdisjoint(item)


def test_a_connection_is_in_no_owners_list(connections: DynamoConnections, dynamodb: Any) -> None:
    connections.open(ADA)
    listed = dynamodb.query(
        TableName=SESSIONS_TABLE,
        IndexName="sessions-by-owner",
        KeyConditionExpression="#owner = :owner",
        ExpressionAttributeNames={"#owner": "owner"},
        ExpressionAttributeValues={":owner": {"S": "ada"}},
    )
    assert listed["Items"] == []
