"""What a frame is answered with, over the ports in memory."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from bridge.conversation import Session, SessionKey
from bridge.errors import Conflict
from bridge.intake import Reception, Reply, Settings
from bridge.ports.speaking import Connection
from bridge.resuming import Resuming
from tests import wired
from tests.fake_speakers import speakers
from tests.fake_turns import MemoryTurns
from tests.fakes import (
    KEY,
    START,
    FakeClock,
    FakeGateway,
    MemoryConnections,
    MemoryIntake,
    MemorySessions,
    an_exchange,
    request_id,
)

ID = request_id(1)
OWNER = Connection("c", "ada", None)
SETTINGS = Settings("claude-sonnet-5-5", ("claude-sonnet-5-5", "claude-opus-5-5"), 100, "owner")


class Desk:
    """A reception and what stands behind it."""

    def __init__(self, *connections: Connection) -> None:
        self.sessions = MemorySessions()
        self.intake = MemoryIntake()
        self.clock = FakeClock()
        known = MemoryConnections(*(connections or (OWNER,)))
        self.forgotten: list[tuple[str, str | None]] = []
        reminding = wired.reminding(self.sessions, self.clock)
        self.reception = Reception(
            speakers(known, self.clock),
            self.sessions,
            self.intake,
            Resuming(MemoryTurns(), self.sessions, self.intake, FakeGateway),
            reminding,
            self._forget,
            SETTINGS,
            self.clock,
        )

    def _forget(self, owner: str, session: str | None) -> int:
        self.forgotten.append((owner, session))
        return 3

    def receive(self, connection_id: str = "c", **frame: Any) -> Reply:
        return self.reception.receive(connection_id, json.dumps(frame))

    def frame(self, **frame: Any) -> dict[str, Any]:
        reply = self.receive(**frame)
        assert reply.frame is not None
        return reply.frame


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_query_is_taken_in_and_accepted(desk: Desk) -> None:
    reply = desk.receive(
        action="query", request_id=ID, session_id="travel", message="Hi", model="claude-opus-5-5"
    )
    assert reply == Reply({"type": "accepted", "request_id": ID, "session_id": "travel"}, "query", ID)
    (turn,) = desk.intake.turns
    assert (turn.key, turn.request_id, turn.message, turn.model) == (KEY, ID, "Hi", "claude-opus-5-5")
    assert (turn.connection_id, turn.wire) == ("c", "bridge")


def test_a_query_without_a_session_starts_one(desk: Desk) -> None:
    name = desk.frame(action="query", request_id=ID, message="Hi")["session_id"]
    assert name.startswith("chat-")
    assert desk.intake.turns[0].key == SessionKey("ada", name)
    assert desk.intake.turns[0].model == "claude-sonnet-5-5"
    # A request sent again, also with the name that it was told, is the same one.
    assert desk.frame(action="query", request_id=ID, message="Hi")["session_id"] == name
    desk.frame(action="query", request_id=ID, message="Hi", session_id=name)
    assert desk.intake.turns == [desk.intake.turns[0]] * 3


def test_the_originals_query_gets_its_answer_later(desk: Desk) -> None:
    assert desk.receive(action="query", message="Hi", session_id="chat-abc123") == Reply(None, "query")
    (turn,) = desk.intake.turns
    assert turn.wire == "original"
    assert len(turn.request_id) == 36
    desk.receive(action="query", message="Hi", session_id="chat-abc123")
    assert desk.intake.turns[1].request_id != turn.request_id


def test_a_ping(desk: Desk) -> None:
    assert desk.frame(action="ping", request_id=ID) == {"type": "pong", "request_id": ID}
    assert desk.frame(action="ping") == {"type": "pong"}


@pytest.mark.parametrize(
    "frame",
    [
        {"action": "query", "message": "Hi"},
        {"action": "history", "session_id": "travel"},
        {"action": "sessions"},
        {"action": "ping"},
    ],
)
def test_whoever_is_not_known_or_whose_token_expired_is_refused(frame: dict[str, Any]) -> None:
    expires = int(START.timestamp()) + 60
    desk = Desk(Connection("c", "ada", expires))
    assert desk.receive("stranger", **frame, request_id=ID).error is not None
    unknown = desk.frame(connection_id="stranger", **frame, request_id=ID)
    assert (unknown["code"], unknown["request_id"], unknown["retryable"]) == ("unauthorized", ID, False)
    assert desk.receive(**frame, request_id=ID).error is None or frame["action"] == "history"
    desk.clock.advance(seconds=60)
    expired = desk.frame(**frame, request_id=ID)
    assert (expired["code"], expired["request_id"]) == ("unauthorized", ID)
    assert "expired" in expired["message"]


def test_a_model_that_is_not_allowed_is_refused(desk: Desk) -> None:
    frame = desk.frame(action="query", request_id=ID, message="Hi", model="claude-1" * 50)
    assert frame["code"] == "bad_request"
    assert "claude-sonnet-5-5, claude-opus-5-5" in frame["message"]
    assert len(frame["message"]) < 200
    assert desk.intake.turns == []


def test_a_conflict_is_told(desk: Desk) -> None:
    desk.intake.failure = Conflict("Taken.", retryable=True, retry_after=1)
    frame = desk.frame(action="query", request_id=ID, message="Hi")
    assert (frame["code"], frame["retryable"], frame["retry_after"]) == ("conflict", True, 1)


def test_what_fails_in_the_bridge_is_told_with_the_request_id(desk: Desk) -> None:
    desk.intake.failure = failure = OSError("no queue")
    reply = desk.receive(action="query", request_id=ID, message="Hi")
    assert reply.frame is not None
    assert (reply.frame["code"], reply.frame["request_id"], reply.frame["retryable"]) == (
        "internal",
        ID,
        True,
    )
    assert "no queue" not in reply.frame["message"]
    assert reply.error is not None
    assert reply.error.__cause__ is failure


def test_errors_on_the_originals_wire(desk: Desk) -> None:
    desk.intake.failure = OSError("no queue")
    for status, frame in (
        (500, desk.frame(action="query", message="Hi")),
        (400, desk.frame(action="query", message="")),
        (400, desk.frame(action="query", message="Hi", session_id="a b")),
        (400, desk.frame(action="query", message="Hi", model="unknown")),
        (413, desk.frame(action="query", message="x" * 101)),
        (401, desk.frame(connection_id="stranger", action="query", message="Hi")),
    ):
        assert frame["statusCode"] == status
        assert json.loads(frame["body"])["error"]


@pytest.mark.parametrize("body", ["", "hello", "[]", '{"action": "jump"}'])
def test_a_bad_frame_is_answered_and_taken_for_nothing(desk: Desk, body: str) -> None:
    reply = desk.reception.receive("c", body)
    assert reply.frame is not None
    assert reply.frame["type"] == "error"
    assert reply.action == "invalid"
    assert reply.error is not None
    assert desk.intake.turns == []


def test_a_binary_frame_is_refused(desk: Desk) -> None:
    reply = desk.reception.receive("c", "AAEC", binary=True)
    assert reply.frame is not None
    assert reply.frame["code"] == "bad_request"
    assert "text" in reply.frame["message"]


def test_a_history_in_pages(desk: Desk) -> None:
    session = desk.sessions.load(KEY).session
    for turn in range(1, 26):
        session = session.after(an_exchange(turn))
        desk.sessions.keep(an_exchange(turn), session)
        session = desk.sessions.headers[KEY]
    page = desk.frame(action="history", session_id="travel", request_id=ID)
    assert (page["type"], page["session_id"], page["request_id"]) == ("history", "travel", ID)
    assert [entry["turn"] for entry in page["exchanges"]] == list(range(6, 26))
    earlier = desk.frame(action="history", session_id="travel", before=page["before"], limit=3)
    assert [entry["turn"] for entry in earlier["exchanges"]] == [3, 4, 5]
    first = desk.frame(action="history", session_id="travel", before=earlier["before"])
    assert [entry["turn"] for entry in first["exchanges"]] == [1, 2]
    assert first["before"] is None


def test_there_is_no_history_of_what_is_not_the_owners(desk: Desk) -> None:
    desk.sessions.keep(
        an_exchange(), desk.sessions.load(SessionKey("eve", "travel")).session.after(an_exchange())
    )
    frame = desk.frame(action="history", session_id="travel", request_id=ID)
    assert (frame["code"], frame["request_id"]) == ("not_found", ID)


def test_a_bad_cursor_is_a_bad_request(desk: Desk) -> None:
    desk.sessions.keep(an_exchange(), desk.sessions.load(KEY).session.after(an_exchange()))
    assert desk.frame(action="history", session_id="travel", before="x")["code"] == "bad_request"


def test_the_owners_sessions(desk: Desk) -> None:
    for name in ("travel", "cooking"):
        session = desk.sessions.load(SessionKey("ada", name)).session
        desk.sessions.keep(an_exchange(1, name), session.after(an_exchange(1, name)))
    frame = desk.frame(action="sessions", request_id=ID)
    assert {entry["session_id"]: entry["title"] for entry in frame["sessions"]} == {
        "travel": "travel",
        "cooking": "cooking",
    }
    assert (frame["before"], frame["request_id"]) == (None, ID)
    assert desk.frame(action="sessions", limit=1)["before"] == "next"


def test_a_turn_that_waits_is_resumed_and_cancelled_by_its_request(desk: Desk) -> None:
    desk.frame(action="query", request_id=ID, session_id="travel", message="Hi")
    accepted = {"type": "accepted", "request_id": ID, "session_id": "travel"}
    assert desk.frame(action="resume", request_id=ID, last_seq=4) == accepted
    assert desk.frame(action="cancel", request_id=ID) == accepted
    unknown = desk.frame(action="resume", request_id=request_id(2))
    assert (unknown["code"], unknown["request_id"]) == ("not_found", request_id(2))


def test_a_query_takes_its_instructions_along(desk: Desk) -> None:
    for system in (None, "In Danish.", ""):
        desk.receive(action="query", request_id=ID, message="Hi", system=system)
    assert [turn.system for turn in desk.intake.turns] == [None, "In Danish.", ""]


def test_the_first_page_of_a_history_tells_the_instructions_in_force(desk: Desk) -> None:
    session = Session.begin(KEY, 1)
    for turn in (1, 2):
        exchange = an_exchange(turn, instructed=True if turn == 1 else None)
        session = replace(session.after(exchange), version=turn - 1)
        desk.sessions.keep(exchange, session, system="In Danish.")
    told = desk.frame(action="history", session_id="travel", limit=1)
    assert (told["system"], told["before"]) == ("In Danish.", "2")
    assert "system" not in desk.frame(action="history", session_id="travel", limit=1, before="2")
    assert desk.sessions.reads == ["read"]


def test_a_history_without_instructions_tells_and_reads_none(desk: Desk) -> None:
    desk.sessions.keep(an_exchange(1), Session.begin(KEY, 1).after(an_exchange(1)))
    assert "system" not in desk.frame(action="history", session_id="travel")
    assert desk.sessions.reads == []
