"""`bridge export` and `bridge import`, against moto: what goes out comes back the same."""

from __future__ import annotations

import io
import json
import stat
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from bridge_cli import importing
from bridge_cli.archive_file import ArchiveFile
from bridge_cli.archive_lines import FIRST_LINE, Entry, last_line
from bridge_cli.archive_table import SessionsTable
from bridge_cli.archive_values import Item
from bridge_cli.exporting import export
from bridge_cli.importing import Imported, Importer
from tests.aws import SESSIONS_TABLE
from tests.cli import archived
from tests.cli.archived import exchange, header, instructions, said, summary
from tests.cli.conftest import Run
from tests.cli.fake_aws import FakeAws

_tables = (f"table-{number}" for number in count())

PLANS = [header("ada", "plans"), summary("ada", "plans"), *(exchange("ada", "plans", n) for n in (1, 2, 3))]
INSTRUCTED = [
    header("ada", "plans", instructed={"N": "2"}),
    instructions("ada", "plans"),
    exchange("ada", "plans", 1),
    exchange("ada", "plans", 2, instructed={"BOOL": True}),
]
EXPIRED = [exchange("ada", "old", n) for n in (1, 2)]
BOBS = [header("ada/bob", "plans"), exchange("ada/bob", "plans", 1)]


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    waited: list[float] = []
    monkeypatch.setattr(time, "sleep", waited.append)
    return waited


def put(dynamodb: Any, *items: Item, table: str = SESSIONS_TABLE) -> None:
    for item in items:
        dynamodb.put_item(TableName=table, Item=item)


def empty(dynamodb: Any) -> str:
    """Make another table for sessions, and return its name."""
    name = next(_tables)
    keys = (("session_id", "HASH", "S"), ("seq", "RANGE", "N"))
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": kind} for key, _, kind in keys],
        KeySchema=[{"AttributeName": key, "KeyType": role} for key, role, _ in keys],
    )
    return name


def held(dynamodb: Any, table: str = SESSIONS_TABLE) -> list[Item]:
    """Return what a table holds of sessions, sorted as an archive is."""
    found = dynamodb.scan(TableName=table, ConsistentRead=True)["Items"]
    return in_order(item for item in found if "#" not in item["session_id"]["S"])


def in_order(items: Iterable[Item]) -> list[Item]:
    return sorted(items, key=lambda item: (item["session_id"]["S"], int(item["seq"]["N"])))


def archive(*items: Item) -> bytes:
    sessions = len({item["session_id"]["S"] for item in items})
    return lines(*items) + last_line(sessions, len(items))


def lines(*items: Item) -> bytes:
    """Return an archive that breaks off after these items."""
    return FIRST_LINE + b"".join(Entry(item).line for item in in_order(items))


def exported(dynamodb: Any, table: str = SESSIONS_TABLE, owner: str | None = None) -> bytes:
    out = io.BytesIO()
    export(SessionsTable(dynamodb, table), owner, [], time.time(), out.write)
    return out.getvalue()


def put_archive(dynamodb: Any, content: bytes, table: str, owner: str | None = None) -> Imported:
    file = ArchiveFile(io.BytesIO(content), "test")
    return Importer(SessionsTable(dynamodb, table), file, owner).run(file.parts())


def pending(dynamodb: Any, owner: str = "ada", table: str = SESSIONS_TABLE) -> set[str]:
    key = {"session_id": {"S": f"memory#{owner}"}, "seq": {"N": "-1"}}
    head = dynamodb.get_item(TableName=table, Key=key).get("Item", {})
    return set(head.get("pending", {}).get("SS", ()))


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=archived.sessions())
def test_a_round_trip_is_the_identity(dynamodb: Any, drawn: list[Item]) -> None:
    source, target = empty(dynamodb), empty(dynamodb)
    put(dynamodb, *drawn, table=source)
    first = exported(dynamodb, source)
    assert first == archive(*drawn)
    done = put_archive(dynamodb, first, target)
    assert (done.put, done.identical, done.expired, done.refused) == (len(drawn), 0, 0, [])
    assert held(dynamodb, target) == in_order(drawn)
    assert exported(dynamodb, target) == first
    for owner in {Entry(item).owner for item in drawn}:
        turns = [entry for item in drawn if (entry := Entry(item)).owner == owner and entry.is_exchange]
        assert pending(dynamodb, owner, target) == {entry.name for entry in turns}


