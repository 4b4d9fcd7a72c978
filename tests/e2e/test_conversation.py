"""What people come for: a conversation that goes on."""

from __future__ import annotations

import json
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from bench.standin import INSTANT
from tests.e2e.deployed import BRISK, Deployed

INSTANT_TEXT = "".join(f"word{n} " for n in range(12))


def test_claude_is_told_what_was_said_before(bridge: Deployed, session: str) -> None:
    with bridge.connect() as wire:
        wire.ask("The harbour is closed on Mondays.", session_id=session, model=INSTANT)
    with bridge.connect() as wire:
        text, answer = wire.ask("When is it closed?", session_id=session, model=INSTANT)
    assert text == INSTANT_TEXT
    assert answer["turn"] == 2
    assert answer["stop_reason"] == "end_turn"
    assert answer["memory"]["window_messages"] == 2
    assert answer["usage"]["output_tokens"] == 12
    told = bridge.last_request()
    assert [m["role"] for m in told["messages"]] == ["user", "assistant", "user"]
    assert told["messages"][0]["content"][0]["text"] == "The harbour is closed on Mondays."
    assert told["messages"][1]["content"][0] == {
        "type": "text",
        "text": INSTANT_TEXT,
        "cache_control": {"type": "ephemeral"},
    }


def test_claude_is_told_the_sessions_own_instructions_until_they_are_forgotten(
    bridge: Deployed, session: str
) -> None:
    def told() -> list[str]:
        return [block["text"] for block in bridge.last_request().get("system", [])]

    with bridge.connect() as wire:
        before = told() if wire.ask("Hi.", session_id=session, model=INSTANT) else []
        for system in ("Answer in Danish.", "Answer in Greenlandic."):
            _, answer = wire.ask("Hi.", session_id=session, model=INSTANT, system=system)
            assert told() == [*before, system]
            assert answer["memory"]["system"] == {"turn": answer["turn"], "characters": len(system)}
        wire.ask("And now?", session_id=session, model=INSTANT)
        assert told() == [*before, system]
        assert wire.history(session)["system"] == system
        wire.request({"action": "forget", "session_id": session, "request_id": str(uuid.uuid4())})
        wire.ask("And now?", session_id=session, model=INSTANT)
    assert told() == before


def test_a_query_without_a_session_begins_one(bridge: Deployed) -> None:
    with bridge.connect() as wire:
        wire.query("hello", model=INSTANT)
        accepted = next(f for f in wire.until("answer") if f["type"] == "accepted")
        assert accepted["session_id"].startswith("chat-")
        listed = wire.history(accepted["session_id"])
    assert listed["exchanges"][0]["context"][0] == {"role": "user", "content": "hello"}


def test_the_real_model_remembers(bridge: Deployed, session: str) -> None:
    model = bridge.real_model
    with bridge.connect() as wire:
        wire.ask("The launch code word is marmalade.", session_id=session, model=model)
        wire.ask("What is the capital of France?", session_id=session, model=model)
    with bridge.connect() as wire:
        text, answer = wire.ask("What is the launch code word?", session_id=session, model=model)
    assert "marmalade" in text.lower()
    assert answer["usage"]["input_tokens"] + answer["usage"]["cache_read_input_tokens"] > 0


def test_an_answer_streams_in_order_and_in_few_posts(bridge: Deployed, session: str) -> None:
    with bridge.connect() as wire:
        asked = time.monotonic()
        request_id = wire.query("Tell me.", session_id=session, model=BRISK)
        frames = wire.until("answer")
        seconds = time.monotonic() - asked
    deltas = [f for f in frames if f["type"] == "delta"]
    assert "".join(f["text"] for f in deltas) == "".join(f"word{n} " for n in range(80))
    assert [f["seq"] for f in deltas] == list(range(1, len(deltas) + 1))
    assert {f["request_id"] for f in frames} == {request_id}
    # 80 tokens would be 80 posts; two seconds hold 27 intervals of 75 ms.
    assert 10 < len(deltas) <= seconds / 0.075 + 1


def test_a_repeat_of_a_request_is_answered_once(bridge: Deployed, session: str) -> None:
    request_id = str(uuid.uuid4())
    before = bridge.requests_seen()
    with bridge.connect() as wire:
        wire.query("Once only.", request_id=request_id, model=INSTANT)
        first = next(f for f in wire.until("answer") if f["type"] == "accepted")
        frame = {"action": "query", "request_id": request_id, "message": "Once only.", "model": INSTANT}
        assert wire.request(frame) == first
        other = wire.request({**frame, "message": "Something else."})
        wire.ask("And on.", session_id=first["session_id"], model=INSTANT)
        kept = wire.history(first["session_id"])["exchanges"]
    assert (other["type"], other["code"]) == ("error", "conflict")
    assert bridge.requests_seen() == before + 2
    assert [e["context"][0]["content"] for e in kept] == ["Once only.", "And on."]


