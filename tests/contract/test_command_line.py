"""The command line's frames are the functions' requests, and the functions' frames its events."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.conversation import Failure, Instructions
from bridge.errors import BridgeError, Internal
from bridge.memory.prompt import Parts
from bridge.memory.window import Window
from bridge.protocol import fields, frames, pages, requests
from bridge_cli import protocol
from bridge_cli.frames import message_frames
from bridge_cli.memory import Instructions as PromptInstructions
from tests.contract.conftest import Deployment
from tests.fakes import START, an_exchange, request_id
from tests.messages_server import Reply, failing
from tests.strategies import texts

ID = request_id(1)
limits = st.none() | st.integers(1, fields.MAX_PAGE)
names = st.from_regex(fields.SESSION_NAME, fullmatch=True)
ids = st.uuids().map(str)


def read(request: protocol.Request) -> requests.Request:
    """Return what the functions read from the frames that the command line sends."""
    return requests.parse("".join(message_frames(protocol.encode(request))), max_message_length=60_000)


@given(st.text().filter(str.strip), st.none() | names, ids)
def test_a_query_arrives_as_it_was_sent(message: str, session: str | None, request: str) -> None:
    sent = protocol.Query(request_id=request, message=message, session_id=session, model="claude-opus-5-5")
    arrived = read(sent)
    assert isinstance(arrived, requests.Query)
    assert (arrived.session_id, arrived.request_id, arrived.model) == (session, request, "claude-opus-5-5")
    assert arrived.message == message.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


@given(st.none() | st.text(st.characters(min_codepoint=32), max_size=40), ids)
def test_its_instructions_arrive_as_they_were_sent(system: str | None, request: str) -> None:
    arrived = read(protocol.Query(request_id=request, message="Hi", system=system))
    assert isinstance(arrived, requests.Query)
    sent = None if system is None else system.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    assert arrived.system == ("" if sent is not None and not sent.strip() else sent)


@given(names, limits, ids)
def test_listings_arrive_as_they_were_sent(session: str, limit: int | None, request: str) -> None:
    history = protocol.History(request_id=request, session_id=session, before="3.2", limit=limit)
    assert read(history) == requests.History(session, "3.2", limit, request)
    sessions = protocol.Sessions(request_id=request, before="x", limit=limit)
    assert read(sessions) == requests.Sessions("x", limit, request)
    assert read(protocol.Ping(request_id=request)) == requests.Ping(request)


@given(texts)
def test_every_frame_is_an_event(text: str) -> None:
    assert protocol.decode(frames.encode(frames.delta(ID, 3, text))) == protocol.Delta(ID, 3, text)
    accepted = protocol.decode(frames.encode(frames.accepted(ID, "travel")))
    assert accepted == protocol.Accepted(ID, "travel")
    assert protocol.decode(frames.encode(frames.pong(ID))) == protocol.Pong(ID)
    parts = Parts("", Window((an_exchange(),)), "Hi", START, instructions=Instructions(text, 2))
    memory = frames.memory(parts, "owner", retold=False)
    answer = protocol.decode(frames.encode(frames.answer(an_exchange(2), "travel", memory, 3)))
    assert isinstance(answer, protocol.Answer)
    assert answer.memory is not None
    assert (answer.turn, answer.session_id, answer.memory.window_messages) == (2, "travel", 2)
    assert answer.memory.system == PromptInstructions(2, len(text))


@pytest.mark.parametrize("kind", BridgeError.__subclasses__())
def test_every_error_is_a_failure(kind: type[BridgeError]) -> None:
    frame = frames.encode(frames.error(kind("No.", retryable=True, retry_after=1.5), ID))
    assert protocol.decode(frame) == protocol.Failure(kind.code, "No.", ID, True, 1.5)
    bare = protocol.decode(frames.encode(frames.error(Internal("Oh."))))
    assert bare == protocol.Failure("internal", "Oh.", None, True, None)


@given(st.sampled_from(["a", "中", "😀", '"']), st.sampled_from([1, 20_000, 50_000]))
def test_a_long_exchanges_parts_are_its_text(character: str, length: int) -> None:
    exchange = an_exchange(1, character * length, character * length)
    frame = frames.history("travel", pages.entries_of(exchange), None, ID)
    page = protocol.decode(frames.encode(frame))
    assert isinstance(page, protocol.HistoryPage)
    assert "".join(entry.answer for entry in page.exchanges) == exchange.answer
    assert {entry.parts for entry in page.exchanges} == {len(page.exchanges)}


def test_a_failed_turn_in_the_history() -> None:
    failed = an_exchange(1, "q", None, failure=Failure("refused", "No."))
    page = protocol.decode(frames.encode(frames.history("travel", pages.entries_of(failed), "1", None)))
    assert isinstance(page, protocol.HistoryPage)
    assert page.exchanges[0].error == {"code": "refused", "message": "No."}
    assert page.before == "1"


def test_a_conversation(connected: Deployment) -> None:
    connected.claude.reply(Reply(), failing(400, "invalid_request_error"))
    first, second = str(uuid.uuid4()), str(uuid.uuid4())
    accepted = connected.send(protocol.Query(request_id=first, message="Hello?"))
    assert isinstance(accepted, protocol.Accepted)
    *deltas, answer = connected.events()
    assert isinstance(answer, protocol.Answer)
    assert answer.memory is not None
    assert "".join(d.text for d in deltas if isinstance(d, protocol.Delta)) == "Hello 中😀"
    assert (answer.turn, answer.session_id, answer.model) == (1, accepted.session_id, "claude-real")
    connected.send(protocol.Query(request_id=second, message="And?", session_id=accepted.session_id))
    (failure,) = connected.events()
    assert isinstance(failure, protocol.Failure)
    assert (failure.code, failure.request_id) == ("upstream_error", second)
    page = connected.send(protocol.History(request_id=ID, session_id=accepted.session_id, limit=1))
    assert isinstance(page, protocol.HistoryPage)
    assert [(e.turn, e.error is None) for e in page.exchanges] == [(2, False)]
    assert page.before is not None
    earlier = connected.send(
        protocol.History(request_id=ID, session_id=accepted.session_id, before=page.before)
    )
    assert isinstance(earlier, protocol.HistoryPage)
    assert [(e.turn, e.answer) for e in earlier.exchanges] == [(1, "Hello 中😀")]
    assert earlier.before is None
    listed = connected.send(protocol.Sessions(request_id=ID))
    assert isinstance(listed, protocol.SessionsPage)
    assert [(s.session_id, s.title, s.turns) for s in listed.sessions] == [(accepted.session_id, "Hello?", 2)]
    assert connected.send(protocol.Ping(request_id=ID)) == protocol.Pong(ID)