def test_on_the_command_line(dynamodb: Any, run: Run, tmp_path: Path) -> None:
    put(dynamodb, *PLANS, *EXPIRED, *BOBS)
    path = tmp_path / "sessions.jsonl"
    told = run("export", "-o", str(path))
    assert told.exit_code == 0, told.output
    assert told.stdout == ""
    assert "3 sessions with 6 exchanges" in told.stderr
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_bytes() == archive(*PLANS, *EXPIRED, *BOBS) == run("export").stdout_bytes
    target = empty(dynamodb)
    told = run("import", str(path), "--table", target)
    assert told.exit_code == 0, told.output
    assert "9 items put" in told.stderr
    assert held(dynamodb, target) == in_order([*PLANS, *EXPIRED, *BOBS])
    told = run("import", str(path), "--table", target, "--json")
    assert json.loads(told.stdout) == {"put": 0, "identical": 9, "expired": 0, "refused": []}
    assert held(dynamodb, target) == in_order([*PLANS, *EXPIRED, *BOBS])


def test_a_sessions_instructions_go_with_it_and_the_tables_own_stay(dynamodb: Any) -> None:
    put(dynamodb, *INSTRUCTED)
    written = exported(dynamodb)
    assert written == archive(*INSTRUCTED)
    target = empty(dynamodb)
    assert put_archive(dynamodb, written, target, "eve").put == len(INSTRUCTED)
    assert held(dynamodb, target) == in_order(Entry(item).of("eve").item for item in INSTRUCTED)
    put(dynamodb, instructions("ada", "plans", text={"S": "In Greenlandic."}))
    done = put_archive(dynamodb, written, SESSIONS_TABLE)
    assert [one.why for one in done.refused] == ["its system prompt differs; the table's stays"]
    assert instructions("ada", "plans", text={"S": "In Greenlandic."}) in held(dynamodb)


def test_an_archive_of_the_release_before_is_read(dynamodb: Any) -> None:
    before = archive(*PLANS).replace(FIRST_LINE, FIRST_LINE.replace(b"2}", b"1}"))
    assert put_archive(dynamodb, before, empty(dynamodb)).put == len(PLANS)


def test_only_an_owners_and_only_some_sessions(dynamodb: Any, run: Run) -> None:
    put(dynamodb, *PLANS, *EXPIRED, *BOBS)
    assert run("export", "--owner", "ada").stdout_bytes == archive(*PLANS, *EXPIRED)
    assert run("export", "--owner", "ada/bob").stdout_bytes == archive(*BOBS)
    assert run("export", "--owner", "ada", "--session", "old").stdout_bytes == archive(*EXPIRED)
    assert run("export", "-s", "plans").stdout_bytes == archive(*PLANS, *BOBS)
    assert run("export", "--owner", "nobody").stdout_bytes == archive()
    assert run("export", "--session", "a b").exit_code == 2
    assert run("export", "--owner", "a#b").exit_code == 2


def test_what_is_no_session_is_left_out_and_so_is_what_is_past_its_time(dynamodb: Any) -> None:
    put(dynamodb, *PLANS, header("ada", "gone", ttl={"N": "1700000000"}), exchange("ada", "gone", 1))
    for special in ("memory#ada/x", "connection#c/d", "turn#ada/r", "revoked#ada/b", "budget#2026-11-22#a/b"):
        put(dynamodb, {"session_id": {"S": special}, "seq": {"N": "-1"}, "ttl": {"N": "4000000000"}})
    assert exported(dynamodb) == archive(*PLANS, exchange("ada", "gone", 1))


def forget(dynamodb: Any, *marks: str, attribute: str = "forgotten") -> None:
    """Mark what was forgotten, as the functions do."""
    head = {"session_id": {"S": "memory#ada"}, "seq": {"N": "-1"}, "ttl": {"N": "4000000000"}}
    put(dynamodb, head | {attribute: {"SS": list(marks)}})


def milliseconds(at: str) -> int:
    return int(datetime.fromisoformat(at).timestamp() * 1000)


def test_what_was_forgotten_is_not_exported_while_it_is_removed(dynamodb: Any) -> None:
    from bridge.memory.head import EVERYTHING, mark_of

    put(dynamodb, *PLANS, *EXPIRED, *BOBS)
    until = milliseconds(PLANS[3]["last_updated"]["S"])  # the second turn's
    forget(dynamodb, f"{mark_of('plans')}#{until}")
    assert exported(dynamodb) == archive(PLANS[0], PLANS[4], *EXPIRED, *BOBS)
    forget(dynamodb, f"old#{until}", attribute="forgetting")
    assert exported(dynamodb) == archive(*PLANS, *BOBS)
    forget(dynamodb, f"{EVERYTHING}#{until}")
    assert exported(dynamodb) == archive(PLANS[0], PLANS[4], *BOBS)


