"""Migrating, against moto: all that the original's table holds is in the bridge's afterwards."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aws_lambda_powertools import Logger
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.adapters.archive import DynamoArchive
from bridge.adapters.erasing import DynamoEraser
from bridge.adapters.hashes import DynamoHashes
from bridge.adapters.sessions import DynamoSessions
from bridge.conversation import SessionKey
from bridge.memory.head import mark_of
from bridge.memory.query import MemoryQuery
from bridge.memory.recollection import Recollections
from bridge.remembering import Remembering
from bridge_cli import migrating
from bridge_cli import migrating_exchanges as exchanges
from bridge_cli.archive_table import SessionsTable
from bridge_cli.archive_values import Item
from bridge_cli.migrating import target_name
from bridge_cli.migrating_lifetimes import DAY
from bridge_cli.migrating_messages import messages_of
from tests.aws import HASHES_TABLE, SESSIONS_TABLE
from tests.cli import originals as drawn
from tests.cli.archived import exchange
from tests.cli.migrated import (
    ADA,
    KEPT,
    PLANS,
    adds_up,
    head_of,
    migrate,
    said,
    turns,
)
from tests.cli.originals import conversation, item
from tests.cli.test_archive import empty, forget, held, put


def now() -> datetime:
    return datetime.now(UTC)


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(drawn.contexts, st.booleans()), min_size=1, max_size=3), st.lists(drawn.whole_messages)
)
def test_every_message_of_every_context_is_there_in_its_order(
    dynamodb: Any, sessions: list[tuple[list[Any], bool]], more: list[Any]
) -> None:
    target = empty(dynamodb)
    items = {
        f"chat-{number}": drawn.written(context) if as_json else context
        for number, (context, as_json) in enumerate(sessions)
    }
    source = drawn.table(dynamodb, *(item(name, context) for name, context in items.items()))
    report = migrate(dynamodb, source, target)
    assert not report.failed
    assert report.messages["written"] == report.messages["source"] == sum(len(each) for each, _ in sessions)
    for name, context in items.items():
        assert said(dynamodb, name, target) == messages_of(context)
    once = held(dynamodb, target)
    again = migrate(dynamodb, source, target)
    assert held(dynamodb, target) == once  # twice is the same as once
    assert (again.messages["written"], again.messages["there"]) == (0, report.messages["written"])
    longer = [*sessions[0][0], *more]
    dynamodb.put_item(TableName=source, Item=item("chat-0", longer))
    added = migrate(dynamodb, source, target)
    assert added.messages["written"] == len(more)
    assert said(dynamodb, "chat-0", target) == messages_of(longer)
    assert all(map(adds_up, (report, again, added)))


def test_a_session_goes_on_where_the_original_left_it(dynamodb: Any) -> None:
    many = conversation(*(f"Thing {number}" for number in range(20)))
    source = drawn.table(
        dynamodb, item("plans", PLANS, last_updated="2024-03-01T10:00:00"), item("many", many)
    )
    assert migrate(dynamodb, source).sessions["migrated"] == 2
    days, logger = timedelta(seconds=KEPT.memory), Logger(level=logging.CRITICAL)
    sessions = DynamoSessions(dynamodb, SESSIONS_TABLE, timedelta(hours=24), days, now, logger)
    loaded = sessions.load(SessionKey("ada", "plans"))
    assert [entry["content"] for each in loaded.exchanges for entry in each.context] == [
        each["content"] for each in PLANS
    ]
    assert (loaded.session.turns, loaded.session.title) == (2, "The code word is marmalade.")
    assert {one.key.name for one in sessions.of_owner("ada", None, 5)[0]} == {"plans", "many"}
    archive = DynamoArchive(dynamodb, SESSIONS_TABLE, days, now)
    eraser = DynamoEraser(dynamodb, SESSIONS_TABLE, DynamoHashes(dynamodb, HASHES_TABLE))
    Remembering(archive, eraser, days, now).tend("ada")
    query = MemoryQuery("the code word", limit=3)
    found = [one.text for one in Recollections(archive, now).recall("ada", archive.head("ada"), query)]
    assert "The code word is marmalade." in found


def test_the_source_is_only_read(dynamodb: Any) -> None:
    source = drawn.table(dynamodb, item("plans", PLANS))
    asked: list[str] = []

    def look(params: dict[str, Any], model: Any, **_: Any) -> None:
        if source in params.get("body", b"").__str__():
            asked.append(model.name)

    dynamodb.meta.events.register("before-call.dynamodb", look)
    migrate(dynamodb, source)
    assert set(asked) == {"Scan"}


def test_what_was_said_since_is_added_and_the_session_knows_of_it(dynamodb: Any) -> None:
    source = drawn.table(dynamodb, item("plans", [*PLANS, {"role": "user", "content": "And now?"}]))
    migrate(dynamodb, source)
    first = head_of(dynamodb, "plans")
    later = [*PLANS[2:], *conversation("And now?", "Tea.", "Why?", "It is five.")]
    dynamodb.put_item(TableName=source, Item=item("plans", later))
    report = migrate(dynamodb, source)
    assert (report.sessions["added"], report.messages["written"], report.messages["there"]) == (1, 3, 3)
    assert said(dynamodb, "plans") == messages_of([*PLANS, *later[2:]])
    after = head_of(dynamodb, "plans")
    assert (first["turns"]["N"], after["turns"]["N"], after["version"]["N"]) == ("3", "5", "2")
    assert after["last_updated"] == turns(dynamodb, "plans")[-1]["last_updated"]
    assert migrate(dynamodb, source).messages["written"] == 0


@pytest.mark.parametrize("fails_at", [1, 2, 5, 6, 7])
def test_a_run_that_broke_off_is_finished_by_the_next(
    dynamodb: Any, monkeypatch: pytest.MonkeyPatch, fails_at: int
) -> None:
    said_there = conversation(*(f"Thing {number}" for number in range(10)))
    source = drawn.table(dynamodb, item("plans", said_there), item("talk", PLANS))
    put_one, done = SessionsTable.put, []

    def fail(self: SessionsTable, each: Item, now: float) -> Any:
        done.append(each)
        if len(done) == fails_at:
            raise KeyboardInterrupt
        return put_one(self, each, now)

    monkeypatch.setattr(SessionsTable, "put", fail)
    with pytest.raises(KeyboardInterrupt):
        migrate(dynamodb, source)
    left = {one["session_id"]["S"]: int(one["seq"]["N"]) for one in held(dynamodb)}
    assert all(
        len(turns(dynamodb, name.partition("/")[2])) == most for name, most in left.items()
    )  # no holes
    monkeypatch.setattr(SessionsTable, "put", put_one)
    report = migrate(dynamodb, source)
    assert not report.failed
    assert adds_up(report)
    assert said(dynamodb, "plans") == messages_of(said_there)
    assert said(dynamodb, "talk") == messages_of(PLANS)
    assert head_of(dynamodb, "plans")["turns"]["N"] == "5"
    times = [one["last_updated"]["S"] for one in turns(dynamodb, "plans")]
    assert times == sorted(set(times))
    once = held(dynamodb)
    migrate(dynamodb, source)
    assert held(dynamodb) == once


def test_a_run_that_broke_off_before_a_header_was_renewed(
    dynamodb: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = drawn.table(dynamodb, item("plans", PLANS[:2]))
    migrate(dynamodb, source)
    dynamodb.put_item(TableName=source, Item=item("plans", PLANS))
    with monkeypatch.context() as patched:
        patched.setattr(SessionsTable, "renew", lambda *_: False)
        migrate(dynamodb, source)
    assert head_of(dynamodb, "plans")["turns"]["N"] == "1"
    migrate(dynamodb, source)
    assert head_of(dynamodb, "plans")["turns"]["N"] == "2"


def test_what_the_bridge_was_told_meanwhile_is_not_overwritten(
    dynamodb: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = drawn.table(dynamodb, item("plans", PLANS))
    name, meant = SessionsTable.name, exchange("ada", "plans", 2, "Just now?")

    def meanwhile(self: SessionsTable, *arguments: Any) -> Any:
        put(dynamodb, meant)
        return name(self, *arguments)

    monkeypatch.setattr(SessionsTable, "name", meanwhile)
    report = migrate(dynamodb, source)
    assert report.failed
    assert (report.messages["written"], report.messages["skipped"]) == (2, 2)
    assert "2 of its messages could not be put" in report.told[0].why
    assert turns(dynamodb, "plans")[1] == meant


def test_what_was_forgotten_stays_closed_unless_it_is_meant(dynamodb: Any) -> None:
    source = drawn.table(dynamodb, item("plans", PLANS))
    forget(dynamodb, f"{mark_of('plans')}#{int(time.time() * 1000) - 60_000}")
    report = migrate(dynamodb, source)
    assert (report.failed, held(dynamodb)) == (True, [])
    assert "--even-forgotten" in report.told[0].why
    assert not migrate(dynamodb, source, choices=replace(ADA, even_forgotten=True)).failed
    assert said(dynamodb, "plans") == messages_of(PLANS)


def test_what_was_forgotten_after_its_date_cannot_keep_that(dynamodb: Any) -> None:
    source = drawn.table(dynamodb, item("plans", PLANS, last_updated=(now() - timedelta(days=2)).isoformat()))
    forget(dynamodb, f"{mark_of('plans')}#{int(time.time() * 1000) - 60_000}")
    choices = replace(ADA, even_forgotten=True, keep_dates=True)
    report = migrate(dynamodb, source, choices=choices)
    assert (report.failed, turns(dynamodb, "plans")) == (True, [])
    assert "leave out --keep-dates" in report.told[0].why
    assert not migrate(dynamodb, source, choices=replace(choices, keep_dates=False)).failed
    assert said(dynamodb, "plans") == messages_of(PLANS)


def test_what_is_past_the_originals_own_time(dynamodb: Any) -> None:
    source = drawn.table(dynamodb, item("plans", PLANS, ttl=1_700_000_000))
    report = migrate(dynamodb, source)
    assert (report.sessions["skipped"], report.failed, held(dynamodb)) == (1, False, [])
    assert migrate(dynamodb, source, choices=replace(ADA, expired=True)).sessions["migrated"] == 1


def test_what_was_migrated_and_is_past_its_time_stays_gone_while_the_rest_is_there(dynamodb: Any) -> None:
    source = drawn.table(dynamodb, item("plans", PLANS))
    migrate(dynamodb, source)
    first = turns(dynamodb, "plans")[0]
    put(dynamodb, first | {"ttl": {"N": "1700000000"}})
    dynamodb.put_item(TableName=source, Item=item("plans", [*PLANS, *conversation("More?", "Yes.")]))
    report = migrate(dynamodb, source)
    counted = {"source": 6, "written": 2, "there": 2, "past": 2, "skipped": 0}
    assert (report.messages, report.failed) == (counted, False)


def test_it_is_kept_from_today_on(dynamodb: Any) -> None:
    source = drawn.table(dynamodb, item("plans", PLANS, last_updated="2019-03-01T10:00:00"))
    began = time.time()
    migrate(dynamodb, source)
    for one in turns(dynamodb, "plans"):
        assert began + KEPT.memory - 2 <= int(one["ttl"]["N"]) <= time.time() + KEPT.memory
        assert one["migrated"]["M"]["last_updated"] == {"S": "2019-03-01T10:00:00.000Z"}
    assert began + KEPT.session - 2 <= int(head_of(dynamodb, "plans")["ttl"]["N"])


def test_the_originals_dates_can_be_kept(dynamodb: Any) -> None:
    recent = exchanges.iso(int(time.time() - 20 * DAY) * 1000)
    source = drawn.table(
        dynamodb,
        item("plans", PLANS, last_updated=recent),
        item("old", PLANS, last_updated="2019-03-01T10:00:00"),
    )
    report = migrate(dynamodb, source, choices=replace(ADA, keep_dates=True))
    assert turns(dynamodb, "plans")[-1]["last_updated"]["S"] == recent
    assert int(head_of(dynamodb, "plans")["ttl"]["N"]) > time.time()  # a session that goes on, all the same
    assert [(one.session, "2019-03-01" in one.why, one.error) for one in report.told] == [("old", True, True)]
    assert migrate(dynamodb, source, choices=replace(ADA, keep_dates=True)).sessions["there"] == 1


def test_more_sessions_than_are_looked_at_at_once(dynamodb: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrating, "AT_ONCE", 2)
    source = drawn.table(dynamodb, *(item(f"chat-{number}", PLANS) for number in range(5)))
    assert migrate(dynamodb, source).sessions["migrated"] == 5
    assert len([one for one in held(dynamodb) if one["seq"]["N"] == "0"]) == 5


def test_what_is_put_beside_does_not_meet_an_original_of_that_name(dynamodb: Any) -> None:
    longer = conversation("Hello?", "Hi.", "Lisbon?", "Rain.", "Porto?", "Sun.")
    source = drawn.table(dynamodb, item("plans", PLANS), item("plans-original", longer))
    put(dynamodb, exchange("ada", "plans", 1))
    report = migrate(dynamodb, source, choices=replace(ADA, beside=True))
    assert (report.sessions["migrated"], report.failed) == (2, False)
    names = {one.session: one.target for one in report.told}
    assert sorted(names) == ["plans", "plans-original"]
    assert len(set(names.values())) == 2
    assert said(dynamodb, names["plans"]) == messages_of(PLANS)
    assert said(dynamodb, names["plans-original"]) == messages_of(longer)


def test_names_that_the_bridge_does_not_take_stay_apart() -> None:
    names = ["a b", "a-b", "a/b", "a#b", "ä", "x" * 129, "x" * 130, "", "plans"]
    targets = [target_name(name) for name in names]
    assert len(set(targets)) == len(names)
    assert all(migrating._NAME.fullmatch(target) for target in targets)
    assert target_name("plans") == "plans"
    assert target_name("x" * 125, "-original").endswith("-original")