def test_the_same_words_twice_are_two_turns(bridge: Deployed, session: str) -> None:
    with bridge.connect() as wire:
        for turn in (1, 2):
            assert wire.ask("yes", session_id=session, model=INSTANT)[1]["turn"] == turn


def test_messages_at_the_same_time_are_all_answered_one_after_the_other(
    bridge: Deployed, session: str
) -> None:
    def talk(name: str) -> None:
        with bridge.connect() as wire:
            for number in range(3):
                assert wire.ask(f"{name}-{number}", session_id=session, model=INSTANT)[1]["type"] == "answer"

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(talk, ("left", "right")))
    with bridge.connect() as wire:
        kept = wire.history(session)["exchanges"]
    said = [e["context"][0]["content"] for e in kept]
    assert [e["turn"] for e in kept] == [1, 2, 3, 4, 5, 6]
    assert sorted(said) == [f"{name}-{number}" for name in ("left", "right") for number in range(3)]
    assert [s for s in said if s.startswith("left")] == ["left-0", "left-1", "left-2"]


def test_an_answer_whose_client_left_is_kept(bridge: Deployed, session: str) -> None:
    with bridge.connect() as wire:
        wire.query("Tell me, I may be gone.", session_id=session, model=BRISK)
        wire.until("delta")
    with bridge.connect() as wire:
        # A session's turns come one after the other: when this one is answered, the first one is kept.
        wire.ask("Are you done?", session_id=session, model=INSTANT)
        first = wire.history(session)["exchanges"][0]
    assert first["context"][1]["content"] == "".join(f"word{n} " for n in range(80))


def test_a_long_message_comes_whole_and_its_history_in_parts(bridge: Deployed, session: str) -> None:
    message = "".join(chr(0x4E00 + n % 5000) for n in range(30_000))
    with bridge.connect() as wire:
        frame = {"action": "query", "request_id": str(uuid.uuid4()), "session_id": session}
        wire.send(json.dumps({**frame, "message": message, "model": INSTANT}, ensure_ascii=False))
        assert wire.until("answer", "error")[-1]["type"] == "answer"
        wire.ask("And now?", session_id=session, model=INSTANT)
        entries: list[dict[str, Any]] = []
        before = None
        while True:
            page = wire.history(session, **({"before": before} if before else {}))
            assert len(json.dumps(page, ensure_ascii=False).encode()) < 32_000
            entries[:0] = page["exchanges"]
            before = page["before"]
            if before is None:
                break
    said = "".join(
        m["content"] for e in entries if e["turn"] == 1 for m in e["context"] if m["role"] == "user"
    )
    assert said == message
    assert entries[-1]["turn"] == 2


def test_owners_do_not_meet(bridge: Deployed, session: str) -> None:
    with bridge.connect("ann") as ann, bridge.connect("bob") as bob:
        ann.ask("My secret is safe.", session_id=session, model=INSTANT)
        assert bob.history(session)["code"] == "not_found"
        _, answer = bob.ask("What is the secret?", session_id=session, model=INSTANT)
        assert answer["turn"] == 1
        assert answer["memory"]["window_messages"] == 0
        assert "secret is safe" not in json.dumps(bridge.last_request())
        names = [s["session_id"] for s in ann.request({"action": "sessions"})["sessions"]]
        assert session in names
        assert len(ann.history(session)["exchanges"]) == 1


def test_sessions_are_listed_newest_first_in_pages(bridge: Deployed) -> None:
    owner = f"owner-{uuid.uuid4().hex}"
    with bridge.connect(owner) as wire:
        for name in ("first", "second", "third"):
            wire.ask(f"Hello from {name}", session_id=name, model=INSTANT)
        page = wire.request({"action": "sessions", "limit": 2})
        rest = wire.request({"action": "sessions", "limit": 2, "before": page["before"]})
    assert [s["session_id"] for s in page["sessions"]] == ["third", "second"]
    assert [s["session_id"] for s in rest["sessions"]] == ["first"]
    assert rest["before"] is None
    assert rest["sessions"][0]["title"] == "Hello from first"
    assert rest["sessions"][0]["turns"] == 1


def test_the_original_client_works(bridge: Deployed, session: str) -> None:
    with bridge.connect() as wire:
        for length in (2, 4):
            frame = wire.request({"action": "query", "message": "Hello", "session_id": session})
            assert set(frame) == {"statusCode", "body"}
            assert frame["statusCode"] == 200
            body = json.loads(frame["body"])
            assert body["session_id"] == session
            assert body["context_length"] == length
            assert body["response"] == INSTANT_TEXT
        nameless = wire.request({"action": "query", "message": "Hello"})
        assert json.loads(nameless["body"])["session_id"].startswith("chat-")
        wrong = wire.request({"action": "query", "message": ""})
        assert wrong["statusCode"] == 400
        assert "error" in json.loads(wrong["body"])