def test_what_was_forgotten_is_not_imported_while_it_is_taken_for_gone(dynamodb: Any) -> None:
    from bridge.memory.head import mark_of

    until = milliseconds(PLANS[2]["last_updated"]["S"])
    forget(dynamodb, f"{mark_of('plans')}#{until}")
    done = put_archive(dynamodb, archive(*PLANS, *EXPIRED), SESSIONS_TABLE)
    assert [(one.session_id, "up to 18 days" in one.why) for one in done.refused] == [("plans", True)]
    assert held(dynamodb) == in_order(EXPIRED)


def test_to_another_owner(dynamodb: Any, run: Run, tmp_path: Path) -> None:
    path = tmp_path / "ada.jsonl"
    path.write_bytes(archive(*PLANS, *EXPIRED))
    assert run("import", str(path), "--owner", "team/zoë").exit_code == 0
    found = held(dynamodb)
    assert {item["session_id"]["S"] for item in found} == {"team/zoë/plans", "team/zoë/old"}
    assert [item["owner"] for item in found if item["seq"]["N"] == "0"] == [{"S": "team/zoë"}]
    assert pending(dynamodb, "team/zoë") == {Entry(item).name for item in (*PLANS[2:], *EXPIRED)}
    assert exported(dynamodb).replace("team/zoë".encode(), b"ada") == archive(*PLANS, *EXPIRED)
    path.write_bytes(archive(*PLANS, *BOBS))
    told = run("import", str(path), "--owner", "zoë")
    assert told.exit_code == 2
    assert "several owners" in told.stderr


def test_what_is_past_its_time_is_left_out_and_counted(dynamodb: Any) -> None:
    old = {"N": str(int(time.time()) - 1)}
    gone = [exchange("ada", "plans", 1, ttl=old), header("ada", "plans", ttl=old)]
    done = put_archive(dynamodb, archive(*gone, exchange("ada", "plans", 2)), SESSIONS_TABLE)
    assert (done.put, done.expired, done.refused) == (1, 2, [])
    assert held(dynamodb) == [exchange("ada", "plans", 2)]


def test_what_is_past_its_time_in_the_table_gives_way(dynamodb: Any) -> None:
    old = {"N": str(int(time.time()) - 1)}
    put(dynamodb, exchange("ada", "plans", 1, "Earlier?", ttl=old), header("ada", "plans", ttl=old))
    done = put_archive(dynamodb, archive(*PLANS), SESSIONS_TABLE)
    assert (done.put, done.refused) == (5, [])
    assert held(dynamodb) == in_order(PLANS)


def test_another_conversation_of_that_name_stays_whole(dynamodb: Any, run: Run, tmp_path: Path) -> None:
    there = [header("ada", "plans"), exchange("ada", "plans", 1), exchange("ada", "plans", 2, "Quite else?")]
    put(dynamodb, *there)
    path = tmp_path / "a.jsonl"
    path.write_bytes(archive(*PLANS, *EXPIRED))
    told = run("import", str(path))
    assert told.exit_code == 1
    assert "Refused ada/plans" in told.stderr
    assert "turn 2" in told.stderr
    assert held(dynamodb) == in_order([*there, *EXPIRED])
    assert all(not name.startswith("plans#") for name in pending(dynamodb))


def test_a_session_that_has_nothing_in_common_with_the_tables_is_refused(dynamodb: Any) -> None:
    put(dynamodb, header("ada", "plans", title={"S": "Other"}), exchange("ada", "plans", 9))
    done = put_archive(dynamodb, archive(*PLANS), SESSIONS_TABLE)
    assert ["nothing in common" in one.why for one in done.refused] == [True]
    assert len(held(dynamodb)) == 2


def test_what_a_session_has_lost_comes_back_and_its_newer_header_stays(dynamodb: Any) -> None:
    newer = header("ada", "plans", turns={"N": "4"}, version={"N": "9"})
    put(dynamodb, newer, *PLANS[3:], exchange("ada", "plans", 4))
    done = put_archive(dynamodb, archive(*PLANS), SESSIONS_TABLE)
    assert (done.put, done.identical) == (2, 2)
    assert [one.why for one in done.refused] == ["its header differs; the table's stays"]
    assert held(dynamodb) == in_order([newer, *PLANS[1:], exchange("ada", "plans", 4)])


def test_numbers_written_otherwise_are_the_same(dynamodb: Any) -> None:
    put(dynamodb, exchange("ada", "old", 1, cost={"N": "5"}, later={"N": "1.50"}))
    same = exchange("ada", "old", 1, cost={"N": "5"}, later={"N": "1.5"})
    assert put_archive(dynamodb, archive(same), SESSIONS_TABLE).identical == 1


