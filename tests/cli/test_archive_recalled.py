"""What was imported is remembered: the functions' own memory takes it in, recalls it, and forgets it."""

from __future__ import annotations

import io
import logging
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from aws_lambda_powertools import Logger

from bridge.adapters.archive import DynamoArchive
from bridge.adapters.erasing import DynamoEraser
from bridge.adapters.hashes import DynamoHashes
from bridge.adapters.sessions import DynamoSessions
from bridge.conversation import SessionKey
from bridge.forgetting import Forgetting
from bridge.memory.query import MemoryQuery
from bridge.memory.recollection import Recollections
from bridge.remembering import Remembering
from bridge_cli.archive_file import ArchiveFile
from bridge_cli.archive_table import SessionsTable
from bridge_cli.exporting import export
from bridge_cli.importing import Imported, Importer
from tests.adapters.speaking import DAYS, HOURS, say, seqs
from tests.aws import HASHES_TABLE, SESSIONS_TABLE
from tests.cli.fake_aws import FakeAws

TRIP = SessionKey("ada", "trip")
BOBS = SessionKey("bob", "trip")


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def dynamodb(aws: FakeAws) -> Any:
    return aws.add_tables()


@pytest.fixture
def sessions(dynamodb: Any) -> DynamoSessions:
    logger = Logger(service="test", level=logging.CRITICAL)
    return DynamoSessions(dynamodb, SESSIONS_TABLE, HOURS, DAYS, now, logger)


@pytest.fixture
def archive(dynamodb: Any) -> DynamoArchive:
    return DynamoArchive(dynamodb, SESSIONS_TABLE, DAYS, now)


@pytest.fixture
def remembering(dynamodb: Any, archive: DynamoArchive) -> Remembering:
    return Remembering(archive, eraser(dynamodb), DAYS, now)


def eraser(dynamodb: Any) -> DynamoEraser:
    return DynamoEraser(dynamodb, SESSIONS_TABLE, DynamoHashes(dynamodb, HASHES_TABLE))


@pytest.fixture
def exported(dynamodb: Any, sessions: DynamoSessions) -> bytes:
    """Return an archive of a session of ten turns, one of them without an answer."""
    for number in range(8):
        say(sessions, now, TRIP, question=f"What of number {number}?")  # type: ignore[arg-type]
    say(sessions, now, TRIP, question="Where does aunt Zenobia keep her marmalade?")  # type: ignore[arg-type]
    say(sessions, now, TRIP, question="Hello?", answer=None, stop_reason="error")  # type: ignore[arg-type]
    out = io.BytesIO()
    export(SessionsTable(dynamodb, SESSIONS_TABLE), "ada", [], time.time(), out.write)
    return out.getvalue()


def bring(dynamodb: Any, content: bytes) -> Imported:
    file = ArchiveFile(io.BytesIO(content), "test")
    return Importer(SessionsTable(dynamodb, SESSIONS_TABLE), file, "bob").run(file.parts())


def recalled(archive: DynamoArchive, owner: str) -> list[str]:
    query = MemoryQuery("Zenobia's marmalade", limit=3)
    return [one.text for one in Recollections(archive, now).recall(owner, archive.head(owner), query)]


def test_it_is_recalled_once_also_where_it_was_imported_twice(
    dynamodb: Any, exported: bytes, archive: DynamoArchive, remembering: Remembering
) -> None:
    assert bring(dynamodb, exported).put == 11
    remembering.tend("bob")
    segments = archive.head("bob").segments
    assert sum(segment.exchanges for segment in segments) >= 9
    first = recalled(archive, "bob")
    assert sum("marmalade" in text for text in first) == 1
    # As if the first import had broken off before the header: everything is named once more.
    key = {"session_id": {"S": str(BOBS)}, "seq": {"N": "0"}}
    dynamodb.delete_item(TableName=SESSIONS_TABLE, Key=key)
    again = bring(dynamodb, exported)
    assert (again.put, again.identical) == (1, 10)
    remembering.tend("bob")
    assert recalled(archive, "bob") == first


def test_the_session_goes_on_where_it_was(dynamodb: Any, exported: bytes, sessions: DynamoSessions) -> None:
    bring(dynamodb, exported)
    before, after = sessions.load(TRIP), sessions.load(BOBS)
    assert after.exchanges == before.exchanges
    assert (after.session.turns, after.session.title) == (10, before.session.title)
    assert say(sessions, now, BOBS).turn == 11  # type: ignore[arg-type]
    assert [one.key.name for one in sessions.of_owner("bob", None, 5)[0]] == ["trip"]


@pytest.mark.parametrize("tended", [True, False])
def test_whoever_forgets_everything_forgets_what_was_imported(
    dynamodb: Any, exported: bytes, archive: DynamoArchive, remembering: Remembering, tended: bool
) -> None:
    bring(dynamodb, exported)
    key = {"session_id": {"S": str(BOBS)}, "seq": {"N": "0"}}
    dynamodb.delete_item(TableName=SESSIONS_TABLE, Key=key)  # its session has expired: no index knows it
    if tended:
        remembering.tend("bob")
    Forgetting(eraser(dynamodb), archive, remembering).forget("bob", None)
    assert seqs(dynamodb, str(BOBS)) == []
    assert len(seqs(dynamodb, str(TRIP))) == 11
    assert recalled(archive, "bob") == []
    assert [one.why.partition(" ")[0] for one in bring(dynamodb, exported).refused] == ["it"]
