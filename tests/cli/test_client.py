"""The client as a library: what it sends, what it makes of what it gets."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from bridge_cli.client import BridgeClient, Endpoint
from bridge_cli.errors import (
    CannotConnect,
    ConnectionRefused,
    MessageTooLarge,
    RequestFailed,
    UnexpectedFrame,
)
from bridge_cli.events import Accepted, Answer
from tests.cli.conversing import asked, client, run, shown
from tests.cli.fake_bridge import FakeBridge, Frame, failure, post


def test_an_answer_streams_and_ends_with_its_whole_text(bridge: FakeBridge) -> None:
    events = run(asked(client(bridge), model="claude-opus-5-5"))
    assert isinstance(events[0], Accepted)
    assert [event.text for event in events[1:-1]] == bridge.reply
    assert isinstance(events[-1], Answer)
    assert events[-1].text == "Hello, world"
    assert events[-1].usage["output_tokens"] == 7
    assert bridge.sent("query")[0]["model"] == "claude-opus-5-5"
    assert bridge.handshakes[0]["Authorization"] == "Bearer a.b.c"


def test_a_long_message_is_one_message_in_frames_under_32_kb(bridge: FakeBridge) -> None:
    message = "héllo 😀 " * 8_000
    run(asked(client(bridge), message))
    assert bridge.sent("query")[0]["message"] == message
    assert len(bridge.frame_sizes[0]) > 1
    assert max(bridge.frame_sizes[0]) < 32_000


def test_a_message_over_128_kb_is_refused_before_anything_is_sent(bridge: FakeBridge) -> None:
    with pytest.raises(MessageTooLarge):
        run(asked(client(bridge), "x" * 131_072))
    assert bridge.received == []


def test_an_error_of_the_bridge_carries_its_advice(bridge: FakeBridge) -> None:
    async def overloaded(_: FakeBridge, connection: ServerConnection, frame: Frame) -> None:
        told = failure("upstream_overloaded", "busy", frame["request_id"], retryable=True, retry_after=7)
        await post(connection, told)

    bridge.behaviours = [overloaded]
    with pytest.raises(RequestFailed, match="busy") as caught:
        run(asked(client(bridge)))
    assert caught.value.retry_after == 7
    assert "7 s" in caught.value.hint


@pytest.mark.parametrize(("message", "hint"), [("it broke", "Try again."), ("It broke. Try again.", "")])
def test_what_an_error_of_the_bridge_advises_is_not_said_twice(
    bridge: FakeBridge, message: str, hint: str
) -> None:
    async def fail(_: FakeBridge, connection: ServerConnection, frame: Frame) -> None:
        await post(connection, failure("internal", message, frame["request_id"], retryable=True))

    bridge.behaviours = [fail] * 3
    with pytest.raises(RequestFailed) as caught:
        run(asked(client(bridge)))
    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_what_may_have_been_taken_in_is_sent_again_under_its_id_and_not_forever(bridge: FakeBridge) -> None:
    async def gateway(_: FakeBridge, connection: ServerConnection, frame: Frame) -> None:
        await post(connection, {"message": "Internal server error", "connectionId": "c", "requestId": "a"})

    bridge.behaviours = [gateway] * 2
    assert shown(run(asked(client(bridge)))) == "Hello, world"
    bridge.behaviours = [gateway] * 3
    with pytest.raises(RequestFailed, match="Internal server error"):
        run(asked(client(bridge)))
    first, second = bridge.sent("query")[:3], bridge.sent("query")[3:]
    assert [len({frame["request_id"] for frame in sent}) for sent in (first, second)] == [1, 1]


def test_what_is_no_bridge_is_told_so(bridge: FakeBridge) -> None:
    async def echo(_: FakeBridge, connection: ServerConnection, frame: Frame) -> None:
        await connection.send("Request served by example")

    bridge.behaviours = [echo]
    with pytest.raises(UnexpectedFrame, match="not JSON"):
        run(asked(client(bridge)))


def test_a_refused_token_is_told_apart_from_none(bridge: FakeBridge) -> None:
    bridge.refusals = [401, 403, 401]
    for _ in range(2):
        with pytest.raises(ConnectionRefused, match="refused"):
            run(asked(client(bridge)))
    with pytest.raises(ConnectionRefused, match="wants a token"):
        run(asked(BridgeClient(Endpoint(bridge.url))))


def test_a_redirect_does_not_take_the_token_along(bridge: FakeBridge) -> None:
    bridge.refusals = [302]
    with pytest.raises(CannotConnect, match="HTTP 302"):
        run(asked(client(bridge)))


def test_several_questions_at_once_each_get_their_answer(bridge: FakeBridge) -> None:
    async def both() -> list[str]:
        async with client(bridge) as connected:

            async def one(session: str) -> str:
                return shown([event async for event in connected.ask("Hi", session)])

            return list(await asyncio.gather(one("a"), one("b"), one("c")))

    assert run(both()) == ["Hello, world"] * 3


def test_history_joins_the_parts_of_an_exchange_across_pages(bridge: FakeBridge) -> None:
    def entry(turn: int, role: str, text: str, **more: Any) -> Frame:
        return {"turn": turn, "at": "t", "context": [{"role": role, "content": text}]} | more

    bridge.page_size = 2
    bridge.exchanges["plans"] = [
        entry(1, "user", "first"),
        entry(2, "user", "ques", part=1, parts=4),
        entry(2, "user", "tion", part=2, parts=4),
        entry(2, "assistant", "ans", part=3, parts=4),
        entry(2, "assistant", "wer", part=4, parts=4),
    ]

    async def read() -> Any:
        async with client(bridge) as connected:
            newest, before = await connected.history("plans")
            pages = [page async for page in connected.history_backwards("plans")]
            return newest, before, pages

    newest, before, pages = run(read())
    assert [exchange.context for exchange in newest] == [(("user", "question"), ("assistant", "answer"))]
    assert before == "1"
    assert [[exchange.turn for exchange in page] for page in pages] == [[2], [1]]


def test_a_first_page_that_instructions_fill_is_followed_by_the_next(bridge: FakeBridge) -> None:
    look_up = bridge._history

    def filled(frame: Frame) -> Frame:
        page = look_up(frame)
        if frame.get("before") is None and "exchanges" in page:
            return page | {"exchanges": [], "before": str(len(bridge.exchanges["plans"]))}
        return page

    async def read() -> Any:
        async with client(bridge) as connected:
            assert shown([event async for event in connected.ask("Hi", "plans")]) == "Hello, world"
            page, before = await connected.history("plans")
            asked = bridge.sent("query")[0]["request_id"]
            return page, before, await connected.finished("plans", asked)

    bridge._history = filled  # type: ignore[method-assign]
    page, before, finished = run(read())
    assert (page, before) == ([finished], None)
    assert finished.turn == 1
