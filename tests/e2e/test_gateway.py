"""What API Gateway does to a conversation: nothing is lost by it."""

from __future__ import annotations

import uuid

import pytest
from websockets.exceptions import ConnectionClosed

from bench.standin import INSTANT
from tests.e2e.deployed import PACED, Deployed
from tests.gateway.model import IDLE_SECONDS
from tests.gateway.posts import Post
from tests.gateway.routing import INTEGRATION_SECONDS
from tests.gateway.traps import Held, Trap, failing

PACED_TEXT = "".join(f"word{n} " for n in range(40))


def deltas_of(request_id: str, *, times: int, status: int, code: str, when: str = "before") -> Trap[Post]:
    """Return a trap for a turn's deltas."""

    def is_one(post: Post) -> bool:
        return request_id in post.text and '"delta"' in post.text

    return Trap(is_one, failing(status, code), when, times)  # type: ignore[arg-type]


def test_a_function_over_29_seconds_costs_its_client_a_second_try(bridge: Deployed, session: str) -> None:
    message = bridge.function("message")
    request_id = str(uuid.uuid4())
    held = Held()
    with bridge.connect() as wire:
        sending = bridge.recorder.traps.set(
            Trap(lambda c: c.function == message and c.operation == "SendMessage", held.act)
        )
        frame = {"action": "query", "request_id": request_id, "message": "Slowly", "session_id": session}
        wire.send(frame)
        sending.wait()
        bridge.gateway.advance(INTEGRATION_SECONDS)
        told = wire.receive()
        assert told["message"] == "Endpoint request timed out"
        assert set(told) == {"message", "connectionId", "requestId"}
        again = wire.request(frame)
        assert (again["code"], again["retryable"]) == ("conflict", True)
        held.release()
        assert wire.until("answer")[-1]["request_id"] == request_id
        assert wire.request(frame)["type"] == "accepted"
        assert len(wire.history(session)["exchanges"]) == 1


def test_a_client_that_reads_too_slowly_gets_every_piece(bridge: Deployed, session: str) -> None:
    request_id = str(uuid.uuid4())
    full = deltas_of(request_id, times=2, status=429, code="LimitExceededException")
    bridge.gateway.traps.set(full)
    with bridge.connect() as wire:
        text, _ = wire.ask("Tell me", session_id=session, model=PACED, request_id=request_id)
    assert text == PACED_TEXT
    assert len(full.caught) == 2


def test_a_piece_whose_post_failed_may_come_twice_and_is_the_same(bridge: Deployed, session: str) -> None:
    request_id = str(uuid.uuid4())
    lost = deltas_of(request_id, times=1, status=500, code="InternalServerError", when="after")
    bridge.gateway.traps.set(lost)
    with bridge.connect() as wire:
        wire.query("Tell me", session_id=session, model=PACED, request_id=request_id)
        deltas = [each for each in wire.until("answer") if each["type"] == "delta"]
    twice = [each for each in deltas if each["seq"] == 1]
    assert len(twice) == 2
    assert twice[0] == twice[1]
    assert "".join({each["seq"]: each["text"] for each in deltas}.values()) == PACED_TEXT


def test_a_connection_that_was_idle_for_ten_minutes_is_replaced(bridge: Deployed, session: str) -> None:
    with bridge.connect() as wire:
        wire.ask("Hello", session_id=session, model=INSTANT)
        bridge.gateway.advance(IDLE_SECONDS)
        with pytest.raises(ConnectionClosed) as closed:
            wire.receive()
        assert closed.value.rcvd
        assert closed.value.rcvd.code == 1001
    with bridge.connect() as wire:
        assert wire.ask("Again", session_id=session, model=INSTANT)[1]["turn"] == 2


def test_a_client_that_is_gone_costs_its_turn_nothing(bridge: Deployed, session: str) -> None:
    request_id = str(uuid.uuid4())
    gone = deltas_of(request_id, times=1, status=410, code="GoneException")
    bridge.gateway.traps.set(gone)
    with bridge.connect() as wire:
        wire.query("Tell me", session_id=session, model=PACED, request_id=request_id)
        gone.wait()
        posts = [post for post in bridge.gateway.posts if request_id in post.text]
        wire.ask_among_others("And on", session_id=session, model=INSTANT)
        kept = wire.history(session)["exchanges"]
    assert len(posts) == 1
    assert kept[0]["context"][1]["content"] == PACED_TEXT


def test_a_token_may_come_as_a_subprotocol_which_is_not_sent_back(bridge: Deployed) -> None:
    from websockets.sync.client import connect

    token = bridge.token(bridge.owner)
    with connect(bridge.url, subprotocols=["bridge", f"bearer.{token}"]) as socket:  # type: ignore[list-item]
        assert socket.subprotocol == "bridge"