def test_an_import_that_broke_off_is_finished_by_the_next(
    dynamodb: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_one, done = SessionsTable.put, []

    def fail(self: SessionsTable, item: Item, now: float) -> Any:
        done.append(item)
        if len(done) == 3:
            raise KeyboardInterrupt
        return put_one(self, item, now)

    monkeypatch.setattr(importing, "_AT_ONCE", 1)
    monkeypatch.setattr(SessionsTable, "put", fail)
    with pytest.raises(KeyboardInterrupt):
        put_archive(dynamodb, archive(*PLANS), SESSIONS_TABLE)
    assert header("ada", "plans") not in held(dynamodb)  # which comes last
    kept = {Entry(item).name for item in held(dynamodb) if Entry(item).is_exchange}
    assert kept <= pending(dynamodb)  # nothing is kept that whoever forgets everything would not find
    monkeypatch.setattr(SessionsTable, "put", put_one)
    put_archive(dynamodb, archive(*PLANS), SESSIONS_TABLE)
    assert held(dynamodb) == in_order(PLANS)
    assert pending(dynamodb) == {Entry(item).name for item in PLANS[2:]}


def test_what_was_written_meanwhile_is_not_overwritten(
    dynamodb: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = SessionsTable.name

    def meanwhile(self: SessionsTable, *arguments: Any) -> Any:
        put(dynamodb, exchange("ada", "old", 1), exchange("ada", "old", 2, "Just now?"))
        return name(self, *arguments)

    monkeypatch.setattr(SessionsTable, "name", meanwhile)
    done = put_archive(dynamodb, archive(*EXPIRED), SESSIONS_TABLE)
    assert (done.put, done.identical) == (0, 1)
    assert ["meanwhile" in one.why for one in done.refused] == [True]


def test_an_exchange_without_an_answer_is_named_too(dynamodb: Any) -> None:
    silent = exchange("ada", "old", 1, context={"L": [said("user", "Hello?")]})
    put_archive(dynamodb, archive(silent), SESSIONS_TABLE)
    [name] = pending(dynamodb)
    assert name.endswith("-")


def test_a_memory_is_kept_for_as_long_as_what_it_names(dynamodb: Any) -> None:
    def kept_until() -> int:
        key = {"session_id": {"S": "memory#ada"}, "seq": {"N": "-1"}}
        return int(dynamodb.get_item(TableName=SESSIONS_TABLE, Key=key)["Item"]["ttl"]["N"])

    soon = int(time.time()) + 60
    put_archive(dynamodb, archive(exchange("ada", "a", 1, ttl={"N": str(soon)})), SESSIONS_TABLE)
    assert kept_until() > time.time() + timedelta(days=4).total_seconds()
    put_archive(dynamodb, archive(exchange("ada", "b", 1)), SESSIONS_TABLE)
    assert kept_until() == archived.LATER
    put_archive(dynamodb, archive(exchange("ada", "c", 1, ttl={"N": str(soon)})), SESSIONS_TABLE)
    assert kept_until() == archived.LATER


def test_many_names_wait_for_those_before_them(
    dynamodb: Any, monkeypatch: pytest.MonkeyPatch, waits: list[float]
) -> None:
    monkeypatch.setattr(importing, "MOST_WAITING", 1500)
    many = [exchange("ada", "long", turn) for turn in range(1, 301)]
    nudge, nudged = SessionsTable.nudge, []

    def tend(self: SessionsTable, owner: str) -> None:
        nudge(self, owner)
        nudged.append(owner)
        waiting = pending(dynamodb)
        key = {"session_id": {"S": "memory#ada"}, "seq": {"N": "-1"}}
        dynamodb.update_item(
            TableName=SESSIONS_TABLE,
            Key=key,
            UpdateExpression="DELETE pending :names",
            ExpressionAttributeValues={":names": {"SS": sorted(waiting)}},
        )

    monkeypatch.setattr(SessionsTable, "nudge", tend)
    assert put_archive(dynamodb, archive(*many), SESSIONS_TABLE).put == 300
    assert len(waits) == len(nudged) - 1 == 2
    assert held(dynamodb) == in_order(many)


def test_a_memory_that_nobody_tends_is_told_of(
    dynamodb: Any, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, waits: list[float]
) -> None:
    monkeypatch.setattr(importing, "MOST_WAITING", 1500)
    path = tmp_path / "many.jsonl"
    path.write_bytes(archive(*(exchange("ada", "long", turn) for turn in range(1, 301))))
    told = run("import", str(path))
    assert told.exit_code == 1
    assert "remember function" in told.stderr
    assert len(waits) == importing.MOST_LOOKS
    assert {Entry(item).name for item in held(dynamodb)} <= pending(dynamodb)


def test_whoever_tends_memories_is_told_by_a_header_that_leaves_nothing(
    dynamodb: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Item] = []

    def look(**told: Any) -> None:
        seen.extend(held(dynamodb))

    dynamodb.meta.events.register("before-call.dynamodb.DeleteItem", look)
    SessionsTable(dynamodb, SESSIONS_TABLE).nudge("ada")
    [passing] = seen
    assert passing["seq"] == {"N": "0"}
    assert "owner" not in passing  # so that no list shows it
    from bridge.adapters import items

    assert items.header_of(passing).turns == 1  # the functions can read it
    assert items.expired(passing, datetime.now(UTC))
    assert held(dynamodb) == []


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"", 1),
        (FIRST_LINE, 2),
        (lines(*PLANS)[:-1], 6),
        (lines(*PLANS), 7),
        (archive(*PLANS)[:-1], 7),
        (lines(*PLANS) + last_line(1, 6), 7),
        (lines(*PLANS) + last_line(2, 5), 7),
        (archive(*PLANS).replace(b'"seq":2', b'"seq":"two"'), 5),
        (lines(*PLANS) + Entry(PLANS[0]).line, 7),
        (lines(*PLANS) + Entry(PLANS[4]).line, 7),
        (lines(*PLANS) + archive(*EXPIRED), 7),
        (lines(*PLANS) + b"x" * 3_000_000, 7),
        (archive(*PLANS) + archive(*EXPIRED), 8),
        (archive(*PLANS) + b"\n", 8),
    ],
)
def test_a_file_with_a_broken_line_changes_nothing(
    dynamodb: Any, run: Run, tmp_path: Path, content: bytes, line: int
) -> None:
    path = tmp_path / "broken.jsonl"
    path.write_bytes(content)
    told = run("import", str(path))
    assert told.exit_code == 2
    assert f"{path}, line {line}:" in told.stderr
    assert dynamodb.scan(TableName=SESSIONS_TABLE)["Items"] == []


