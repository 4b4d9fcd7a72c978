"""What outlives the window: recalled, summarized, apart between owners, and gone when it is forgotten."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from functools import partial
from typing import Any

from bench.standin import INSTANT
from bridge.memory import unpack
from tests.e2e.deployed import Deployed
from tests.e2e.wire import Wire

FACT = "The launch code word is marmalade."
PATIENCE = 60
"""Seconds within which what happens off the reply path has to have happened."""


def wait_for(what: Callable[[], Any]) -> Any:
    """Return what ``what`` returns as soon as that is something."""
    deadline = time.monotonic() + PATIENCE
    while not (found := what()):
        assert time.monotonic() < deadline, "what should happen off the reply path never did"
        time.sleep(0.1)
    return found


def push_out_of_the_window(wire: Wire, session: str) -> None:
    """Say so much of something else that the window holds none of what came before."""
    for number in range(3):
        paragraph = f"Penguin number {number} waddles over the ice and says nothing. " * 60
        wire.ask(paragraph, session_id=session, model=INSTANT)


def recalled_text(bridge: Deployed) -> str:
    """Return what stood before the message in the prompt that Claude was given last."""
    *before, _ = bridge.last_request()["messages"][-1]["content"]
    return "\n".join(block["text"] for block in before)


def test_the_real_model_knows_in_a_new_session_what_another_one_said_long_ago(bridge: Deployed) -> None:
    with bridge.connect() as wire:
        wire.ask(FACT, session_id="plans", model=INSTANT)
        push_out_of_the_window(wire, "plans")
    with bridge.connect() as wire:
        text, answer = wire.ask("What is the launch code word?", model=bridge.real_model)
    assert "marmalade" in text.lower()
    found = [(each["session_id"], each["turn"], each["role"]) for each in answer["memory"]["recalled"]]
    assert ("plans", 1, "user") in found
    assert answer["memory"]["window_messages"] == 0
    assert answer["memory"]["tokens"]["recall"] <= 1000


def test_what_was_said_a_moment_ago_in_another_session_is_found(bridge: Deployed) -> None:
    with bridge.connect() as left, bridge.connect() as right:
        left.ask(FACT, session_id="left", model=INSTANT)
        right.ask("What is the launch code word?", session_id="right", model=INSTANT)
    assert FACT in recalled_text(bridge)
    with bridge.connect() as wire:
        kept = wire.history("right")["exchanges"]
    assert kept[0]["context"][0]["content"] == "What is the launch code word?"


def test_a_query_may_recall_less(bridge: Deployed) -> None:
    with bridge.connect() as wire:
        wire.ask(FACT, session_id="plans", model=INSTANT)
        for scope in ("session", "off"):
            wire.ask("What is the launch code word?", recall=scope, model=INSTANT)
            assert recalled_text(bridge) == ""
        wrong = wire.request(
            {"action": "query", "request_id": str(uuid.uuid4()), "message": "Hi", "recall": "all"}
        )
    assert (wrong["type"], wrong["code"]) == ("error", "bad_request")


def test_what_left_the_window_is_summarized(bridge: Deployed, session: str) -> None:
    with bridge.connect() as wire:
        wire.ask(FACT, session_id=session, model=INSTANT)
        push_out_of_the_window(wire, session)
        usage = {"action": "usage", "session_id": session}
        (spent,) = wait_for(
            lambda: [each for each in wire.request(usage)["sessions"] if each["summary_usage"]]
        )
        _, answer = wire.ask("And now?", session_id=session, model=INSTANT)
    assert spent["summary_usage"]["output_tokens"] > 0
    assert spent["cost"]["dollars"] > 0
    assert answer["memory"]["summary"]["turns"] >= 1
    assert "<summary>" in bridge.last_request()["messages"][0]["content"][0]["text"]


def test_a_memory_of_many_turns_is_packed_and_still_found(bridge: Deployed) -> None:
    with bridge.connect() as wire:
        wire.ask(FACT, session_id="plans", model=INSTANT)
        for number in range(12):
            wire.ask(f"Tell me joke {number} about penguins.", session_id="jokes", model=INSTANT)
        wait_for(lambda: packed(bridge, bridge.owner))
        wire.ask("What is the launch code word?", model=INSTANT)
        assert FACT in recalled_text(bridge)
        found = wire.request({"action": "recall", "text": "the launch code word"})["memories"]
    assert (found[0]["text"], found[0]["session_id"], found[0]["role"]) == (FACT, "plans", "user")


def test_neither_of_two_owners_ever_recalls_the_others(bridge: Deployed) -> None:
    owners = {bridge.owner: "marmalade", f"bob-{uuid.uuid4().hex[:12]}": "chutney"}
    for owner, word in owners.items():
        with bridge.connect(owner) as wire:
            wire.ask(f"The launch code word is {word}.", session_id="plans", model=INSTANT)
            for number in range(9):
                wire.ask(f"Joke {number}?", session_id="jokes", model=INSTANT)
    for owner in owners:
        wait_for(partial(packed, bridge, owner))
    for owner, word in owners.items():
        (other,) = set(owners.values()) - {word}
        with bridge.connect(owner) as wire:
            wire.ask("Is the launch code word marmalade or chutney?", model=INSTANT)
            told = recalled_text(bridge)
            assert f"The launch code word is {word}." in told
            assert f"The launch code word is {other}." not in told
            found = wire.request({"action": "recall", "text": "launch code word marmalade chutney"})
            assert not any(
                other in each["text"] for each in found["memories"] if each["session_id"] == "plans"
            )
            assert other not in str(wire.history("plans"))


def test_a_forgotten_session_is_gone_everywhere_and_at_once(bridge: Deployed) -> None:
    marker = f"zq{uuid.uuid4().hex}"
    with bridge.connect() as wire:
        wire.ask(f"The launch code word is {marker}.", session_id="plans", model=INSTANT)
        push_out_of_the_window(wire, "plans")
        for number in range(9):
            wire.ask(f"Joke {number}?", session_id="jokes", model=INSTANT)
        wait_for(lambda: packed(bridge, bridge.owner))
        forgotten = wire.request({"action": "forget", "session_id": "plans"})
        assert (forgotten["type"], forgotten["exchanges"]) == ("forgotten", 4)
        wire.ask("What is the launch code word?", model=INSTANT)
        assert marker not in recalled_text(bridge)
        found = wire.request({"action": "recall", "text": f"the launch code word {marker}"})
        assert not any(marker in each["text"] for each in found["memories"])
        assert wire.history("plans")["code"] == "not_found"
        assert wire.request({"action": "usage", "session_id": "plans"})["code"] == "not_found"
        again = wire.request({"action": "forget", "session_id": "plans"})
    assert again["exchanges"] == 0
    assert marker not in everything(bridge)


def packed(bridge: Deployed, owner: str) -> list[dict[str, Any]]:
    """Return the segments of an owner's memory."""
    reply = bridge.aws("dynamodb").query(
        TableName=bridge.status.outputs["SessionsTable"],
        KeyConditionExpression="session_id = :memory AND seq > :head",
        ExpressionAttributeValues={":memory": {"S": f"memory#{owner}"}, ":head": {"N": "-1"}},
        ConsistentRead=True,
    )
    return list(reply["Items"])


def everything(bridge: Deployed) -> str:
    """Return all that the sessions table holds, what is compressed included."""
    pages = (
        bridge.aws("dynamodb")
        .get_paginator("scan")
        .paginate(TableName=bridge.status.outputs["SessionsTable"], ConsistentRead=True)
    )
    texts = []
    for page in pages:
        for item in page["Items"]:
            texts.append(str(item))
            if "packed" in item:
                texts.append(str(unpack(item["packed"]["B"][8:])))
    return "\n".join(texts)
