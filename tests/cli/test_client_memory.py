"""The client and the bridge's memory: recall, forget, usage, and what an answer was made of."""

from __future__ import annotations

from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from bridge_cli.client import BridgeClient
from bridge_cli.errors import MessageTooLarge, RequestFailed, UnexpectedFrame
from bridge_cli.events import Answer
from bridge_cli.memory import PromptMemory
from bridge_cli.spending import Cost
from tests.cli import fake_bridge
from tests.cli.conversing import asked, client, run
from tests.cli.fake_bridge import FakeBridge, Frame, abort, accepted, answered, delta, failure, post


def said(bridge: FakeBridge, session: str, message: str) -> None:
    bridge.keep({"session_id": session, "message": message, "request_id": f"{session}-{message}"})


def with_client(bridge: FakeBridge, use: Any) -> Any:
    async def connected() -> Any:
        async with client(bridge) as bridge_client:
            return await use(bridge_client)

    return run(connected())


def test_an_answer_tells_what_it_was_made_of_and_cost(bridge: FakeBridge) -> None:
    said(bridge, "other", "Hi there")
    answer = run(asked(client(bridge), "Hi", recall="owner"))[-1]
    assert isinstance(answer, Answer)
    assert answer.memory is not None
    assert answer.memory.recalled is not None
    assert [one.session_id for one in answer.memory.recalled] == ["other"]
    assert answer.memory.tokens["window"] == 1200
    assert answer.cost == Cost(0.0012, 0.0024)
    assert answer.usage["cache_creation_1h_input_tokens"] == 100
    assert bridge.sent("query")[0]["recall"] == "owner"


def test_without_a_wish_the_environment_decides_on_recall(bridge: FakeBridge) -> None:
    run(asked(client(bridge)))
    assert "recall" not in bridge.sent("query")[0]


def test_an_older_bridge_tells_less_and_answers_all_the_same(bridge: FakeBridge) -> None:
    bridge.older = True
    answer = run(asked(client(bridge), recall="off"))[-1]
    assert isinstance(answer, Answer)
    assert answer.memory == PromptMemory(window_messages=2, window_characters=40)
    assert answer.cost is None
    for use in (
        lambda connected: connected.recall("x"),
        lambda connected: connected.forget("plans"),
        lambda connected: connected.usage(),
    ):
        with pytest.raises(RequestFailed) as caught:
            with_client(bridge, use)
        assert caught.value.code == "unknown_action"
        assert "older" in caught.value.hint


def test_an_answer_from_the_history_does_not_say_what_it_was_made_of(bridge: FakeBridge) -> None:
    async def break_off(fake: FakeBridge, connection: ServerConnection, frame: Frame) -> None:
        await post(connection, accepted(frame))
        await post(connection, delta(frame, 1, "Hello"))
        fake.keep(frame)
        abort(connection)

    bridge.behaviours = [break_off]
    answer = run(asked(client(bridge)))[-1]
    assert isinstance(answer, Answer)
    assert (answer.memory, answer.cost) == (None, None)
    assert answer.usage["output_tokens"] == 7


def test_recall_looks_everywhere_or_in_a_session(bridge: FakeBridge) -> None:
    said(bridge, "plans", "The launch word is marmalade")
    said(bridge, "other", "a launch word")

    async def both(connected: BridgeClient) -> Any:
        return await connected.recall("launch word is", 1), await connected.recall("word", session_id="other")

    everywhere, inside = with_client(bridge, both)
    assert [(one.session_id, one.turn, one.text) for one in everywhere] == [
        ("plans", 1, "The launch word is marmalade")
    ]
    assert [one.session_id for one in inside] == ["other"]
    assert [frame.get("limit") for frame in bridge.sent("recall")] == [1, None]


def test_a_text_that_is_too_long_is_refused_before_it_is_sent(bridge: FakeBridge) -> None:
    with pytest.raises(MessageTooLarge):
        with_client(bridge, lambda connected: connected.recall("x" * 140_000))
    assert bridge.received == []


def test_forget_tells_how_many_exchanges_went(bridge: FakeBridge) -> None:
    said(bridge, "plans", "one")
    said(bridge, "plans", "two")

    async def twice(connected: BridgeClient) -> list[int | None]:
        return [await connected.forget("plans"), await connected.forget("plans")]

    assert with_client(bridge, twice) == [2, 0]


def test_where_the_reply_of_forget_is_lost_how_many_went_is_not_known(
    bridge: FakeBridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    said(bridge, "plans", "one")
    act = bridge._act
    lost = 0

    async def lose_the_first(connection: ServerConnection, frame: Frame) -> None:
        nonlocal lost
        if frame["action"] == "forget" and not lost:
            lost += 1
            fake_bridge.forget(bridge, frame)
            abort(connection)
        else:
            await act(connection, frame)

    monkeypatch.setattr(bridge, "_act", lose_the_first)
    assert with_client(bridge, lambda connected: connected.forget("plans")) is None
    assert (lost, bridge.exchanges) == (1, {})


def test_usage_in_pages_and_of_one_session(bridge: FakeBridge) -> None:
    bridge.used = [{"session_id": f"s{number}", "turns": 1} for number in range(3)]

    async def read(connected: BridgeClient) -> Any:
        page, mark = await connected.usage(limit=2)
        rest, end = await connected.usage(before=mark)
        (one,), _ = await connected.usage("s1")
        with pytest.raises(RequestFailed, match="no such session"):
            await connected.usage("nowhere")
        return [each.session_id for each in page + rest], mark, end, one

    names, mark, end, one = with_client(bridge, read)
    assert (names, mark, end) == (["s0", "s1", "s2"], "2", None)
    assert one.summary_usage.dollars == 0.00025


@pytest.mark.parametrize("action", ["recall", "forget", "usage"])
def test_another_frame_than_was_asked_for_is_told(
    bridge: FakeBridge, monkeypatch: pytest.MonkeyPatch, action: str
) -> None:
    def pong(_: FakeBridge, frame: Frame) -> Frame:
        return {"type": "pong", "request_id": frame["request_id"]}

    monkeypatch.setitem(fake_bridge.MEMORY_ACTIONS, action, pong)
    arguments = [] if action == "usage" else ["plans"]
    with pytest.raises(UnexpectedFrame, match="Pong"):
        with_client(bridge, lambda connected: getattr(connected, action)(*arguments))


def test_a_recall_that_is_unknown_is_the_bridge_s_to_refuse(bridge: FakeBridge) -> None:
    async def refuse(_: FakeBridge, connection: ServerConnection, frame: Frame) -> None:
        await post(connection, failure("bad_request", f"'{frame['recall']}' is none", frame["request_id"]))

    bridge.behaviours = [refuse, answered]
    with pytest.raises(RequestFailed, match="'all' is none"):
        run(asked(client(bridge), recall="all"))
