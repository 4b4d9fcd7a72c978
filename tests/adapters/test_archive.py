"""The owners' memories in DynamoDB: named at once, rewritten in one step, forgotten at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bridge.adapters import items, memory_items
from bridge.adapters.archive import DynamoArchive
from bridge.adapters.sessions import DynamoSessions
from bridge.conversation import Failure, SessionKey
from bridge.memory.head import Head, Segment, Tombstone, mark_of
from bridge.memory.refs import Ref, milliseconds
from bridge.ports.memory import Rewrite
from tests.adapters.speaking import DAYS, name, say, segments
from tests.aws import SESSIONS_TABLE, Calls
from tests.fakes import KEY, START, FakeClock

NOW = milliseconds(START)


@pytest.fixture
def archive(dynamodb: Any, calls: Calls, clock: FakeClock) -> DynamoArchive:
    return DynamoArchive(dynamodb, SESSIONS_TABLE, DAYS, clock)


def a_segment(seq: int, newest: int = NOW) -> Segment:
    return Segment(seq, 1, digest=2**64 - seq, size=4, oldest=NOW, newest=newest, version=2)


def a_rewrite(head: Head, *new: int, stay: tuple[int, ...] = (), settled: tuple[str, ...] = ()) -> Rewrite:
    """Return a change to `new` segments, each with its number as its content, and those that stay."""
    return Rewrite(
        head=head,
        segments=tuple(map(a_segment, (*stay, *new))),
        packed={seq: f"packed {seq}".encode() for seq in new},
        settled=frozenset(settled),
        finished=head.forgetting,
    )


def tombstones(*moments: tuple[str, int]) -> frozenset[Tombstone]:
    return frozenset(Tombstone(mark, until) for mark, until in moments)


def lost_reply(dynamodb: Any, monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[], object]) -> None:
    """Have the next update's reply get lost, and the SDK send it again, after others had their way."""
    update = dynamodb.update_item

    def sent_twice(**call: Any) -> Any:
        monkeypatch.setattr(dynamodb, "update_item", update)
        update(**call)
        meanwhile()
        return update(**call)

    monkeypatch.setattr(dynamodb, "update_item", sent_twice)


def head_item(dynamodb: Any, owner: str = KEY.owner) -> dict[str, Any]:
    found = dynamodb.get_item(TableName=SESSIONS_TABLE, Key=memory_items.head_key(owner))
    return items.from_item(found["Item"])


def test_nobodys_memory_is_empty(archive: DynamoArchive) -> None:
    assert archive.head("nobody") == Head()
    assert archive.head("nobody").empty
    assert archive.segments("nobody", [a_segment(1)]) == {}


def test_what_is_kept_is_pending(
    archive: DynamoArchive, sessions: DynamoSessions, clock: FakeClock, calls: Calls
) -> None:
    first = say(sessions, clock)
    second = say(sessions, clock, SessionKey(KEY.owner, "cooking"))
    say(sessions, clock, SessionKey("eve", "travel"))
    calls.clear()
    head = archive.head(KEY.owner)
    assert head == Head(pending=frozenset({name(first), Ref.of("cooking", second).__str__()}))
    assert calls.made == {"GetItem": 1}
    assert sessions.load(KEY).head == head


def test_keeping_twice_names_once(archive: DynamoArchive, sessions: DynamoSessions, clock: FakeClock) -> None:
    exchange = say(sessions, clock)
    sessions.keep(exchange, sessions.load(KEY).session)
    assert archive.head(KEY.owner).pending == {name(exchange)}


def test_a_failed_turn_is_named_as_one_of_which_nothing_is_recalled(
    archive: DynamoArchive, sessions: DynamoSessions, clock: FakeClock
) -> None:
    failed = say(sessions, clock, answer=None, stop_reason="error", failure=Failure("refused", "No."))
    (ref,) = archive.head(KEY.owner).pending
    assert ref == name(failed)
    assert Ref.parse(ref) == Ref(KEY.name, 1, NOW, silent=True)
    assert archive.exchanges(KEY.owner, [ref]) == {ref: failed}


