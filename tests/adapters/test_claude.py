"""Claude's Messages API against a real HTTP server: what is asked, what comes back, what is tried again."""

from __future__ import annotations

import pytest

from bridge.adapters.attempts import ATTEMPTS
from bridge.errors import BridgeError, UpstreamError, UpstreamOverloaded
from bridge.interruption import Interruption
from bridge.memory import prompt
from bridge.memory.prompt import Parts
from bridge.memory.window import Window
from bridge.ports.claude import Piece, Started, Text
from tests.adapters.asking import ANSWERED, api, ask, fails, listen
from tests.fakes import START as NOW
from tests.fakes import an_exchange
from tests.messages_server import (
    ANSWER,
    KEY,
    RESET,
    START,
    MessagesServer,
    Reply,
    event,
    failing,
    messages_server,
    text,
)

pytestmark = pytest.mark.usefixtures("key_is_nowhere")


def test_a_question_and_its_answer(server: MessagesServer) -> None:
    server.reply(Reply())
    assert ask(api(server)) == ANSWERED
    (asked,) = server.asked
    assert asked.path == "/v1/messages"
    told = prompt.build(Parts("Be kind.", Window((an_exchange(),)), "And now?", NOW))
    assert asked.body == {
        "model": "claude-asked",
        "max_tokens": 99,
        "stream": True,
        "system": told.system,
        "messages": told.messages,
    }
    assert asked.headers["x-api-key"] == KEY
    assert asked.headers["anthropic-version"] == "2023-06-01"
    assert asked.headers["content-type"] == "application/json"
    assert asked.headers["accept-encoding"] == "identity"
    assert "authorization" not in asked.headers


def test_servers_that_want_a_bearer_token_and_a_path_of_their_own(server: MessagesServer) -> None:
    server.reply(Reply())
    ask(api(server, base_url=server.url + "/anthropic/", auth_header="authorization", version="2026-10-21"))
    (asked,) = server.asked
    assert asked.path == "/anthropic/v1/messages"
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    assert asked.headers["anthropic-version"] == "2026-10-21"
    assert "x-api-key" not in asked.headers


def test_no_system_prompt_is_no_field(server: MessagesServer) -> None:
    server.reply(Reply())
    with api(server).answer(prompt.build(Parts("", Window(), "Hi", NOW)), "m", Interruption()) as events:
        list(events)
    assert "system" not in server.asked[0].body


@pytest.mark.parametrize("chunked", [True, False])
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_the_cut_of_the_stream_does_not_matter(server: MessagesServer, chunked: bool, size: int) -> None:
    whole = b"".join(ANSWER).replace(b"\n", b"\r\n")
    server.reply(Reply([whole[at : at + size] for at in range(0, len(whole), size)], chunked=chunked))
    assert ask(api(server)) == ANSWERED


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504, 529])
def test_what_may_pass_is_tried_again(server: MessagesServer, waits: list[float], status: int) -> None:
    server.reply(failing(status), failing(status), Reply())
    assert ask(api(server)) == ANSWERED
    assert len(waits) == 2
    assert 0.375 <= waits[0] <= 0.5
    assert 0.75 <= waits[1] <= 1


@pytest.mark.parametrize("status", [400, 402, 404, 413, 422, 301, 302, 307, 204])
def test_what_will_not_pass_is_not(server: MessagesServer, waits: list[float], status: int) -> None:
    reply = failing(status, "invalid_request_error", "Too long.", location="/elsewhere")
    server.reply(Reply((), status) if status == 204 else reply)
    error = fails(api(server))
    assert (error.code, error.retryable) == ("upstream_error", False)
    assert str(status) in error.message
    assert waits == []
    assert len(server.asked) == 1


def test_the_server_has_the_last_word_on_trying_again(server: MessagesServer, waits: list[float]) -> None:
    server.reply(failing(400, x_should_retry="true"), Reply())
    assert ask(api(server)) == ANSWERED
    server.reply(failing(503, x_should_retry="false"))
    assert isinstance(fails(api(server)), UpstreamOverloaded)
    assert len(waits) == 1


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"retry_after": "3"}, 3.0),
        ({"retry_after": "60"}, 60.0),
        ({"retry_after_ms": "250", "retry_after": "9"}, 0.25),
        ({"retry_after_ms": "soon", "retry_after": "2.5"}, 2.5),
        ({"retry_after": "0"}, 0.0),
    ],
)
def test_it_waits_as_long_as_it_is_told(
    server: MessagesServer, waits: list[float], headers: dict[str, str], wait: float
) -> None:
    server.reply(failing(429, **headers), Reply())
    assert ask(api(server)) == ANSWERED
    assert waits == [wait]


@pytest.mark.parametrize("value", ["soon", "-1", "nan", "inf", "Wed, 21 Oct 2026 07:28:00 GMT"])
def test_a_wait_that_is_none_is_the_usual_one(server: MessagesServer, waits: list[float], value: str) -> None:
    server.reply(failing(429, retry_after=value), Reply())
    assert ask(api(server)) == ANSWERED
    assert 0.375 <= waits[0] <= 0.5


