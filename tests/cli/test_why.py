"""`--why`, and `--recall`: what goes into a prompt, and what went."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from websockets.asyncio.server import ServerConnection

from bridge_cli.events import Answer
from bridge_cli.memory import Instructions, PromptMemory, Recalled, Summary
from bridge_cli.spending import Cost
from bridge_cli.tables import local_time
from bridge_cli.why import why
from tests.cli.conftest import Run
from tests.cli.fake_bridge import USAGE, FakeBridge, Frame, abort, accepted

AT = "2026-11-22T19:37:40.123Z"
MEMORY = PromptMemory(
    window_messages=12,
    window_characters=6120,
    summary=Summary(turns=1, characters=400),
    recall="owner",
    recalled=(Recalled("plans", 3, "user", AT, 0.816), Recalled("trip", 1, "assistant", AT, 2.0)),
    tokens={"system": 10, "summary": 100, "window": 1530, "recall": 50, "message": 5},
    system=Instructions(turn=2, characters=40),
)
ANSWER = Answer("r", "s", 1, "end_turn", "claude-x", USAGE, MEMORY, cost=Cost(0.001, 0.004))


def test_it_tells_the_parts_the_passages_the_tokens_and_the_dollars() -> None:
    assert why(ANSWER) == [
        "In the prompt, about 1,695 tokens:",
        "  system      10  the session's own: 40 characters, named in turn 2",
        "  summary    100  of 1 turn, 400 characters",
        "  window   1,530  12 messages, 6,120 characters",
        "  recall      50  looked for in all your sessions",
        "  message      5",
        "Recalled:",
        f"  plans, turn 3: You, {local_time(AT)} (score 0.82)",
        f"  trip, turn 1: Claude, {local_time(AT)} (score 2.00)",
        "Tokens: 12 new, 300 written to the cache (100 for an hour), 888 read from it (74% of the input); "
        "7 answered.",
        "Cost: $0.0010; the cache saved $0.0030 (75%).",
    ]


@pytest.mark.parametrize(
    ("answer", "said", "unsaid"),
    [
        (replace(ANSWER, memory=replace(MEMORY, recalled=())), "Recalled: nothing.", "plans"),
        (replace(ANSWER, memory=replace(MEMORY, recall="off", recalled=())), "switched off", "Recalled"),
        (replace(ANSWER, memory=replace(MEMORY, recalled=None)), "had been kept before", "Recalled:"),
        (replace(ANSWER, memory=replace(MEMORY, summary=None)), "there is none yet", "of 1 turn"),
        (replace(ANSWER, memory=replace(MEMORY, system=None)), "  system ", "the session's own"),
        (replace(ANSWER, memory=None, cost=None), "fetched from the history", "Cost"),
        (replace(ANSWER, memory=PromptMemory(2, 40), cost=None), "This bridge tells no more", "Cost"),
        (replace(ANSWER, cost=None), "no price for claude-x", "saved"),
        (replace(ANSWER, cost=Cost(0.002, 0.001)), "$0.0010 of it for filling the cache", "saved"),
        (replace(ANSWER, cost=Cost(0.002, 0.002)), "nothing was cached", "saved"),
        (replace(ANSWER, usage={}), "Cost", "Tokens:"),
    ],
)
def test_it_tells_what_is_missing(answer: Answer, said: str, unsaid: str) -> None:
    told = "\n".join(why(answer))
    assert said in told
    assert unsaid not in told


def test_ask_tells_it_after_the_answer_on_standard_error(bridge: FakeBridge, run: Run) -> None:
    bridge.keep({"session_id": "other", "message": "Hi there", "request_id": "r"})
    told = run("ask", "Hi", "plans", "--why")
    assert told.stdout == "Hello, world\n"
    assert told.stderr.startswith("In the prompt, about 1,365 tokens:\n")
    assert "  other, turn 1: You, " in told.stderr
    assert "(50%)" in told.stderr
    assert run("ask", "Hi", "plans").stderr == ""


def test_chat_tells_it_after_every_answer(bridge: FakeBridge, run: Run) -> None:
    told = run("chat", "plans", "--why", "--recall", "off", input="One\nTwo\n")
    assert told.stderr.count("In the prompt") == 2
    assert [frame["recall"] for frame in bridge.sent("query")] == ["off", "off"]


def test_json_carries_memory_and_cost(bridge: FakeBridge, run: Run) -> None:
    told = json.loads(run("ask", "Hi", "plans", "--json", "--recall", "session").stdout)
    assert told["memory"]["recall"] == "session"
    assert told["memory"]["recalled"] == []
    assert told["cost"] == {"dollars": 0.0012, "uncached_dollars": 0.0024}
    assert told["usage"] == USAGE


def test_an_answer_from_the_history_is_told_without(bridge: FakeBridge, run: Run) -> None:
    async def break_off(fake: FakeBridge, connection: ServerConnection, frame: Frame) -> None:
        await fake_accept(connection, frame)
        fake.keep(frame)
        abort(connection)

    async def fake_accept(connection: ServerConnection, frame: Frame) -> None:
        await connection.send(json.dumps(accepted(frame)))

    bridge.behaviours = [break_off]
    told = run("ask", "Hi", "plans", "--why", "--json")
    assert json.loads(told.stdout)["memory"] is None
    assert "fetched from the history" in told.stderr


def test_the_profile_says_where_to_look_unless_the_option_does(bridge: FakeBridge, run: Run) -> None:
    assert run("config", "set", "url", bridge.url).exit_code == 0
    assert run("config", "set", "recall", "session").exit_code == 0
    run("ask", "Hi", "plans")
    run("ask", "Hi", "plans", "--recall", "off")
    run("chat", "plans", input="Hi\n")
    assert run("config", "unset", "recall").exit_code == 0
    run("ask", "Hi", "plans")
    assert [frame.get("recall") for frame in bridge.sent("query")] == ["session", "off", "session", None]


def test_a_profile_s_recall_that_is_none_is_told(bridge: FakeBridge, run: Run) -> None:
    run("config", "set", "url", bridge.url)
    run("config", "set", "recall", "off")
    path = run("config", "path").stdout.strip()
    with open(path) as file:
        content = file.read().replace('"off"', '"all"')
    with open(path, "w") as file:
        file.write(content)
    told = run("ask", "Hi", "plans")
    assert told.exit_code == 2
    assert "`owner`" in told.stderr
    assert bridge.received == []