def test_a_rewrite_moves_names_into_segments(
    archive: DynamoArchive, sessions: DynamoSessions, clock: FakeClock, calls: Calls
) -> None:
    named = [name(say(sessions, clock)) for _ in range(3)]
    calls.clear()
    assert archive.rewrite(KEY.owner, a_rewrite(archive.head(KEY.owner), 7, settled=(*named[:2],)))
    assert calls.made == {"GetItem": 1, "PutItem": 1, "UpdateItem": 1}
    head = archive.head(KEY.owner)
    assert head == Head(pending=frozenset(named[2:]), segments=(a_segment(7),), version=1)
    assert archive.segments(KEY.owner, head.segments) == {7: b"packed 7"}


def test_a_rewrite_removes_what_it_names_no_more_and_leaves_what_stays(
    archive: DynamoArchive, dynamodb: Any, calls: Calls
) -> None:
    assert archive.rewrite(KEY.owner, a_rewrite(Head(), 1, 2))
    calls.clear()
    assert archive.rewrite(KEY.owner, a_rewrite(archive.head(KEY.owner), 3, stay=(1,)))
    assert calls.made == {"GetItem": 1, "PutItem": 1, "UpdateItem": 1, "BatchWriteItem": 1}
    assert segments(dynamodb) == [1, 3]
    assert [segment.seq for segment in archive.head(KEY.owner).segments] == [1, 3]


def test_of_two_rewrites_the_second_changes_nothing(
    archive: DynamoArchive, sessions: DynamoSessions, clock: FakeClock, dynamodb: Any
) -> None:
    named = name(say(sessions, clock))
    stale = archive.head(KEY.owner)
    assert archive.rewrite(KEY.owner, a_rewrite(stale, 1, settled=(named,)))
    assert not archive.rewrite(KEY.owner, a_rewrite(stale, 2, settled=(named,)))
    head = archive.head(KEY.owner)
    assert head == Head(segments=(a_segment(1),), version=1)
    assert segments(dynamodb) == [1]
    assert archive.segments(KEY.owner, head.segments) == {1: b"packed 1"}


def test_of_two_rewrites_of_an_older_head_the_second_removes_nothing_of_the_firsts(
    archive: DynamoArchive, dynamodb: Any
) -> None:
    archive.rewrite(KEY.owner, a_rewrite(Head(), 1))
    stale = archive.head(KEY.owner)
    assert archive.rewrite(KEY.owner, a_rewrite(stale, 2, stay=(1,)))
    assert not archive.rewrite(KEY.owner, a_rewrite(stale, 3))
    assert segments(dynamodb) == [1, 2]


def test_what_is_said_during_a_rewrite_stays_pending(
    archive: DynamoArchive, sessions: DynamoSessions, clock: FakeClock
) -> None:
    first = name(say(sessions, clock))
    head = archive.head(KEY.owner)
    second = name(say(sessions, clock))
    assert archive.rewrite(KEY.owner, a_rewrite(head, 1, settled=(first,)))
    assert archive.head(KEY.owner).pending == {second}


def test_the_last_name_of_all_may_be_settled(
    archive: DynamoArchive, sessions: DynamoSessions, clock: FakeClock, dynamodb: Any
) -> None:
    named = name(say(sessions, clock))
    archive.rewrite(KEY.owner, a_rewrite(archive.head(KEY.owner), 1, settled=(named,)))
    assert "pending" not in head_item(dynamodb)
    assert name(say(sessions, clock)) in archive.head(KEY.owner).pending