def test_from_standard_input(dynamodb: Any, run: Run) -> None:
    assert run("import", "-", input=archive(*PLANS)).exit_code == 0
    assert held(dynamodb) == in_order(PLANS)
    assert "standard input, line 1" in run("import", "-", input=b"nonsense\n").stderr


def test_a_file_that_is_not_there_or_cannot_be_written(dynamodb: Any, run: Run, tmp_path: Path) -> None:
    told = run("import", str(tmp_path / "none"))
    assert told.exit_code == 3
    assert "No such file" in told.stderr
    told = run("export", "-o", str(tmp_path / "none" / "out"))
    assert told.exit_code == 3
    assert "No such file" in told.stderr


def test_an_export_that_fails_leaves_the_file_that_was_there(dynamodb: Any, run: Run, tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    path.write_text("earlier")
    put(dynamodb, exchange("ada", "plans", 1, odd={"SS": ["a"]}))
    told = run("export", "-o", str(path))
    assert told.exit_code == 1
    assert "ada/plans, turn 1" in told.stderr
    assert path.read_text() == "earlier"
    assert list(tmp_path.glob(".out*")) == []


def test_a_file_that_breaks_off_between_two_lines_is_told_to_be_not_whole(
    dynamodb: Any, run: Run, tmp_path: Path
) -> None:
    path = tmp_path / "short.jsonl"
    for content in (lines(*PLANS), lines(*PLANS[:4]) + last_line(1, 5)):
        path.write_bytes(content)
        assert "the file is not whole: " in run("import", str(path)).stderr


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (["--owner", "nobody"], "no session of nobody"),
        (["--owner", "ada", "-s", "plans", "-s", "plant"], "nothing of ada under plant"),
        (["-s", "plant"], "nothing under plant"),
    ],
)
def test_nothing_does_not_take_the_place_of_an_earlier_export(
    dynamodb: Any, run: Run, tmp_path: Path, asked: list[str], told: str
) -> None:
    path = tmp_path / "out.jsonl"
    path.write_text("earlier")
    put(dynamodb, *PLANS)
    done = run("export", "-o", str(path), *asked)
    assert done.exit_code == 1
    assert told in done.stderr
    assert path.read_text() == "earlier"
    assert list(tmp_path.glob(".out*")) == []
    assert run("export", *asked).exit_code == 1


def test_no_table_is_known(aws: FakeAws, run: Run, tmp_path: Path) -> None:
    assert "--table" in run("export").stderr
    told = run("export", "--table", "other")
    assert told.exit_code == 3
    assert "other" in told.stderr
