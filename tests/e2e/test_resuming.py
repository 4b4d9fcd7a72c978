"""Taken up on another connection, cancelled, forgotten: over the wire, through the gateway, to the tables."""

from __future__ import annotations

import json
import time
import uuid

from bench.standin import INSTANT, STEADY
from bridge.adapters.queue import encode
from bridge.conversation import SessionKey, Turn
from tests.e2e.deployed import PACED, Deployed
from tests.e2e.test_gateway import PACED_TEXT
from tests.e2e.wire import ENDINGS, Frame, Wire


def resumed(wire: Wire, request_id: str, last_seq: int = 0) -> tuple[str, Frame]:
    """Resume a turn; return what comes after ``last_seq``, and the frame that ended it."""
    wire.send({"action": "resume", "request_id": request_id, "last_seq": last_seq})
    frames = wire.until("answer", "error")
    deltas = {each["seq"]: each["text"] for each in frames if each["type"] == "delta"}
    wanted = {seq: text for seq, text in sorted(deltas.items()) if seq > last_seq}
    assert list(wanted) == list(range(last_seq + 1, last_seq + 1 + len(wanted)))
    return "".join(wanted.values()), frames[-1]


def until_accepted(wire: Wire, request_id: str) -> None:
    """Wait until the bridge says that it has what was sent last about a request."""
    while (frame := wire.receive())["type"] != "accepted" or frame["request_id"] != request_id:
        pass


def test_an_answer_goes_on_where_its_connection_broke_off(bridge: Deployed, session: str) -> None:
    with bridge.connect() as first:
        connection = bridge.gateway.connections()[-1]
        request_id = first.query("Tell me", session_id=session, model=PACED)
        seen = [each for each in first.until("delta") if each["type"] == "delta"][-1]
        bridge.gateway.drop(connection)
    with bridge.connect() as second:
        rest, answer = resumed(second, request_id, seen["seq"])
        assert seen["text"] + rest == PACED_TEXT
        assert (answer["type"], answer["stop_reason"]) == ("answer", "end_turn")
        again, same = resumed(second, request_id)  # it has ended long ago
        assert again == PACED_TEXT
        assert (same["turn"], same["deltas"]) == (answer["turn"], answer["deltas"])


def test_a_connection_that_stalled_is_left_for_another(bridge: Deployed, session: str) -> None:
    with bridge.connect() as first:
        request_id = first.query("Tell me", session_id=session, model=PACED)
        first.until("delta")
        bridge.gateway.stall(bridge.gateway.connections()[-1])
        with bridge.connect() as second:
            text, answer = resumed(second, request_id)
        bridge.gateway.drop(bridge.gateway.connections()[0])
    assert (text, answer["type"]) == (PACED_TEXT, "answer")


def test_a_cancelled_answer_keeps_what_was_said(bridge: Deployed, session: str) -> None:
    with bridge.connect() as wire:
        request_id = wire.query("Tell me", session_id=session, model=STEADY)
        frames = wire.until("delta")
        wire.send({"action": "cancel", "request_id": request_id})
        frames += wire.until("answer", "error")
        _, after = wire.ask_among_others("And now?", session_id=session, model=INSTANT)
        kept = wire.history(session)["exchanges"][0]
    said = "".join(each["text"] for each in frames if each["type"] == "delta")
    assert frames[-1]["stop_reason"] == kept["stop_reason"] == "cancelled"
    assert kept["context"][1] == {"role": "assistant", "content": said}
    assert 0 < len(said) < len("".join(f"word{n} " for n in range(300)))
    assert after["turn"] == 2


def test_a_turn_that_is_cancelled_while_it_waits_is_never_asked(bridge: Deployed, session: str) -> None:
    message = f"Never mind {session}"
    with bridge.connect() as wire:
        first = wire.query("Tell me", session_id=session, model=STEADY)
        wire.until("delta")
        second = wire.query(message, session_id=session, model=INSTANT)
        until_accepted(wire, second)
        wire.send({"action": "cancel", "request_id": second})
        until_accepted(wire, second)  # the cancelling is: only now may its time come
        wire.send({"action": "cancel", "request_id": first})
        endings: dict[str, Frame] = {}
        while endings.keys() != {first, second}:
            frame = wire.receive()
            if frame["type"] in ENDINGS:
                endings[frame["request_id"]] = frame
        kept = wire.history(session)["exchanges"]
    assert {each["stop_reason"] for each in endings.values()} == {"cancelled"}
    assert [(each["request_id"], len(each["context"])) for each in kept] == [(first, 2), (second, 1)]
    assert not [asked for asked in bridge.switchboard.asked if asked.message == message]


def test_nobody_resumes_or_cancels_what_was_never_asked(bridge: Deployed, session: str) -> None:
    with bridge.connect() as ann, bridge.connect(f"bob-{uuid.uuid4().hex}") as bob:
        ann.ask("Hello", session_id=session, model=INSTANT)
        request_id = ann.history(session)["exchanges"][0]["request_id"]
        for action in ("resume", "cancel"):
            assert bob.request({"action": action, "request_id": request_id})["code"] == "not_found"
            assert ann.request({"action": action, "request_id": str(uuid.uuid4())})["code"] == "not_found"


def dead(bridge: Deployed, owner: str, session: str, message: str) -> None:
    """Put a turn among the dead letters."""
    request_id = str(uuid.uuid4())
    turn = Turn(
        SessionKey(owner, session),
        request_id,
        message,
        model=INSTANT,
        connection_id="gone",
        accepted=int(time.time() * 1000),
    )
    bridge.aws("sqs").send_message(
        QueueUrl=bridge.status.outputs["DeadLetterQueueUrl"],
        MessageBody=encode(turn),
        MessageGroupId=request_id,
        MessageDeduplicationId=request_id,
    )


def test_an_owner_who_is_forgotten_is_not_among_the_dead_letters_either(bridge: Deployed) -> None:
    other = f"bob-{uuid.uuid4().hex}"
    with bridge.connect() as wire:
        for session in ("plans", "jokes"):
            wire.ask(f"Hello {session}", session_id=session, model=INSTANT)
        dead(bridge, bridge.owner, "plans", "Mine and dead.")
        dead(bridge, other, "plans", "Another's and dead.")
        forgotten = wire.request({"action": "forget", "everything": True})
        assert (forgotten["type"], forgotten["session_id"], forgotten["exchanges"]) == ("forgotten", None, 2)
        assert wire.request({"action": "sessions"})["sessions"] == []
    sqs, url = bridge.aws("sqs"), bridge.status.outputs["DeadLetterQueueUrl"]
    (left,) = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1)["Messages"]
    assert json.loads(left["Body"])["message"] == "Another's and dead."
    sqs.delete_message(QueueUrl=url, ReceiptHandle=left["ReceiptHandle"])