def test_a_rewrite_whose_reply_was_lost_is_made(
    archive: DynamoArchive, dynamodb: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive.rewrite(KEY.owner, a_rewrite(Head(), 1))
    lost_reply(dynamodb, monkeypatch, lambda: None)
    assert archive.rewrite(KEY.owner, a_rewrite(archive.head(KEY.owner), 2))
    head = archive.head(KEY.owner)
    assert (head.segments, head.version) == ((a_segment(2),), 2)
    assert archive.segments(KEY.owner, head.segments) == {2: b"packed 2"}
    assert segments(dynamodb) == [2]


def test_a_rewrite_whose_reply_was_lost_is_made_also_where_another_followed_it(
    archive: DynamoArchive, dynamodb: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def follow() -> None:
        assert archive.rewrite(KEY.owner, a_rewrite(archive.head(KEY.owner), 2, stay=(1,)))

    lost_reply(dynamodb, monkeypatch, follow)
    assert archive.rewrite(KEY.owner, a_rewrite(Head(), 1))
    head = archive.head(KEY.owner)
    assert archive.segments(KEY.owner, head.segments) == {1: b"packed 1", 2: b"packed 2"}


def test_a_rewrite_without_segments_whose_reply_was_lost_is_made(
    archive: DynamoArchive, dynamodb: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive.forget(KEY.owner, "travel")
    lost_reply(dynamodb, monkeypatch, lambda: None)
    assert archive.rewrite(KEY.owner, a_rewrite(archive.head(KEY.owner)))
    assert archive.head(KEY.owner).version == 1


def test_of_two_rewrites_without_segments_each_finishes_what_it_has_forgotten(
    archive: DynamoArchive,
) -> None:
    archive.forget(KEY.owner, "travel")
    first = archive.head(KEY.owner)
    archive.forget(KEY.owner, "cooking")
    second = archive.head(KEY.owner)
    assert archive.rewrite(KEY.owner, a_rewrite(first))
    assert archive.head(KEY.owner).forgetting == tombstones(("cooking", NOW))
    assert archive.rewrite(KEY.owner, a_rewrite(second))
    assert archive.head(KEY.owner).forgetting == frozenset()


def test_whoever_dies_before_the_old_segments_are_gone_has_not_forgotten(
    archive: DynamoArchive, dynamodb: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive.rewrite(KEY.owner, a_rewrite(Head(), 1))
    archive.forget(KEY.owner, "travel")
    with monkeypatch.context() as dying:
        dying.setattr(dynamodb, "batch_write_item", lambda **_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            archive.rewrite(KEY.owner, a_rewrite(archive.head(KEY.owner), 2))
    head = archive.head(KEY.owner)
    assert (head.segments, head.forgetting) == ((a_segment(2),), tombstones(("travel", NOW)))
    assert segments(dynamodb) == [1, 2]
    assert archive.rewrite(KEY.owner, a_rewrite(head, stay=(2,)))
    assert archive.head(KEY.owner).forgetting == frozenset()
    assert segments(dynamodb) == [2]


def test_a_rewrite_that_sweeps_removes_segments_that_nobody_names(
    archive: DynamoArchive, dynamodb: Any
) -> None:
    orphan = memory_items.segment_item(KEY.owner, 99, b"never named", NOW)
    dynamodb.put_item(TableName=SESSIONS_TABLE, Item=orphan)
    archive.rewrite(KEY.owner, replace(a_rewrite(archive.head(KEY.owner), 1), sweeps=True))
    assert segments(dynamodb) == [1]


def test_forgetting_leaves_a_moment_behind(archive: DynamoArchive, clock: FakeClock, calls: Calls) -> None:
    assert archive.forget(KEY.owner, "travel") == NOW
    assert calls.made == {"UpdateItem": 1}
    clock.advance(seconds=1)
    assert archive.forget(KEY.owner, "cooking") == NOW + 1000
    head = archive.head(KEY.owner)
    assert head.forgetting == tombstones(("travel", NOW), ("cooking", NOW + 1000))
    assert head.forgotten == tombstones((mark_of("travel"), NOW), (mark_of("cooking"), NOW + 1000))
    assert (head.forgot("travel"), head.forgot("private")) == (NOW, -1)
    assert not head.holds(Ref("travel", 1, NOW))
    assert head.holds(Ref("travel", 1, NOW + 1))
    assert archive.head("eve") == Head()


def test_a_moment_may_be_another_than_now(archive: DynamoArchive) -> None:
    assert archive.forget(KEY.owner, "travel", NOW + 5000) == NOW + 5000
    assert archive.head(KEY.owner).forgetting == tombstones(("travel", NOW + 5000))


def test_of_several_moments_the_last_one_counts(archive: DynamoArchive, clock: FakeClock) -> None:
    archive.forget(KEY.owner, "travel")
    clock.advance(seconds=1)
    archive.forget(KEY.owner, "travel")
    assert archive.head(KEY.owner).forgot("travel") == NOW + 1000


def test_a_rewrite_takes_away_the_names_that_it_read_and_leaves_the_marks(
    archive: DynamoArchive, clock: FakeClock, dynamodb: Any
) -> None:
    archive.forget(KEY.owner, "travel")
    read = archive.head(KEY.owner)
    clock.advance(seconds=1)
    archive.forget(KEY.owner, "travel")
    archive.forget(KEY.owner, "cooking")
    assert archive.rewrite(KEY.owner, a_rewrite(read))
    assert archive.head(KEY.owner).forgetting == tombstones(("travel", NOW + 1000), ("cooking", NOW + 1000))
    assert archive.rewrite(KEY.owner, a_rewrite(archive.head(KEY.owner)))
    head = archive.head(KEY.owner)
    assert head.forgetting == frozenset()
    assert (head.forgot("travel"), head.forgot("cooking")) == (NOW + 1000, NOW + 1000)
    written = repr(head_item(dynamodb))
    assert "travel" not in written
    assert "cooking" not in written


def test_a_rewrite_takes_away_the_marks_that_it_is_told_of(archive: DynamoArchive, clock: FakeClock) -> None:
    archive.forget(KEY.owner, "travel")
    outdated = archive.head(KEY.owner).forgotten
    clock.advance(seconds=1)
    archive.forget(KEY.owner, "travel")
    head = archive.head(KEY.owner)
    archive.rewrite(KEY.owner, replace(a_rewrite(head), outdated=outdated))
    assert archive.head(KEY.owner).forgotten == tombstones((mark_of("travel"), NOW + 1000))


def test_a_rewrite_that_forgets_removes_segments_that_nobody_names(
    archive: DynamoArchive, dynamodb: Any
) -> None:
    archive.rewrite(KEY.owner, a_rewrite(Head(), 1))
    for owner in (KEY.owner, "eve"):
        orphan = memory_items.segment_item(owner, 99, b"never named", NOW)
        dynamodb.put_item(TableName=SESSIONS_TABLE, Item=orphan)
    archive.rewrite(KEY.owner, a_rewrite(archive.head(KEY.owner), 2, stay=(1,)))
    assert segments(dynamodb) == [1, 2, 99]
    archive.forget(KEY.owner, "travel")
    archive.rewrite(KEY.owner, a_rewrite(archive.head(KEY.owner), 3))
    assert segments(dynamodb) == [3]
    assert segments(dynamodb, "eve") == [99]


def test_head_and_segments_expire_with_what_they_tell_of(
    archive: DynamoArchive, sessions: DynamoSessions, clock: FakeClock, dynamodb: Any
) -> None:
    said = say(sessions, clock)
    assert head_item(dynamodb)["ttl"] == int((clock() + DAYS).timestamp())
    clock.advance(days=2)
    archive.rewrite(KEY.owner, a_rewrite(archive.head(KEY.owner), 1, settled=(name(said),)))
    assert head_item(dynamodb)["ttl"] == int((clock() + DAYS).timestamp())
    stored = dynamodb.get_item(TableName=SESSIONS_TABLE, Key=memory_items.segment_key(KEY.owner, 1))
    assert items.from_item(stored["Item"])["ttl"] == int((START + DAYS).timestamp())
    clock.advance(days=1)
    archive.forget(KEY.owner, "travel")
    assert head_item(dynamodb)["ttl"] == int((START + timedelta(days=33)).timestamp())
