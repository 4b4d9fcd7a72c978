"""What a session took: kept in its header, listed in the index, and read back."""

from __future__ import annotations

from typing import Any

from bridge.adapters import items
from bridge.adapters.sessions import DynamoSessions
from bridge.conversation import Cost, Usage
from tests.adapters.speaking import item, say
from tests.fakes import KEY, FakeClock

USAGE = Usage(1, 2, 3, 4, 2)
COST = Cost(5_000, 9_000)


def test_an_exchange_carries_its_own(sessions: DynamoSessions, clock: FakeClock, dynamodb: Any) -> None:
    say(sessions, clock, usage=USAGE, cost=COST)
    say(sessions, clock, usage=Usage(7), cost=None)
    first, second = sessions.load(KEY).exchanges
    assert (first.usage, first.cost) == (USAGE, COST)
    assert (second.usage, second.cost) == (Usage(7), None)
    assert item(dynamodb, 2)["usage"] == {"input_tokens": 7}
    assert "cost" not in item(dynamodb, 2)


def test_a_turn_for_nothing_has_a_cost(sessions: DynamoSessions, clock: FakeClock) -> None:
    say(sessions, clock, usage=USAGE, cost=Cost())
    assert sessions.load(KEY).exchanges[0].cost == Cost()
    assert sessions.load(KEY).session.unpriced_turns == 0


def test_the_header_adds_up(sessions: DynamoSessions, clock: FakeClock) -> None:
    for cost in (COST, None, COST):
        say(sessions, clock, usage=USAGE, cost=cost)
    session = sessions.find(KEY)
    assert session is not None
    assert session.usage == Usage(3, 6, 9, 12, 6)
    assert (session.cost, session.unpriced_turns) == (Cost(10_000, 18_000), 1)
    assert (session.summary_usage, session.summary_cost) == (Usage(), Cost())


def test_the_index_lists_it(sessions: DynamoSessions, clock: FakeClock) -> None:
    for cost in (COST, None):
        say(sessions, clock, usage=USAGE, cost=cost)
    ((listed,), _) = sessions.of_owner(KEY.owner, None, 5)
    assert (listed.usage, listed.cost, listed.unpriced_turns) == (USAGE + USAGE, COST, 1)
    assert (listed.turns, listed.title) == (2, "Hello?")


def test_a_header_from_before_costs_were_counted_is_read(
    sessions: DynamoSessions, clock: FakeClock, dynamodb: Any
) -> None:
    say(sessions, clock, usage=USAGE, cost=COST)
    header = item(dynamodb, items.HEADER_SEQ)
    for name in ("cost", "uncached_cost", "unpriced_turns"):
        del header[name]
    del header["usage"]["cache_creation_1h_input_tokens"]
    session = items.header_of(items.to_item(header))
    assert (session.usage, session.cost, session.unpriced_turns) == (Usage(1, 2, 3, 4), Cost(), 0)
    assert items.listed_session_of(items.to_item(header)).cost == Cost()