def test_a_wait_over_a_minute_is_the_clients(server: MessagesServer, waits: list[float]) -> None:
    server.reply(failing(429, "rate_limit_error", retry_after="61"))
    error = fails(api(server))
    assert (error.code, error.retryable, error.retry_after) == ("upstream_overloaded", True, 61.0)
    assert (error.detail, error.claude_request_id) == ("status 429, rate_limit_error", "req_1")
    assert waits == []


def test_it_gives_up_after_its_attempts(server: MessagesServer, waits: list[float]) -> None:
    server.reply(*[failing(529, "overloaded_error") for _ in range(ATTEMPTS)])
    assert isinstance(fails(api(server)), UpstreamOverloaded)
    assert len(server.asked) == ATTEMPTS
    assert len(waits) == ATTEMPTS - 1


@pytest.mark.parametrize(
    "broken",
    [
        (RESET,),
        (START, RESET),
        (START,),
        (b"<html>",),
        (b"data: garbage\n\n",),
        (START, event("error", error={"type": "overloaded_error"})),
        (),
    ],
)
def test_what_breaks_before_the_first_word_is_tried_again(
    server: MessagesServer, waits: list[float], broken: tuple[bytes, ...]
) -> None:
    server.reply(Reply(broken), Reply())
    assert ask(api(server))[-len(ANSWERED) :] == ANSWERED
    assert len(waits) == 1


@pytest.mark.parametrize(
    "end", [(RESET,), (), (b"data: garbage\n\n",), (event("error", error={"type": "overloaded_error"}),)]
)
def test_after_the_first_word_nothing_is(
    server: MessagesServer, waits: list[float], end: tuple[bytes, ...]
) -> None:
    server.reply(Reply((START, text("Hel"), *end)))
    heard: list[Piece] = []
    with pytest.raises(BridgeError) as caught:
        listen(api(server), heard)
    assert caught.value.retryable
    assert heard == ANSWERED[:2]
    assert (waits, len(server.asked)) == ([], 1)


def test_the_name_of_a_call_is_told_with_its_beginning(server: MessagesServer) -> None:
    server.reply(Reply(headers={"request-id": "req_011CSHoEeqs5C35K2UUqR7Fy"}))
    started = ask(api(server))[0]
    assert isinstance(started, Started)
    assert started.request_id == "req_011CSHoEeqs5C35K2UUqR7Fy"


@pytest.mark.parametrize(
    "end", [(RESET,), (), (b"data: garbage\n\n",), (event("error", error={"type": "overloaded_error"}),)]
)
def test_the_name_of_a_call_is_told_with_its_failure(server: MessagesServer, end: tuple[bytes, ...]) -> None:
    server.reply(Reply((START, text("Hel"), *end), headers={"request-id": "req_2"}))
    assert fails(api(server)).claude_request_id == "req_2"


@pytest.mark.parametrize("told", ["", "two words", "é", "r" * 129, "\x1b[2J"])
def test_what_is_no_name_of_a_call_is_not_told(server: MessagesServer, told: str) -> None:
    server.reply(failing(400, **{"request-id": told}))
    assert fails(api(server)).claude_request_id is None


def test_a_server_that_is_not_there(waits: list[float]) -> None:
    with messages_server() as gone:
        pass
    error = fails(api(gone))
    assert (error.code, error.retryable, error.detail) == ("upstream_error", True, "ConnectionError")
    assert len(waits) == ATTEMPTS - 1


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b'{"error":null}', b'{"error":{"type":1}}', b"[" * 9999]
)
def test_an_errors_body_may_be_anything(server: MessagesServer, body: bytes) -> None:
    server.reply(Reply((body,), 400, chunked=False))
    error = fails(api(server))
    assert isinstance(error, UpstreamError)
    assert error.message == "Claude's API answered with status 400."


def test_half_a_character_in_an_errors_body_is_replaced(server: MessagesServer) -> None:
    server.reply(Reply((b'{"error":{"type":"t\\ud800","message":"m\\udfff"}}',), 400, chunked=False))
    error = fails(api(server))
    assert error.message.endswith(": m\ufffd")
    assert "t\ufffd" in str(error.detail)


def test_leaving_early_closes_the_call(server: MessagesServer) -> None:
    server.reply(Reply((START, *[text("word ")] * 50)), Reply())
    claude = api(server)
    with claude.answer(prompt.build(Parts("", Window(), "Hi", NOW)), "m", Interruption()) as events:
        assert isinstance(next(iter(events)), Started)
        assert next(iter(events)) == Text("word ")
    assert ask(claude) == ANSWERED


def test_the_environments_proxies_see_nothing(
    server: MessagesServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    server.reply(Reply())
    assert ask(api(server)) == ANSWERED
